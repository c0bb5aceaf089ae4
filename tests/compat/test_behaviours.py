"""Documented behaviours, a row each, against servers that run as their users run them."""

from __future__ import annotations

import re

import pytest

from tests.compat.behaviours import ROWS
from tests.compat.table import Row, tried
from tests.compat.world import World

SECTIONS = [f"1.{number}" for number in range(1, 11)] + [f"2.{number}" for number in range(3, 9)]
COVERED = {*SECTIONS, "3.2", "3.3", "3.4", "3.6", "4.1", "4.2", "4.4", "5", "9", "10"}


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_documented_behaviour(row: Row, world: World) -> None:
    tried(world.filled(row), world.client(row.server), world.origin.asked)


def test_the_table_is_as_long_and_as_wide_as_the_specification() -> None:
    assert len(ROWS) >= 150
    assert {row.section for row in ROWS} == COVERED
    assert len({str(row) + str(row.says) for row in ROWS}) > len(ROWS) * 0.8


def test_no_server_has_failed(world: World) -> None:
    for name in ("main", "aws", "tokens"):
        world.client(name)
    logs = "".join(path.read_text() for path in world.folder.rglob("server.log"))
    assert not re.search("Traceback", logs), logs
