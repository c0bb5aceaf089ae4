"""Machines that share PostgreSQL: no answer from before an acknowledged event of its user, whichever is asked."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from statistics import median

import httpx
import pytest

from tests.server.two_places import Visitor, check, two_places
from tests.server.world import Server
from tests.services import PostgresServer, RedisServer, redis_server

PAIRS = 60


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def visitor(places: list[Server]) -> Iterator[Visitor]:
    with closing(Visitor(places)) as opened:
        yield opened


@pytest.fixture(scope="module")
def places(
    postgres: PostgresServer, redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Server]]:
    with two_places(tmp_path_factory.mktemp("places"), postgres, redis=redis.url) as servers:
        yield servers


def test_the_other_place_answers_with_the_event_with_redis_and_without(
    places: list[Server], redis: RedisServer
) -> None:
    told = check(places, PAIRS, 1)
    assert (told.late, told.behind, told.refused) == ([], 0, 0)
    redis.kill()
    untold = check(places, PAIRS, 2)
    assert (untold.late, untold.behind, untold.refused) == ([], 0, 0)
    redis.start()
    time.sleep(1.2)
    again = check(places, PAIRS, 3)
    assert (again.late, again.behind, again.refused) == ([], 0, 0)
    print(*(f"acknowledged in {median(each.acknowledged_ms):.1f} ms" for each in (told, untold, again)))


def test_a_place_that_was_stopped_answers_nothing_old(places: list[Server], visitor: Visitor) -> None:
    stopped = places[1]
    assert stopped.process is not None
    items = {f"late-{number}": visitor.ask(1, f"late-{number}")[1] for number in range(20)}
    assert visitor.ask(1, "late-0")[2]["x-cache"] in ("hit", "shared")
    os.killpg(stopped.process.pid, signal.SIGSTOP)
    resumed = threading.Timer(3.0, os.killpg, (stopped.process.pid, signal.SIGCONT))
    resumed.start()
    for user, listed in items.items():
        assert visitor.click(0, user, listed[0])[0] == 200
    for user, listed in items.items():
        status, after, headers = visitor.ask(1, user)
        assert status == 200
        assert listed[0] not in after or "x-recgate-behind" in headers, user
    resumed.join()


def test_operators_see_how_far_each_process_is(places: list[Server], visitor: Visitor) -> None:
    """While Redis carries the news: all are abreast at rest, and one that stands still falls behind."""

    def behind(here: bool) -> list[int]:
        shown = httpx.get(f"{places[0].url}/admin/processes", timeout=20).json()["replicas"]
        return [each["behind"] for each in shown if each["here"] == here]

    def awaited(reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not reached():
            assert time.monotonic() < deadline, (behind(True), behind(False))
            time.sleep(0.1)

    assert visitor.click(0, "abreast", "i1")[0] == 200
    awaited(lambda: {*behind(True), *behind(False)} == {0})
    stopped = places[1]
    assert stopped.process is not None
    os.killpg(stopped.process.pid, signal.SIGSTOP)
    try:
        for number in range(10):
            assert visitor.click(0, f"ahead-{number}", "i1")[0] == 200
        awaited(lambda: bool(behind(False)) and min(behind(False)) >= 10)
        assert {*behind(True)} == {0}
    finally:
        os.killpg(stopped.process.pid, signal.SIGCONT)
    awaited(lambda: {*behind(True), *behind(False)} == {0})


def test_a_request_waits_for_the_position_that_it_names(visitor: Visitor) -> None:
    before = visitor.ask(1, "pos-1")[1]
    status, headers = visitor.click(0, "pos-1", before[0])
    position = headers["x-recgate-position"]
    status, after, answered = visitor.ask(1, "pos-1", {"X-Recgate-Position": position})
    assert (status, before[0] in after, "x-recgate-behind" in answered) == (200, False, False)
    assert visitor.ask(1, "pos-1", {"X-Recgate-Position": position})[2]["x-cache"] in ("hit", "shared")
    ahead = str(int(position) + 1000)
    status, _, answered = visitor.ask(1, "pos-1", {"X-Recgate-Position": ahead})
    assert status == 200 and int(position) <= int(answered["x-recgate-behind"]) < int(ahead)
    assert "no-cache" in answered.get("cache-control", "no-cache")
    assert visitor.ask(1, "pos-1", {"X-Recgate-Position": "soon"})[0] == 400


def test_while_the_database_is_away_answers_say_that_they_may_be_old(
    places: list[Server], postgres: PostgresServer, visitor: Visitor
) -> None:
    before = visitor.ask(1, "away-1")[1]
    assert visitor.click(0, "away-1", before[0])[0] == 200
    assert before[0] not in visitor.ask(1, "away-1")[1]
    postgres.kill()
    time.sleep(0.2)
    status, after, headers = visitor.ask(1, "away-1")
    assert (status, before[0] in after) == (200, False)
    assert int(headers["x-recgate-behind"]) > 0
    assert visitor.click(0, "away-1", before[1])[0] == 503
    postgres.start()
    deadline = time.monotonic() + 10
    while visitor.click(0, "away-1", before[1])[0] != 200 or "x-recgate-behind" in visitor.ask(1, "away-1")[2]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert check(places, 30, 4).late == []
