"""Shared answers, leases, rate limits and configurations in each form of Valkey: cluster, Sentinels, TLS."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest
from redis.asyncio import Redis, RedisCluster
from redis.crc import key_slot

from gateway.auth import RateLimiter
from gateway.cache import Cache
from gateway.cache.fan_out import RedisFanOut
from gateway.cache.shared_store import Payloads, SharedStore
from gateway.config import ConfigError, place_of
from gateway.document.redis_url import connected, connected_in_thread, disconnect
from gateway.errors import TooMany
from gateway.plan.plan import RateLimits
from tests.gateway.cache.test_fetch import Maker, key, wanted
from tests.valkey import PASSWORD, SecuredServer, ValkeyCluster, secured_valkey, valkey_cluster, watched_valkey

Client = Redis | RedisCluster
Story = Callable[[SharedStore, SharedStore], Awaitable[None]]
TEXT = "namespaces: {}"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no failure here."""
    monkeypatch.setattr("gateway.cache.redis_nodes.PATIENCE_S", 10.0)
    monkeypatch.setattr("gateway.auth.gate.PATIENCE_S", 10.0)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyCluster]:
    with valkey_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredServer]:
    with secured_valkey(tmp_path_factory.mktemp("secured")) as server:
        yield server


@pytest.fixture(scope="module")
def sentinels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of three Sentinels in the URL the first hangs, the second is not there, and the third knows."""
    with (
        watched_valkey(tmp_path_factory.mktemp("watched")) as watched,
        socket.socket() as hung,
        socket.socket() as none,
    ):
        for each in (hung, none):
            each.bind(("127.0.0.1", 0))
        hung.listen()
        yield watched.url(hung.getsockname()[1], none.getsockname()[1])


@pytest.fixture(scope="module", params=["cluster", "sentinels", "secured"])
def url(request: pytest.FixtureRequest) -> str:
    form: Any = request.getfixturevalue(request.param)
    return form if isinstance(form, str) else form.url


def run(url: str, story: Story) -> None:
    async def whole() -> None:
        clients = [connected(url) for _ in range(2)]
        one, two = (SharedStore(client, time.time) for client in clients)
        for store in (one, two):
            await answers(store)
        await story(one, two)
        for each in (one, two):
            await each.close()
        for client in clients:
            await disconnect(client)

    asyncio.run(whole())


async def answers(store: SharedStore, seconds: float = 10.0) -> None:
    """Wait till it does: where the servers are is asked for behind the first commands."""
    deadline = time.monotonic() + seconds
    while await store.read(key()) is None:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def fetched(store: SharedStore, names: list[bytes]) -> Payloads | None:
    future: asyncio.Future[Payloads | None] = asyncio.get_running_loop().create_future()
    store.fetch_many(names, future.set_result)
    return await future


def test_what_one_replica_made_the_other_serves(url: str) -> None:
    async def story(one: SharedStore, two: SharedStore) -> None:
        make, users = Maker(), [f"user-{number}" for number in range(20)]
        caches = [Cache(1_000_000, time.time, shared=store) for store in (one, two)]
        for user in users:
            assert (await caches[0].fetch(wanted(user), make)).outcome == "miss"
        assert {(await caches[1].fetch(wanted(user), make)).outcome for user in users} == {"hit"}
        assert make.calls == len(users)

    run(url, story)


def test_many_values_at_once_come_in_the_order_of_their_names(url: str) -> None:
    async def story(one: SharedStore, two: SharedStore) -> None:
        names = [b"recgate:ready:%d" % number for number in range(60)]
        await one.put_many([(name, b"value of " + name, 60_000) for name in names[:50]])
        assert await fetched(two, names) == [*(b"value of " + name for name in names[:50]), *[None] * 10]
        assert not two.rejected

    run(url, story)


def test_one_of_two_gets_a_lease(url: str) -> None:
    async def story(one: SharedStore, two: SharedStore) -> None:
        assert (await one.lease(key("leased"), "one"), await two.lease(key("leased"), "two")) == (True, False)
        await two.release(key("leased"), "two")
        assert await two.lease(key("leased"), "two") is False
        await one.release(key("leased"), "one")
        assert await two.lease(key("leased"), "two") is True

    run(url, story)


def test_rates_are_counted_for_all_replicas(url: str) -> None:
    async def story() -> None:
        clients = [connected(url) for _ in range(2)]
        for client in clients:
            await client.ping()
        one, two = (RateLimiter(client) for client in clients)
        for _ in range(3):
            for limiter in (one, two):
                await limiter.check(RateLimits("6/minute", None), "key", "")
        with pytest.raises(TooMany):
            await one.check(RateLimits("6/minute", None), "key", "")
        for limiter, client in zip((one, two), clients, strict=True):
            await limiter.close()
            await disconnect(client)

    asyncio.run(story())


def test_what_one_machine_tells_the_others_hear(url: str) -> None:
    heard: Queue[bytes] = Queue()
    one, two = (RedisFanOut(url, "0123456789abcdef") for _ in range(2))
    two.open(("shop",), heard.put)
    deadline, message = time.monotonic() + 20, b""
    while not message:
        assert time.monotonic() < deadline
        one.send("shop", b"news")
        with suppress(Empty):
            message = heard.get(timeout=0.1)
    assert message == b"news"
    for each in (one, two):
        each.close()


def test_a_configuration_is_read(url: str) -> None:
    with connected_in_thread(url, 5.0) as client:
        client.set("shop", TEXT)
    assert place_of(f"{url}#shop").read().text == TEXT
    with pytest.raises(ConfigError, match="there is no such key"):
        place_of(f"{url}#other").read()


# ---- a cluster whose keys move


def test_a_slot_that_moves_is_followed(cluster: ValkeyCluster) -> None:
    async def story(one: SharedStore, two: SharedStore) -> None:
        name, other = b"recgate:{moving}:entry", b"recgate:{moving}:lease"
        slot = key_slot(name)
        before = cluster.primary_of(slot)
        after = next(server for server in cluster.primaries if server is not before)
        await one.put_many([(name, b"value", 60_000)])
        after.client().execute_command("CLUSTER SETSLOT", slot, "IMPORTING", cluster.node_id(before))
        before.client().execute_command("CLUSTER SETSLOT", slot, "MIGRATING", cluster.node_id(after))
        before.client().migrate("127.0.0.1", after.port, name.decode(), 0, 5000)
        assert await fetched(one, [name]) == [b"value"], "as ASK says"
        await one.put_many([(other, b"new", 60_000)])
        assert after.client().dbsize() and await fetched(two, [other]) == [b"new"]
        for server in (after, before, *cluster.primaries):
            server.client().execute_command("CLUSTER SETSLOT", slot, "NODE", cluster.node_id(after))
        assert await fetched(one, [name, other]) == [b"value", b"new"], "as MOVED says"
        assert await fetched(one, [name, other]) == [b"value", b"new"]
        assert one.failures == two.failures == 0

    run(cluster.url, story)


def test_a_cluster_s_lost_server_costs_its_own_keys(cluster: ValkeyCluster, caplog: pytest.LogCaptureFixture) -> None:
    async def story(one: SharedStore, two: SharedStore) -> None:
        names = [b"recgate:ready:lost-%d" % number for number in range(60)]
        await one.put_many([(name, b"value", 60_000) for name in names])
        lost = cluster.primaries[2]
        for server in cluster.primaries:  # else all say CLUSTERDOWN
            server.client().config_set("cluster-require-full-coverage", "no")
        lost.kill()
        remaining = await fetched(one, names)
        assert remaining is not None
        there = [cluster.primary_of(key_slot(name)) is not lost for name in names]
        assert [payload is not None for payload in remaining] == there and 10 < sum(there) < 50
        assert one.is_up(time.time()) and await fetched(one, names) == remaining
        assert f"127.0.0.1:{lost.port} does not answer" in caplog.text

    with caplog.at_level(logging.WARNING):
        run(cluster.url, story)


# ---- what is refused


def test_a_certificate_that_nobody_vouches_for_is_refused(
    secured: SecuredServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        client = connected(f"rediss://:{PASSWORD}@127.0.0.1:{secured.port}/0")
        store = SharedStore(client, time.time)
        await store.read(key())
        assert store.failures
        await store.close()
        await disconnect(client)

    with caplog.at_level(logging.DEBUG):
        asyncio.run(story())
    assert "certificate verify failed" in caplog.text
    assert PASSWORD not in caplog.text


def test_a_rate_limiter_whose_redis_hangs_waits_once(secured: SecuredServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        client = connected(secured.url)
        limiter, limits = RateLimiter(client), RateLimits("1/minute", None)
        await limiter.check(limits, "hung", "")
        monkeypatch.setattr("gateway.auth.gate.PATIENCE_S", 0.2)
        secured.client().client_pause(3_000)
        began = time.monotonic()
        for _ in range(50):
            await limiter.check(limits, "hung", "")
        assert time.monotonic() - began < 2.0, "50 × 0.2 s"
        monkeypatch.setattr("gateway.auth.gate.PATIENCE_S", 10.0)
        deadline = time.monotonic() + 15
        with pytest.raises(TooMany):
            while time.monotonic() < deadline:
                await limiter.check(limits, "hung", "")
                await asyncio.sleep(0.05)
        await limiter.close()
        await disconnect(client)

    asyncio.run(story())
