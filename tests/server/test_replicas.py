"""Two servers over the same data with a real Redis between them, and an origin of their own."""

from __future__ import annotations

import asyncio
import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from tests.gateway.upstreams.origin import Asked, Origin, Reply, small_origin
from tests.server.world import CONFIG, Server, running
from tests.services import RedisServer, redis_server

PAUSE_S = 0.005  # between two requests of a caller
Clients = tuple[httpx.Client, httpx.Client]
KEYS = {name: sha256(name.encode()).hexdigest() for name in ("operator", "key-shop", "key-other")}
ELSEWHERE = """
  other:
    cacheControl: {{userSpecified: {{maxAge: 60, directives: "private,stale-if-error=600"}}}}
    recommenders:
      recommend-items:
        echo: {{variations: {{main: {{type: http, url: "{url}/{{userId}}?n={{numResults}}", retries: 0, timeout: 5}}}}}}
        short:
          cacheControl: {{userSpecified: {{maxAge: 1, directives: "private,stale-if-error=3"}}}}
          fallback: [popular]
          variations: {{main: {{type: http, url: "{url}/{{userId}}", retries: 0, timeout: 1}}}}
        popular: {{variations: {{main: {{type: engine, model: popular}}}}}}
"""


@dataclass
class World:
    servers: tuple[Server, Server]
    redis: RedisServer
    origin: Origin


@pytest.fixture
def clients(world: World) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    one, two = (httpx.Client(base_url=server.url, timeout=10) for server in world.servers)
    with one, two:
        yield one, two


@pytest.fixture(scope="module")
def world(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("replicas")
    data, config = folder / "data", folder / "shop.yaml"
    shutil.copytree(trained, data)
    with small_origin() as origin, redis_server(folder) as redis:
        admin = f"admin: {{keys: [{{name: operator, sha256: {KEYS['operator']}}}]}}\n"
        config.write_text(CONFIG.replace("namespaces:\n", f"{admin}namespaces:\n{ELSEWHERE.format(url=origin.url)}", 1))
        servers = [Server(data, config, workers=1, environ={"RECGATE_REDIS_URL": redis.url}) for _ in range(2)]
        with running(servers[0]), running(servers[1]):
            yield World((servers[0], servers[1]), redis, origin)


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["itemId"] for item in answer.json()["itemList"]]


def echo(asked: Asked) -> Reply:
    return Reply({"itemList": [{"itemId": f"for{asked.path}"}]})


def test_a_purchase_leaves_the_next_answer_of_every_replica(world: World, clients: Clients) -> None:
    slowest = 0.0
    one, two = clients
    for number in range(20):
        path = f"/recommend-items/shop/for-you/buyer-{number}?numResults=10"
        first = [names(client.get(path)) for client in (one, two)]
        bought = first[0][0]
        event = {"eventType": "purchase", "itemId": bought, "sentAt": int(time.time())}
        body = {"sessionId": f"s{number}", "userId": f"buyer-{number}", "eventList": [event]}
        assert one.post("/events/shop", json=body).status_code == 200
        told = time.monotonic()
        assert bought not in names(one.get(path))
        while bought in names(two.get(path)):
            assert time.monotonic() - told < 1.0
            time.sleep(0.01)
        slowest = max(slowest, time.monotonic() - told)
    print(f"20 purchases were out of both replicas' answers within {slowest * 1000:.0f} ms")


def test_one_origin_call_for_200_misses_of_both(world: World) -> None:
    gate, calls = threading.Event(), Counter[str]()

    def slow(asked: Asked) -> Reply:
        calls[asked.path] += 1
        gate.wait(5)
        return echo(asked)

    world.origin.by = slow

    async def storm() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(timeout=10, limits=limits) as client:
            urls = [f"{server.url}/recommend-items/other/echo/stormy" for server in world.servers]
            asked = [asyncio.create_task(client.get(urls[number % 2])) for number in range(200)]
            await asyncio.sleep(1.0)
            gate.set()
            return await asyncio.gather(*asked)

    answers = asyncio.run(storm())
    assert {tuple(names(answer)) for answer in answers} == {("for/stormy",)}
    assert calls["/stormy"] == 1


def test_nobody_gets_anybody_else_s_answer(world: World) -> None:
    world.origin.by = echo
    rng = random.Random(3)
    wrong: list[str] = []
    outcomes: Counter[str] = Counter()

    def ask(seed: int) -> None:
        own = random.Random(seed)
        with httpx.Client(timeout=10) as client:
            for _ in range(200):
                user, server = f"user-{own.randrange(40)}", own.choice(world.servers)
                answer = client.get(f"{server.url}/recommend-items/other/echo/{user}?numResults={own.choice([5, 6])}")
                outcomes[answer.headers["x-cache"]] += 1
                if names(answer) != [f"for/{user}"]:
                    wrong.append(user)

    threads = [threading.Thread(target=ask, args=(rng.random(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert outcomes["hit"] > 600 and outcomes["miss"] >= 80


def test_a_purge_reaches_every_replica(world: World, clients: Clients) -> None:
    world.origin.by = echo
    one, two = clients
    path = "/recommend-items/other/echo/purged"
    one.get(path)
    assert two.get(path).headers["x-cache"] == "hit"
    purge = {"namespace": "other", "user": "purged"}
    assert one.post("/admin/purge", json=purge, headers={"x-api-key": "operator"}).status_code == 200
    assert one.get(path).headers["x-cache"] == "miss"
    began = time.monotonic()
    before = len(world.origin.asked)
    while two.get(path).headers["age"] == "9":  # never: only so that the loop has a bound
        assert time.monotonic() - began < 1.0
    time.sleep(0.6)
    fresh = two.get(path)
    assert names(fresh) == ["for/purged"]
    assert len(world.origin.asked) == before  # it took what the first replica made after the purge


def test_the_origin_dies_and_comes_back(world: World, clients: Clients) -> None:
    world.origin.by = echo
    one, _ = clients
    path = "/recommend-items/other/short/patient"
    assert one.get(path).headers["x-cache"] == "miss"
    world.origin.by = lambda _: Reply({}, 500)
    time.sleep(1.2)
    stale = one.get(path)
    assert (names(stale), stale.headers["x-cache"]) == (["for/patient"], "stale")
    time.sleep(3.0)
    fallen = one.get(path)
    assert fallen.headers["x-cache"] == "fallback"
    assert names(fallen) == names(one.get("/recommend-items/other/popular/patient"))
    world.origin.by = echo
    for _ in range(100):
        answer = one.get(path)
        if names(answer) == ["for/patient"]:
            break
        time.sleep(0.5)  # until the breaker lets one through
    assert answer.headers["x-cache"] in ("miss", "hit")


def test_redis_dies_under_load_and_no_request_fails(world: World) -> None:
    world.origin.by = echo
    stop, statuses = threading.Event(), Counter[int]()

    def load(number: int) -> None:
        own = random.Random(number)
        with httpx.Client(timeout=10) as client:
            while not stop.wait(PAUSE_S):
                server = own.choice(world.servers)
                kind = own.choice(["other/echo", "shop/for-you"])
                answer = client.get(f"{server.url}/recommend-items/{kind}/loaded-{own.randrange(200)}")
                statuses[answer.status_code] += 1

    threads = [threading.Thread(target=load, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(1.0)
    world.redis.kill()
    time.sleep(1.5)
    world.redis.start()
    time.sleep(1.5)
    deadline = time.monotonic() + 30
    while statuses.total() <= 200 and time.monotonic() < deadline:  # on a busy machine
        time.sleep(0.05)
    stop.set()
    for thread in threads:
        thread.join()
    print(f"{statuses.total()} requests while Redis was killed and started again: {dict(statuses)}")
    assert set(statuses) == {200}
    assert statuses.total() > 200
    assert all(world.redis.client().ttl(name) > 0 for name in world.redis.client().scan_iter())
