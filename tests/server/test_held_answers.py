"""Gateways before engines that share PostgreSQL keep answers, and give none from before an acknowledged event."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from hashlib import sha256

import httpx
import pytest

from tests.server.test_roles import asked_of
from tests.server.two_places import Visitor, check, two_places
from tests.server.world import Server, running
from tests.services import PostgresServer, RedisServer, redis_server

PATH = "/recommend-items/shop/unseen/{}?numResults=25"
ADMIN = f"admin: {{keys: [{{name: operator, sha256: {sha256(b'operator').hexdigest()}}}]}}\n"


@dataclass
class World:
    gateways: list[Server]
    engines: list[Server]
    redis: RedisServer

    def asked(self) -> float:
        """The lists that engines were asked for."""
        return sum(map(asked_of, self.engines))


@pytest.fixture(scope="module")
def world(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("held")
    with ExitStack() as closing:
        redis = closing.enter_context(redis_server(folder))
        flags = ("--role", "engine")
        engines = closing.enter_context(two_places(folder, postgres, redis=redis.url, flags=flags, more=ADMIN))
        gateways = []
        for name in ("left", "right"):
            (folder / name).mkdir()
            flags = ("--role", "gateway", "--engines", ",".join(engine.url for engine in engines))
            gateway = Server(folder / name, engines[0].config, workers=1, flags=flags, environ=engines[0].environ)
            gateways.append(closing.enter_context(running(gateway)))
        yield World(gateways, engines, redis)


@pytest.fixture
def client(world: World) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=world.gateways[0].url, timeout=20) as client:
        yield client


@pytest.fixture
def visitor(world: World) -> Iterator[Visitor]:
    with closing(Visitor(world.gateways)) as opened:
        yield opened


def held(world: World, client: httpx.Client, user: str, **headers: str) -> httpx.Response:
    """An answer that the gateway gives without asking an engine."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        before = world.asked()
        answer = client.get(PATH.format(user), headers=headers)
        if answer.status_code == 200 and world.asked() == before:
            return answer
    raise AssertionError("each request has reached an engine")


def test_it_goes_out_as_an_engine_would_send_it(world: World, client: httpx.Client) -> None:
    answer = held(world, client, "kept-1")
    with httpx.Client(base_url=world.engines[0].url) as straight:
        for _ in range(2):
            direct = straight.get(PATH.format("kept-1"))
    assert answer.json()["itemList"] == direct.json()["itemList"]
    assert set(answer.headers) == set(direct.headers)
    assert answer.headers["x-cache"] in ("hit", "shared") and int(answer.headers["age"]) < 20
    before, tag = world.asked(), {"if-none-match": answer.headers["etag"]}
    assert client.get(PATH.format("kept-1"), headers=tag).status_code == 304
    head = client.head(PATH.format("kept-1"))
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == answer.headers["content-length"]
    assert world.asked() == before
    page = client.get("/metrics").text
    assert 'recgate_cache_lookups_total{namespace="shop",outcome="hit",recommender="unseen"}' in page


@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_each_form_is_held_apart(world: World, client: httpx.Client, coding: str) -> None:
    answer = held(world, client, "kept-1", **{"accept-encoding": f"{coding}, *;q=0"})
    assert answer.headers.get("content-encoding", "identity") == coding
    assert answer.json()["itemList"] and answer.headers["etag"].endswith('-gzip"') == (coding == "gzip")


def test_nothing_of_it_is_told_to_who_asks_an_engine(world: World) -> None:
    for _ in range(3):
        told = httpx.get(f"{world.engines[0].url}{PATH.format('told-1')}", headers={"x-recgate-gateway": "guess"})
    assert "x-recgate-hold" not in told.headers


def test_an_event_ends_it_at_once_with_redis_and_without(world: World, client: httpx.Client, visitor: Visitor) -> None:
    def clicked(prefix: str) -> None:
        for number in range(10):
            user = f"{prefix}-{number}"
            first = held(world, client, user).json()["itemList"][0]["itemId"]
            assert visitor.click(1, user, first)[0] == 200
            assert first not in visitor.ask(0, user)[1], user
        seen = check(world.gateways, 60, 1)
        assert (seen.late, seen.behind, seen.refused) == ([], 0, 0)

    clicked("told")
    world.redis.kill()
    clicked("untold")
    world.redis.start()


def test_a_gateway_that_was_stopped_repeats_nothing_old(world: World, client: httpx.Client, visitor: Visitor) -> None:
    stopped = world.gateways[0]
    assert stopped.process is not None
    items = {f"late-{number}": held(world, client, f"late-{number}").json()["itemList"] for number in range(5)}
    os.killpg(stopped.process.pid, signal.SIGSTOP)
    resumed = threading.Timer(2.0, os.killpg, (stopped.process.pid, signal.SIGCONT))
    resumed.start()
    for user, listed in items.items():
        assert visitor.click(1, user, listed[0]["itemId"])[0] == 200
    for user, listed in items.items():
        status, after, _ = visitor.ask(0, user)
        assert status == 200 and listed[0]["itemId"] not in after, user
    resumed.join()


def test_what_changes_for_everybody_ends_it(world: World, client: httpx.Client) -> None:
    held(world, client, "purged-1")
    before, key = world.asked(), {"x-api-key": "operator"}
    with httpx.Client(base_url=world.gateways[1].url, timeout=20) as other:
        assert other.post("/admin/purge", json={"namespace": "shop"}, headers=key).status_code == 200
    time.sleep(0.1)
    client.get(PATH.format("purged-1"))
    assert world.asked() == before + 1


def test_another_configuration_ends_it(world: World, client: httpx.Client) -> None:
    held(world, client, "read-1")
    config = world.engines[0].config
    assert config is not None
    config.write_text(f'{config.read_text()}version: "2"\n')
    deadline = time.monotonic() + 10
    while client.get("/health").headers.get("x-personalization-config-version") != "2":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    before = world.asked()
    client.get(PATH.format("read-1"))
    assert world.asked() == before + 1
    assert held(world, client, "read-1").headers["x-personalization-config-version"] == "2"
