"""Servers that read a topic are killed and stopped while it grows: each message counts once in the end."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from engine.data.entries import read_interaction
from engine.storage.sql import Database, sqlite_url, with_driver
from engine.storage.tables import converted, log
from tests.engine.shop import T0, Shop
from tests.gateway.sources.world import CONFIG, Topic, cluster
from tests.server.world import Server, running
from tests.services import postgres_server

MESSAGES = 6000
WRITING_S = 45.0
SESSION = "session.timeout.ms: '4000'"  # longer than the cluster lets a new group wait


def message(number: int) -> dict[str, Any]:
    """An event, which the log would not take twice in any case, and a conversion, which would count twice."""
    event = {"eventType": "click", "itemId": f"i{number}", "sentAt": T0}
    conversion = {"recommender": "home", "metric": "sales"}
    user = f"u{number}"
    return {"sessionId": "s", "userId": user, "eventList": [event], "experimentConversions": [conversion]}


@contextmanager
def growing(topic: Topic) -> Iterator[threading.Thread]:
    """The topic gets its messages, by many keys, for less than a minute."""

    def write() -> None:
        began = time.monotonic()
        for number in range(0, MESSAGES, 20):
            for each in range(number, number + 20):
                topic.write(message(each), key=str(each % 16))
            time.sleep(max(0.0, began + number / MESSAGES * WRITING_S - time.monotonic()))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield thread
    finally:
        thread.join()


def configuration(folder: Path, topic: Topic, tracking: str) -> Path:
    path = folder / "shop.yaml"
    source = topic.source().replace("session.timeout.ms: '6000'", SESSION)
    path.write_text(CONFIG.replace("TRACKING", tracking).replace("SOURCE", source))
    return path


def counts(url: str) -> tuple[list[str | None], list[str]]:
    """The items of all events and the users of all conversions, as often as they are there."""
    with closing(Database(url)) as database:
        events = database.rows(sa.select(log.c.body).where(log.c.kind == "event"))
        outcomes = database.rows(sa.select(converted.c.unit).where(converted.c.metric == "sales"))
    return [read_interaction(row.body).item for row in events], [row.unit for row in outcomes]


def check_all_once(url: str) -> None:
    """In the end, which may take a while."""
    deadline = time.monotonic() + 90
    while len(set(counts(url)[1])) < MESSAGES and time.monotonic() < deadline:
        time.sleep(0.5)
    items, users = counts(url)
    assert sorted(items, key=str) == sorted(f"i{number}" for number in range(MESSAGES))
    assert sorted(users) == sorted(f"u{number}" for number in range(MESSAGES))


def reader_of(server: Server) -> int:
    """Waits for the process, which may just have been killed."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for pid, name in server.children().items():
            if name == "sources":
                return pid
        time.sleep(0.05)
    raise AssertionError(server.log())


def lag(server: Server) -> dict[str, float]:
    """By partition."""
    lines = httpx.get(f"{server.url}/metrics").text.splitlines()
    rows = [line for line in lines if line.startswith("recgate_source_lag{")]
    return {row.split('partition="')[1].split('"')[0]: float(row.rpartition(" ")[2]) for row in rows}


def until(true: Callable[[], object], server: Server) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, server.log()
        time.sleep(0.1)


@pytest.fixture
def topic() -> Iterator[Topic]:
    with cluster() as brokers:
        yield Topic(brokers)


def test_a_reader_that_is_killed_again_and_again(tmp_path: Path, topic: Topic) -> None:
    with closing(Shop(tmp_path)) as shop:
        tracking = shop.furnish().tracking
    draw, kills = Random(3), 0
    server = Server(tmp_path / "data", configuration(tmp_path, topic, tracking), workers=1)
    with running(server):
        with growing(topic) as writer:
            while writer.is_alive():
                until(lambda: lag(server), server)
                time.sleep(2 * draw.random())
                os.kill(reader_of(server), signal.SIGKILL)
                until(lambda: not lag(server), server)  # numbers of the dead are forgotten
                kills += 1
        assert kills >= 3
        check_all_once(sqlite_url(server.data))
        until(lambda: list(lag(server).values()) == [0.0] * 4, server)


def test_another_server_goes_on(tmp_path: Path, topic: Topic) -> None:
    """One of two is stopped until the other has its partitions, and comes back to write what it held; then one is
    killed for good."""
    with ExitStack() as closing_, postgres_server() as postgres:
        url = with_driver(postgres.url)
        with closing(Shop(tmp_path, database_url=url)) as shop:
            tracking = shop.furnish().tracking
        config = configuration(tmp_path, topic, tracking)
        environ: Mapping[str, str] = {"RECGATE_DATABASE_URL": postgres.url}
        folders = [tmp_path / name for name in ("one", "two")]
        for folder in folders:
            folder.mkdir()
        one, two = (Server(folder, config, workers=1, environ=dict(environ)) for folder in folders)
        closing_.enter_context(running(two))
        one.start()
        with growing(topic) as writer:
            until(lambda: len(lag(one)) == len(lag(two)) == 2, two)
            stopped = reader_of(one)
            os.kill(stopped, signal.SIGSTOP)
            until(lambda: len(lag(two)) == 4, two)
            os.kill(stopped, signal.SIGCONT)
            until(lambda: len(lag(one)) == 2, one)
            one.kill_all()
            until(lambda: len(lag(two)) == 4, two)
            writer.join()
        check_all_once(url)
