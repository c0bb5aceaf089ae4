"""A Redis that lies: whatever bytes come, nobody gets what was not stored under their key, and nothing breaks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from gateway.auth import RateLimiter
from gateway.cache import Cache, Seal
from gateway.cache.shared_store import Payloads, SharedStore
from gateway.document.redis_url import connected
from gateway.plan.plan import RateLimits
from tests.gateway.cache.test_fetch import Maker, number, wanted
from tests.liar import Answer, array, bulk, liar

SEAL = Seal()
OWN, OTHER = (b"recgate:ready:%b:u%d" % (SEAL.mark.encode(), user) for user in (1, 2))
OWN_LIST, OTHER_LIST = SEAL.sealed(OWN, b"list of u1"), SEAL.sealed(OTHER, b"list of u2")
VALUES = st.sampled_from([OWN_LIST, OTHER_LIST, OWN_LIST[:-1], b"", None])
REPLIES = st.one_of(
    st.binary(max_size=40),
    st.lists(VALUES, max_size=3).map(lambda values: array(*values)),
    st.sampled_from([b"+OK\r\n", b":1\r\n", b"-LOADING\r\n", b"*-1\r\n", b"$-1\r\n", b">1\r\n+x\r\n", b"*1\r\n:1\r\n"]),
)


def run(answer: Answer, story: Callable[[SharedStore], Awaitable[None]]) -> list[dict[str, Any]]:
    """What the loop had to report of errors that nobody caught."""
    reports: list[dict[str, Any]] = []

    async def told() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))
        async with liar(answer) as url:
            client = connected(url)
            shared = SharedStore(client, time.time)
            await story(shared)
            await shared.close()
            await client.aclose()

    asyncio.run(told())
    return reports


@pytest.mark.parametrize(
    "reply", [b"+OK\r\n", b":0\r\n", bulk(b"x"), array(), array(b"x", b"y"), b"!junk\r\n", b"*1\r\n*1\r\n:1\r\n"]
)
def test_a_rate_that_redis_does_not_tell_limits_nobody(reply: bytes) -> None:
    async def told() -> None:
        async with liar(lambda _: reply) as url:
            client = connected(url)
            await RateLimiter(client).check(RateLimits("5/minute", None), "key", "")
            await client.aclose()

    asyncio.run(told())


async def asked(shared: SharedStore, *names: bytes) -> list[bytes | None] | None:
    future: asyncio.Future[Payloads | None] = asyncio.get_running_loop().create_future()
    shared.fetch_many(names, future.set_result)
    return await future


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.cache.redis_nodes.PATIENCE_S", 1.0)  # a busy machine is no failure here


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(replies=st.lists(REPLIES, min_size=1, max_size=4))
@example(replies=[b"%1\r\n*1\r\n+a\r\n:1\r\n"])
@example(replies=[array(OTHER_LIST)])
@example(replies=[array(OWN_LIST) * 2])
def test_whatever_comes_is_the_own_list_or_a_miss(replies: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.cache.redis_nodes.PATIENCE_S", 0.01)  # many replies have no end
    left = list(replies)

    async def story(shared: SharedStore) -> None:
        for _ in range(2):
            for found in await asyncio.gather(*(asked(shared, name) for name in (OWN, OTHER, OWN))):
                assert found in (None, [None], [b"list of u1"], [b"list of u2"])
            assert await asked(shared, OWN) in (None, [None], [b"list of u1"])
            assert await asked(shared, OTHER) in (None, [None], [b"list of u2"])

    assert run(lambda _: left.pop(0) if left else array(OWN_LIST), story) == []


def test_a_reply_that_nobody_asked_for_closes_the_line_and_is_counted() -> None:
    async def story(shared: SharedStore) -> None:
        assert await asked(shared, OWN) == [b"list of u1"]
        while not shared.rejected:
            await asyncio.sleep(0.01)
        assert shared.rejected == {"question": 1}
        assert await asked(shared, OWN) == [b"list of u1"], "over another line, and at once"

    assert run(lambda _: array(OWN_LIST) * 2, story) == []


def test_who_is_in_flight_on_a_line_out_of_step_misses() -> None:
    def answer(command: Sequence[bytes]) -> bytes:
        return array(OTHER_LIST) + array(OTHER_LIST) if command[1] == OWN else array(OTHER_LIST)

    async def story(shared: SharedStore) -> None:
        told = await asyncio.gather(asked(shared, OWN), asked(shared, OTHER), asked(shared, OTHER))
        assert told == [None, None, None]
        assert shared.rejected == {"checksum": 1}
        assert shared.is_up(time.time())
        assert await asked(shared, OTHER) == [b"list of u2"]

    assert run(answer, story) == []


def test_one_wrong_value_makes_all_of_a_reply_doubtful() -> None:
    async def story(shared: SharedStore) -> None:
        assert await asked(shared, OWN, OTHER) is None
        assert shared.rejected == {"checksum": 1}

    assert run(lambda _: array(OWN_LIST, OTHER_LIST[:-1] + b"3"), story) == []


@pytest.mark.parametrize(
    "reply", [b"+OK\r\n", b":0\r\n", bulk(b"x"), bulk(None), array(), array(None), array(b"x", b"y"), b"!junk\r\n", b""]
)
def test_an_answer_is_made_whatever_redis_says(reply: bytes) -> None:
    async def story(shared: SharedStore) -> None:
        cache, make = Cache(1_000_000, time.time, shared=shared), Maker()
        began = time.monotonic()
        hit = await cache.fetch(wanted(), make)
        assert (hit.outcome, number(hit)) == ("miss", 1)
        assert time.monotonic() - began < 5.0, "nobody waits for a lease that was never refused"

    assert run(lambda _: reply, story) == []


def test_a_lease_whose_grant_was_lost_is_still_one_s_own() -> None:
    store: dict[bytes, bytes] = {}

    def answer(command: Sequence[bytes]) -> bytes:
        if command[0] == b"SET":
            store[command[1]] = command[2]
            return bulk(None) if b"NX" in command else b"+OK\r\n"  # granted, and said not to be
        return array(*(store.get(name) for name in command[1:])) if command[0] == b"MGET" else b":1\r\n"

    async def story(shared: SharedStore) -> None:
        began = time.monotonic()
        hit = await Cache(1_000_000, time.time, shared=shared).fetch(wanted(), Maker())
        assert (hit.outcome, number(hit)) == ("miss", 1)
        assert time.monotonic() - began < 5.0

    assert run(answer, story) == []
