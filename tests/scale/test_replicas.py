"""The measurement of how soon a second server shows what the first has acknowledged, in small."""

import re

import pytest
from click.testing import CliRunner

from loadtests import replicas
from tests.services import postgres_server


def test_no_answer_of_the_other_server_is_from_before_a_click(monkeypatch: pytest.MonkeyPatch):
    with postgres_server() as postgres:
        monkeypatch.setenv("RECGATE_DATABASE_URL", postgres.url)
        ran = CliRunner().invoke(replicas.main, ["--rate", "500", "--seconds", "3"])
    assert ran.exit_code == 0, (ran.output, ran.exception)
    found = re.search(r"([\d,]+) clicks: (\d+) answers from before them, (\d+) said so", ran.output)
    assert found is not None and int(found[1]) >= 10
    assert found[2] == found[3]  # none, but for those that said so


def test_it_names_the_database_that_it_needs():
    ran = CliRunner().invoke(replicas.main, [], env={"RECGATE_DATABASE_URL": ""})
    assert ran.exit_code == 2 and "RECGATE_DATABASE_URL" in ran.output
