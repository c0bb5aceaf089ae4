"""A cluster of six and three Sentinels whose primary is killed: nobody waits, and what replicas share is back soon."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
import redis
from redis.crc import key_slot

from gateway.auth import RateLimiter
from gateway.cache import Cache
from gateway.cache.shared_store import SharedStore
from gateway.document.redis_url import connected, disconnect
from gateway.plan.plan import RateLimits
from tests.gateway.cache.test_fetch import Maker, key, wanted
from tests.gateway.cache.test_redis_forms import answers, fetched
from tests.services import RedisServer
from tests.valkey import until, valkey_cluster, watched_valkey

RECOVERY_S = 20.0  # of the servers' own failover, and then ours
PATIENCE_S = 0.5  # more than usual: a busy machine is no failure here
LONGEST_S = 6 * PATIENCE_S  # of a request meanwhile: its commands, each waiting in vain


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.cache.redis_nodes.PATIENCE_S", PATIENCE_S)
    monkeypatch.setattr("gateway.auth.gate.PATIENCE_S", 2.0)


async def shared_again(store: SharedStore, names: list[bytes]) -> float:
    """The seconds until all values are stored and read again."""
    began = time.monotonic()
    while time.monotonic() - began < RECOVERY_S:
        await store.put_many([(name, b"value", 60_000) for name in names])
        if await fetched(store, names) == [b"value"] * len(names):
            break
        await asyncio.sleep(0.05)
    return time.monotonic() - began


async def request_while(cache: Cache, make: Maker, going_on: Callable[[], bool]) -> float:
    """Ask for one list after the other; the seconds of the slowest."""
    slowest, number = 0.0, 0
    while going_on():
        began, number = time.monotonic(), number + 1
        assert (await cache.fetch(wanted(f"user-{number}"), make)).outcome == "miss"
        slowest = max(slowest, time.monotonic() - began)
        await asyncio.sleep(0.01)
    return slowest


def survive(url: str, lose: Callable[[], object], names: list[bytes]) -> None:
    async def story() -> None:
        client, make = connected(url), Maker()
        store, limiter = SharedStore(client, time.time), RateLimiter(client)
        cache = Cache(10_000_000, time.time, shared=store)
        await answers(store)
        assert await shared_again(store, names) < RECOVERY_S
        await asyncio.to_thread(lose)
        recovery = asyncio.create_task(shared_again(store, names))
        slowest = await request_while(cache, make, lambda: not recovery.done())
        print(f"shared again after {await recovery:.1f} s, slowest request {slowest * 1000:.0f} ms")
        assert await recovery < RECOVERY_S and slowest < LONGEST_S
        await counts(limiter)
        await limiter.close()
        await store.close()
        await disconnect(client)

    asyncio.run(story())


async def counts(limiter: RateLimiter) -> None:
    """Wait till rates are limited again."""
    deadline = time.monotonic() + RECOVERY_S
    while time.monotonic() < deadline:
        try:
            await limiter.check(RateLimits("1/minute", None), "caller", "")
        except Exception:  # one too many
            return
        await asyncio.sleep(0.05)
    raise AssertionError("nobody is limited")


def test_a_cluster_of_six_whose_primary_is_killed(tmp_path: Path) -> None:
    with valkey_cluster(tmp_path, primaries=3, replicas=3) as cluster:
        names = [b"recgate:ready:%d" % number for number in range(60)]
        assert len({cluster.primary_of(key_slot(name)).port for name in names}) == 3
        survive(cluster.url, cluster.primaries[1].kill, names)


def test_sentinels_whose_primary_is_killed(tmp_path: Path) -> None:
    with watched_valkey(tmp_path, replicas=1, sentinels=3) as watched:
        survive(watched.url(), watched.servers[0].kill, [b"recgate:ready:%d" % number for number in range(60)])


def follows(server: RedisServer) -> bool:
    """Tell whether it is a replica by now. One that becomes so closes its connections."""
    with suppress(redis.RedisError):
        return bool(server.client().info("replication")["role"] == "slave")
    return False


def test_a_primary_of_a_cluster_that_hands_over(tmp_path: Path) -> None:
    with valkey_cluster(tmp_path, primaries=3, replicas=1) as cluster:
        names = [b"recgate:ready:%d" % number for number in range(60)]

        def hand_over() -> None:
            cluster.replicas[0].client().execute_command("CLUSTER FAILOVER")
            until(lambda: follows(cluster.primaries[0]))

        survive(cluster.url, hand_over, names)


def is_handed_over(sentinel: redis.Redis) -> bool:
    """False as long as the Sentinel has not heard from the replica for a while, as on a busy machine."""
    try:
        sentinel.execute_command("SENTINEL", "FAILOVER", "shop")
    except redis.exceptions.ResponseError as error:
        assert "NOGOODSLAVE" in str(error), error
        return False
    return True


def test_a_watched_primary_that_hands_over(tmp_path: Path) -> None:
    with watched_valkey(tmp_path, replicas=1, sentinels=1) as watched:

        def hand_over() -> None:
            with watched.sentinel() as sentinel:
                until(lambda: is_handed_over(sentinel))
            until(lambda: follows(watched.servers[0]))

        survive(watched.url(), hand_over, [b"recgate:ready:%d" % number for number in range(60)])


def test_a_cluster_that_was_emptied_costs_misses_only(tmp_path: Path) -> None:
    async def story(url: str, empty: Callable[[], Awaitable[None]]) -> None:
        client, make = connected(url), Maker()
        store = SharedStore(client, time.time)
        await answers(store)
        cache = Cache(10_000_000, time.time, shared=store)
        assert (await cache.fetch(wanted(), make)).outcome == "miss"
        await empty()
        other = Cache(10_000_000, time.time, shared=store)
        assert (await other.fetch(wanted(), make)).outcome == "miss" and make.calls == 2
        assert await store.get(key()) is not None
        await store.close()
        await disconnect(client)

    with valkey_cluster(tmp_path) as cluster:

        async def empty() -> None:
            for server in cluster.primaries:
                await asyncio.to_thread(server.client().flushall)

        asyncio.run(story(cluster.url, empty))
