"""Worlds that the tests of a module share: with keys, and without."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.engine.shop import Shop
from tests.gateway.admin.world import CONFIG, AdminWorld, admin_of


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdminWorld]:
    folder = tmp_path_factory.mktemp("keyed")
    with closing(furnished(folder)) as shop:
        yield AdminWorld(folder, CONFIG + admin_of(), shop)


@pytest.fixture(scope="module")
def keyless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdminWorld]:
    folder = tmp_path_factory.mktemp("keyless")
    with closing(furnished(folder)) as shop:
        yield AdminWorld(folder, CONFIG, shop)


def furnished(folder: Path) -> Shop:
    """A shop whose model of popular items is deployed, and one job of which has failed."""
    shop = Shop(folder)
    shop.furnish().load_clicks("u1 i1 1", "u1 i2 2", "u2 i1 3")
    shop.deploy(shop.train(), "popular")
    return shop
