"""Two replicas' caches and a real Redis between them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest
from redis.asyncio import Redis

from engine import ShownList
from gateway.cache import Cache, CacheEntry, EncodedAnswer, fetch, redis_nodes
from gateway.cache.entry import size_of
from gateway.cache.key import CacheKey
from gateway.cache.shared_store import SharedStore
from gateway.document.redis_url import connected
from gateway.errors import UpstreamTimeout
from tests.gateway.cache.test_fetch import POLICY, USER, Maker, key, number, settled, wanted
from tests.services import RedisServer, redis_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis(server: RedisServer) -> RedisServer:
    if server.process is None:
        server.start()
    server.client().flushall()
    return server


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((redis_nodes, "PATIENCE_S"), (fetch, "WAIT_S")):
        monkeypatch.setattr(module, name, 10.0)  # a replica that waited in vain would make its own


Story = Callable[[Cache, Cache, Maker], Awaitable[None]]


def run(redis: RedisServer, story: Story, clock: Callable[[], float] = time.time) -> None:
    async def told() -> None:
        clients = [connected(redis.url) for _ in range(2)]
        one, two = (Cache(1_000_000, clock, shared=SharedStore(client, clock)) for client in clients)
        await story(one, two, Maker())
        for each in (one, two, *clients):
            await (each.close() if isinstance(each, Cache) else each.aclose())

    asyncio.run(told())


def test_what_one_replica_made_the_other_serves(redis: RedisServer) -> None:
    async def story(one: Cache, two: Cache, make: Maker) -> None:
        assert (await one.fetch(wanted(), make)).outcome == "miss"
        hit = await two.fetch(wanted(), make)
        assert (hit.outcome, number(hit), make.calls) == ("hit", 1, 1)
        assert 0 <= hit.age_s < 5
        assert (await two.fetch(wanted("u2"), make)).outcome == "miss"

    run(redis, story)


def test_nothing_of_an_entry_is_lost_on_its_way(redis: RedisServer) -> None:
    """Each field of what was made, and of the entry, but for what is one worker's own."""
    made = EncodedAnswer(
        b"body",
        "variation",
        "model",
        7,
        complete=False,
        decorated=True,
        seed="seed",
        name="RID-1",
        shown=ShownList(("i1",), (0.5,), "model"),
        short=True,
    )
    defaults = EncodedAnswer(b"", "")
    unset = [name for name in EncodedAnswer.__struct_fields__ if getattr(made, name) == getattr(defaults, name)]
    assert unset == ["private"], "a field that this test does not set may be lost unseen"

    async def story(one: Cache, two: Cache, make: Maker) -> None:
        first, second = (SharedStore(connected(redis.url), time.time) for _ in range(2))
        await first.put(key(), CacheEntry(made, 1.5, 99.5, "u1", size_of(key(), made), 0.25), 60)
        entry = await second.get(key())
        assert entry is not None
        assert (entry.answer, entry.stored_at, entry.until, entry.user, entry.jitter) == (made, 1.5, 99.5, "u1", 0.25)
        assert entry.size == size_of(key(), made)
        for each in (first, second):
            await each.close()

    run(redis, story)


def test_200_callers_of_both_are_one_make(redis: RedisServer) -> None:
    async def story(one: Cache, two: Cache, make: Maker) -> None:
        make.open.clear()
        asked = [asyncio.create_task(each.fetch(wanted(), make)) for _ in range(100) for each in (one, two)]
        await asyncio.sleep(0.2)
        make.open.set()
        hits = await asyncio.gather(*asked)
        assert make.calls == 1
        assert {number(hit) for hit in hits} == {1}

    run(redis, story)


async def die_with_a_lease(redis: RedisServer) -> None:
    client = connected(redis.url)
    dying = SharedStore(client, time.time)
    assert await dying.lease(key(), "somebody who dies")
    await dying.close()
    await client.aclose()


def test_a_lease_of_one_who_died_runs_out(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.cache.shared_store.LEASE_S", 0.3)

    async def story(one: Cache, two: Cache, make: Maker) -> None:
        await die_with_a_lease(redis)
        began = time.monotonic()
        assert (await two.fetch(wanted(), make)).outcome == "miss"
        assert 0.1 < time.monotonic() - began < 2

    run(redis, story)


def test_a_lease_lasts_as_long_as_its_answer_is_made(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.cache.shared_store.LEASE_S", 0.3)
    monkeypatch.setattr("gateway.cache.shared_store.RENEW_S", 0.05)

    async def story(one: Cache, two: Cache, make: Maker) -> None:
        make.open.clear()
        made = asyncio.create_task(one.fetch(wanted(), make))
        while not make.calls:
            await asyncio.sleep(0.01)
        waiting = asyncio.create_task(two.fetch(wanted(), make))
        await asyncio.sleep(0.9)
        assert (waiting.done(), make.calls) == (False, 1)
        make.open.set()
        assert [(await made).outcome, (await waiting).outcome, make.calls] == ["miss", "hit", 1]

    run(redis, story)


def test_who_waits_for_one_who_died_makes_it_in_the_end(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "WAIT_S", 0.3)
    monkeypatch.setattr("gateway.cache.shared_store.LEASE_S", 60.0)

    async def story(one: Cache, two: Cache, make: Maker) -> None:
        await die_with_a_lease(redis)
        began = time.monotonic()
        assert (await two.fetch(wanted(), make)).outcome == "miss"
        assert 0.2 < time.monotonic() - began < 5
        assert (await one.fetch(wanted(), make)).outcome == "hit"

    run(redis, story)


class Asking(SharedStore):
    """Tells when it has asked for a lease, and the reply is to come."""

    asked = False

    async def lease(self, key: CacheKey, holder: str) -> bool | None:
        asyncio.get_running_loop().call_soon(setattr, self, "asked", True)
        return await super().lease(key, holder)


def test_who_hangs_up_while_it_asks_for_a_lease_leaves_none(redis: RedisServer) -> None:
    async def story(one: Cache, two: Cache, make: Maker) -> None:
        client = connected(redis.url)
        shared = Asking(client, time.time)
        asked = asyncio.create_task(Cache(1_000_000, time.time, shared=shared).fetch(wanted(), make))
        while not shared.asked:
            await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        began = time.monotonic()
        assert (await two.fetch(wanted(), make)).outcome == "miss"
        assert time.monotonic() - began < 1
        await shared.close()
        await client.aclose()

    run(redis, story)


def test_who_fails_gives_the_lease_back(redis: RedisServer) -> None:
    async def story(one: Cache, two: Cache, make: Maker) -> None:
        make.error = UpstreamTimeout("too slow")
        with pytest.raises(UpstreamTimeout):
            await one.fetch(wanted(), make)
        make.error = None
        began = time.monotonic()
        assert (await two.fetch(wanted(), make)).outcome == "miss"
        assert time.monotonic() - began < 0.2

    run(redis, story)


def test_an_event_outdates_what_replicas_share(redis: RedisServer) -> None:
    async def story(one: Cache, two: Cache, make: Maker) -> None:
        await one.fetch(wanted(), make)
        two.changes.note([(USER, 7)])  # it has heard of the event, and has no entry of its own yet
        make.as_of = 7
        assert (await two.fetch(wanted(), make)).outcome == "miss"
        one.changes.note([(USER, 7)])
        hit = await one.fetch(wanted(), make)
        assert (hit.outcome, number(hit), make.calls) == ("hit", 2, 2)

    run(redis, story)


def test_a_new_process_does_not_trust_what_is_older_than_its_memory(redis: RedisServer) -> None:
    async def story(one: Cache, two: Cache, make: Maker) -> None:
        make.as_of = 5
        await one.fetch(wanted(), make)
        two.changes.begin(6)
        make.as_of = 6
        assert (await two.fetch(wanted(), make)).outcome == "miss"
        two.changes.begin(5)
        assert (await two.fetch(wanted("u1"), make)).outcome == "hit"

    run(redis, story)


def test_a_private_answer_is_not_shared(redis: RedisServer) -> None:
    async def story(one: Cache, two: Cache, make: Maker) -> None:
        make.private = True
        await one.fetch(wanted(), make)
        assert not [name for name in redis.client().scan_iter() if name.endswith("entry")]
        assert (await two.fetch(wanted(), make)).outcome == "miss"

    run(redis, story)


def test_stale_in_redis_is_served_and_renewed_behind(redis: RedisServer) -> None:
    now = [time.time()]

    async def story(one: Cache, two: Cache, make: Maker) -> None:
        await one.fetch(wanted(), make)
        now[0] += 70
        hit = await two.fetch(wanted(), make)
        assert (hit.outcome, number(hit)) == ("stale", 1)
        for _ in range(100):
            await asyncio.sleep(0.01)
            if make.calls == 2 and (await two.fetch(wanted(), make)).outcome == "hit":
                break
        assert number(await two.fetch(wanted(), make)) == 2
        assert number(await one.fetch(wanted(), make)) == 1  # stale of its own, and renewed from the other's
        await asyncio.sleep(0.1)
        assert (number(await one.fetch(wanted(), make)), make.calls) == (2, 2)

    run(redis, story, lambda: now[0])


def test_what_is_in_redis_serves_when_the_origin_fails(redis: RedisServer) -> None:
    now = [time.time()]

    async def story(one: Cache, two: Cache, make: Maker) -> None:
        await one.fetch(wanted(), make)
        now[0] += 300
        make.error = UpstreamTimeout("too slow")
        hit = await two.fetch(wanted(), make)
        assert (hit.outcome, number(hit), hit.age_s) == ("stale", 1, 300)

    run(redis, story, lambda: now[0])


def test_redis_killed_and_back_costs_no_request(redis: RedisServer) -> None:
    async def story(one: Cache, two: Cache, make: Maker) -> None:
        failed = 0
        for step in range(300):
            if step == 100:
                redis.kill()
            if step == 200:
                redis.start()
            for cache in (one, two):
                hit = await cache.fetch(wanted(f"u{step % 37}", POLICY), make)
                failed += number(hit) < 1
            await asyncio.sleep(0.001)
        assert failed == 0
        await asyncio.sleep(1.1)  # it is asked again
        assert (await one.fetch(wanted("later"), make)).outcome == "miss"
        assert (await two.fetch(wanted("later"), make)).outcome == "hit"

    run(redis, story)


def test_a_redis_that_hangs_is_left_alone(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_nodes, "PATIENCE_S", 0.15)

    async def story(one: Cache, two: Cache, make: Maker) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()  # and never a word
            writer.close()

        silent = await asyncio.start_server(serve, "127.0.0.1", 0)
        client = Redis(port=silent.sockets[0].getsockname()[1], socket_timeout=1.0)
        slow = Cache(1_000_000, time.time, shared=SharedStore(client, time.time))
        began = time.monotonic()
        for user in range(20):
            assert (await slow.fetch(wanted(f"u{user}"), make)).outcome == "miss"
        assert time.monotonic() - began < 1.0
        await slow.close()
        await client.aclose()
        silent.close()
        await silent.wait_closed()

    run(redis, story)


def test_every_key_expires_and_a_week_leaves_no_growth(redis: RedisServer) -> None:
    now = [time.time()]

    async def story(one: Cache, two: Cache, make: Maker) -> None:
        sizes = []
        for _ in range(7):
            for user in range(50):
                await one.fetch(wanted(f"u{user}"), make)
                await two.fetch(wanted(f"u{user + 25}"), make)
            sizes.append(redis.client().dbsize())
            now[0] += 86_400
            await settled()
        assert all(0 < redis.client().ttl(name) <= 660 for name in redis.client().scan_iter())
        assert max(sizes) <= 80

    run(redis, story, lambda: now[0])


def test_what_another_version_wrote_is_not_read(redis: RedisServer) -> None:
    async def story(one: Cache, two: Cache, make: Maker) -> None:
        await one.fetch(wanted(), make)
        (name,) = redis.client().keys("*:entry")
        for garbage in (b"", b"garbage", b"\x93\x63\x01\x02"):
            redis.client().set(name, garbage)
            assert (await two.fetch(wanted(), make)).outcome in ("miss", "hit")
            two._local.drop(key())
        assert make.calls >= 2

    run(redis, story)
