"""A watch tells of commits of any connection and process, and now and then without one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.storage.commits import AT_LEAST_EVERY_S, CommitWatch
from engine.storage.sql import Database, sqlite_url


@pytest.fixture
def database(tmp_path: Path):
    opened = Database(sqlite_url(tmp_path))
    yield opened
    opened.close()


def add(database: Database, name: str) -> None:
    with database.write() as connection:
        connection.execute(sa.text(f"CREATE TABLE {name} (x INTEGER)"))


def test_a_commit_is_news_once(database: Database):
    now = 100.0
    watch = CommitWatch(database.file, lambda: now)
    assert [watch.has_news() for _ in range(3)] == [True, False, False]
    add(database, "a")
    assert [watch.has_news() for _ in range(2)] == [True, False]
    now += AT_LEAST_EVERY_S  # what is due by the time of day
    assert [watch.has_news() for _ in range(2)] == [True, False]
    watch.close()


def test_another_process_commits(database: Database):
    watch = CommitWatch(database.file, lambda: 100.0)
    assert [watch.has_news() for _ in range(2)] == [True, False]
    script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('CREATE TABLE b (x)'); c.commit()"
    subprocess.run([sys.executable, "-c", script, str(database.file)], check=True)
    assert [watch.has_news() for _ in range(2)] == [True, False]
    watch.close()


def test_what_can_not_be_told_is_news(tmp_path: Path):
    for file in (None, tmp_path / "none.db"):
        watch = CommitWatch(file, lambda: 100.0)
        assert [watch.has_news() for _ in range(3)] == [True, True, True]
