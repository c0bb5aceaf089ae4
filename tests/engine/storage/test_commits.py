"""A watch tells of commits of any connection and process, and now and then without one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Timer

import pytest
import sqlalchemy as sa

from engine.storage.commits import AT_LEAST_EVERY_S, CommitWatch
from engine.storage.sql import Database, sqlite_url


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "recgate.db"


@pytest.fixture
def database(file: Path) -> Iterator[Database]:
    opened = Database(sqlite_url(file.parent))
    yield opened
    opened.close()


def add(database: Database, name: str) -> None:
    with database.write() as connection:
        connection.execute(sa.text(f"CREATE TABLE {name} (x INTEGER)"))


def test_a_commit_is_news_once(database: Database, file: Path):
    now = 100.0
    watch = CommitWatch(file, lambda: now)
    assert [watch.has_news() for _ in range(3)] == [True, False, False]
    add(database, "a")
    assert [watch.has_news() for _ in range(2)] == [True, False]
    now += AT_LEAST_EVERY_S  # what is due by the time of day
    assert [watch.has_news() for _ in range(2)] == [True, False]
    watch.close()


@pytest.mark.usefixtures("database")
def test_another_process_commits(file: Path):
    watch = CommitWatch(file, lambda: 100.0)
    assert [watch.has_news() for _ in range(2)] == [True, False]
    script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('CREATE TABLE b (x)'); c.commit()"
    subprocess.run([sys.executable, "-c", script, str(file)], check=True)
    assert [watch.has_news() for _ in range(2)] == [True, False]
    watch.close()


def test_what_can_not_be_told_is_news(tmp_path: Path):
    for file in (None, tmp_path / "none.db"):
        watch = CommitWatch(file, lambda: 100.0)
        assert [watch.has_news() for _ in range(3)] == [True, True, True]


def test_who_waits_hears_of_a_commit_and_of_the_end(database: Database, file: Path):
    watch, end = CommitWatch(file, lambda: 100.0), Event()
    assert watch.has_news()
    for wake in (lambda: add(database, "c"), end.set):
        timer = Timer(0.05, wake)
        timer.start()
        watch.wait(end, 0.01)
        timer.join()
    assert end.is_set() and not watch.has_news()
    watch.close()
