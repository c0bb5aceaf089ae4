"""The cache by itself: a clock that is passed in, and makers that the test opens and breaks."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gateway.ask import Ask
from gateway.cache import Cache, CacheKey, Changes, EncodedAnswer, Hit, Wanted, key_of
from gateway.cache.entry import size_of
from gateway.errors import Invalid, NotConfigured, UpstreamTimeout
from gateway.plan.plan import NO_CACHE, CachePolicy
from tests.gateway.serve.world import Clock

POLICY = CachePolicy(max_age_s=60, stale_while_revalidate_s=30, stale_if_error_s=600, storable=True)
USER = ("user", "g1", "u1")


class Maker:
    """Makes answers 1, 2, …; waits while `closed`, fails while `error` is set."""

    def __init__(self, size: int = 10) -> None:
        self.calls = 0
        self.as_of = 0
        self.size = size
        self.error: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()
        self.private = False

    async def __call__(self) -> EncodedAnswer:
        self.calls += 1
        number, as_of, private = self.calls, self.as_of, self.private
        await asyncio.sleep(0)  # as whoever is asked takes a while
        await self.open.wait()
        if self.error is not None:
            raise self.error
        body = str(number).encode().ljust(self.size)
        return EncodedAnswer(body, "only", as_of=as_of, private=private)


def key(user: str | None = "u1") -> CacheKey:
    return key_of(Ask(action="recommend-items", namespace="shop", recommender="home"), "only", "1", user)


def shared(user: str) -> Wanted:
    return Wanted(key(None), POLICY, (), user)


def number(hit: Hit) -> int:
    return int(hit.answer.body)


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def wanted(user: str | None = "u1", policy: CachePolicy = POLICY, **more: Any) -> Wanted:
    tags = (("user", "g1", user),) if user else ()
    return Wanted(key(user), policy, tags, user, **more)


def run(story: Callable[[Cache, Maker, Clock], Awaitable[None]], ceiling: int = 1_000_000) -> None:
    async def told() -> None:
        clock = Clock()
        cache = Cache(ceiling, clock)
        await story(cache, Maker(), clock)
        await cache.close()

    asyncio.run(told())


def test_200_callers_are_one_make() -> None:
    async def story(cache: Cache, make: Maker, clock: Clock) -> None:
        hits = await asyncio.gather(*(cache.fetch(wanted(), make) for _ in range(200)))
        assert make.calls == 1
        assert {hit.answer.body.strip() for hit in hits} == {b"1"}

    run(story)


def test_fresh_then_stale_then_gone() -> None:
    async def story(cache: Cache, make: Maker, clock: Clock) -> None:
        assert (await cache.fetch(wanted(), make)).outcome == "miss"
        clock.tick(59)
        fresh = await cache.fetch(wanted(), make)
        assert (fresh.outcome, fresh.age_s, make.calls) == ("hit", 59, 1)
        clock.tick(2)
        stale = await cache.fetch(wanted(), make)
        assert (stale.outcome, number(stale)) == ("stale", 1)
        await settled()
        renewed = await cache.fetch(wanted(), make)
        assert (renewed.outcome, number(renewed), make.calls) == ("hit", 2, 2)
        clock.tick(91)
        assert number(await cache.fetch(wanted(), make)) == 3

    run(story)


def test_stale_is_served_while_one_refresh_runs() -> None:
    async def story(cache: Cache, make: Maker, clock: Clock) -> None:
        await cache.fetch(wanted(), make)
        clock.tick(61)
        make.open.clear()
        outcomes = [(await cache.fetch(wanted(), make)).outcome for _ in range(20)]
        await settled()
        assert (set(outcomes), make.calls) == ({"stale"}, 2)
        make.open.set()

    run(story)


def test_a_failing_refresh_keeps_the_stale_answer(caplog: pytest.LogCaptureFixture) -> None:
    async def story(cache: Cache, make: Maker, clock: Clock) -> None:
        await cache.fetch(wanted(), make)
        clock.tick(61)
        make.error = UpstreamTimeout("too slow")
        for _ in range(2):
            assert number(await cache.fetch(wanted(), make)) == 1
            await settled()
        assert cache.counts.refresh_failed == 2

    with caplog.at_level(logging.WARNING):
        run(story)
    assert "too slow" in caplog.text


def test_stale_if_error_and_for_how_long(caplog: pytest.LogCaptureFixture) -> None:
    async def story(cache: Cache, make: Maker, clock: Clock) -> None:
        await cache.fetch(wanted(), make)
        make.error = UpstreamTimeout("too slow")
        clock.tick(659)
        assert (await cache.fetch(wanted(), make)).outcome == "stale"
        assert cache.counts.stale_on_error == 1
        clock.tick(1)
        with pytest.raises(UpstreamTimeout):
            await cache.fetch(wanted(), make)
        make.error = Invalid("Wrong", "the question is wrong, not the upstream")
        with pytest.raises(Invalid):
            await cache.fetch(wanted(), make)

    run(story)


def test_a_failure_reaches_every_waiter_and_is_not_stored() -> None:
    async def story(cache: Cache, make: Maker, clock: Clock) -> None:
        make.error = UpstreamTimeout("too slow")
        failures = await asyncio.gather(*(cache.fetch(wanted(), make) for _ in range(5)), return_exceptions=True)
        assert (len({id(failure) for failure in failures}), make.calls, len(cache)) == (1, 1, 0)
        make.error = None
        assert (await cache.fetch(wanted(), make)).outcome == "miss"

    run(story)


def test_a_caller_who_hangs_up_stops_nobody_else() -> None:
    async def story(cache: Cache, make: Maker, clock: Clock) -> None:
        make.open.clear()
        callers = [asyncio.create_task(cache.fetch(wanted(), make)) for _ in range(4)]
        await settled()
        callers[1].cancel()  # who waits
        await settled()
        assert (make.calls, callers[0].done()) == (1, False)
        callers[0].cancel()  # who has it made: another takes over, for all that are left
        await settled()
        make.open.set()
        assert [number(await each) for each in callers[2:]] == [2, 2]
        assert make.calls == 2
        assert all(each.cancelled() for each in callers[:2])

    run(story)


def test_nothing_is_stored_where_the_policy_says_so() -> None:
    async def story(cache: Cache, make: Maker, clock: Clock) -> None:
        for _ in range(2):
            assert (await cache.fetch(wanted(policy=NO_CACHE), make)).outcome == "miss"
        assert (make.calls, len(cache)) == (2, 0)

    run(story)


def test_time_based_context_ends_freshness() -> None:
    async def story(cache: Cache, make: Maker, clock: Clock) -> None:
        soon = wanted(until=clock() + 10)
        await cache.fetch(soon, make)
        clock.tick(9)
        assert (await cache.fetch(soon, make)).outcome == "hit"
        clock.tick(1)
        assert (await cache.fetch(soon, make)).outcome == "stale"

    run(story)


def test_the_ceiling_holds_and_who_asks_often_stays() -> None:
    async def story(cache: Cache, make: Maker, clock: Clock) -> None:
        make.size = 1000
        for number in range(200):
            await cache.fetch(wanted(f"u{number}"), make)
            await cache.fetch(wanted("u0"), make)
            assert cache.size <= cache.ceiling
        assert (await cache.fetch(wanted("u0"), make)).outcome == "hit"
        assert cache.counts.evicted > 150

    run(story, ceiling=50_000)


def hit_rate(crawled: int) -> float:
    """Of 300 regular users with a Zipf-like interest, while a crawler asks so often between two of their requests."""
    rng = random.Random(5)
    weights = [1 / (rank + 1) ** 0.8 for rank in range(300)]
    regulars = rng.choices(range(300), weights, k=4000)
    rates: list[float] = []

    async def story(cache: Cache, make: Maker, clock: Clock) -> None:
        make.size, page, hits = 1000, 0, 0
        for place, user in enumerate(regulars):
            outcome = (await cache.fetch(wanted(f"u{user}"), make)).outcome
            hits += outcome == "hit" and place >= 2000
            for _ in range(crawled):
                page += 1
                await cache.fetch(wanted(f"crawler-{page}"), make)
                assert cache.size <= cache.ceiling
        rates.append(hits / 2000)

    run(story, ceiling=250_000)  # room for less than half of the regulars
    return rates[0]


def test_a_crawler_costs_the_regulars_little() -> None:
    alone, crawled = hit_rate(0), hit_rate(10)
    print(f"hit rate of regular users {alone:.3f}, with ten times as many crawler's requests {crawled:.3f}")
    assert alone > 0.5
    assert crawled > 0.9 * alone


def test_what_comes_at_once_does_not_go_at_once() -> None:
    async def told() -> None:
        clock, make, draws = Clock(), Maker(), random.Random(1)
        cache = Cache(10_000_000, clock, draw=draws.random)
        users = [f"u{number}" for number in range(200)]
        for user in users:
            await cache.fetch(wanted(user), make)
        clock.tick(56)
        assert {(await cache.fetch(wanted(user), make)).outcome for user in users} == {"hit"}
        clock.tick(2.5)  # of 60 seconds the last 3 are different for each
        outcomes = [(await cache.fetch(wanted(user), make)).outcome for user in users]
        assert 40 < outcomes.count("stale") < 160
        await settled()
        clock.tick(1.5)
        await cache.close()

    asyncio.run(told())


def test_what_is_not_there_is_believed_for_a_moment() -> None:
    async def story(cache: Cache, make: Maker, clock: Clock) -> None:
        make.error = NotConfigured("UpstreamNotFound", "no such user")
        for _ in range(3):
            with pytest.raises(NotConfigured):
                await cache.fetch(wanted(), make)
        assert make.calls == 1
        with pytest.raises(NotConfigured):
            await cache.fetch(wanted(policy=NO_CACHE), make)
        assert make.calls == 2
        clock.tick(6)
        make.error = None
        assert (await cache.fetch(wanted(), make)).outcome == "miss"

    run(story)


def test_a_purged_item_takes_the_lists_it_is_in_with_it() -> None:
    async def story(cache: Cache, make: Maker, clock: Clock) -> None:
        async def listed() -> EncodedAnswer:
            return EncodedAnswer(b'{"itemList":[{"itemId":"i1"},{"itemId":"i22"}]}', "only")

        await cache.fetch(wanted("u1"), listed)
        await cache.fetch(wanted("u2"), make)
        for item, outcomes in (("i2", ["hit", "hit"]), ("i22", ["miss", "hit"])):
            cache.changes.note([(("item", "shop", item), 7)])
            assert [(await cache.fetch(wanted(user), make)).outcome for user in ("u1", "u2")] == outcomes
        for number in range(1001):  # so many that the namespace is as good as purged
            cache.changes.note([(("item", "other", f"x{number}"), 8)])
        assert cache.changes.latest([("namespace", "other")]) == 8

    run(story)


def test_a_huge_answer_pushes_nobody_out() -> None:
    async def story(cache: Cache, make: Maker, clock: Clock) -> None:
        await cache.fetch(wanted("u1"), make)
        make.size = 10_000
        assert len((await cache.fetch(wanted("u2"), make)).answer.body) == 10_000
        assert (cache.counts.refused, len(cache)) == (1, 1)

    run(story, ceiling=50_000)


def test_size_counts_every_string() -> None:
    small, large = key("u"), key("u" * 101)
    made = EncodedAnswer(b"", "only")
    assert size_of(large, made) - size_of(small, made) == 100


# ---- events


def test_an_event_outdates_that_user_alone_at_once() -> None:
    async def story(cache: Cache, make: Maker, clock: Clock) -> None:
        await cache.fetch(wanted("u1"), make)
        await cache.fetch(wanted("u2"), make)
        cache.changes.note([(USER, 7)])
        make.as_of = 7
        assert (await cache.fetch(wanted("u1"), make)).outcome == "miss"
        assert (await cache.fetch(wanted("u1"), make)).outcome == "hit"
        assert (await cache.fetch(wanted("u2"), make)).outcome == "hit"

    run(story)


def test_a_flight_that_an_event_overtakes() -> None:
    """It serves who waited before the event; who asks after it gets a new one, and only that is stored."""

    async def story(cache: Cache, make: Maker, clock: Clock) -> None:
        make.open.clear()
        before = asyncio.create_task(cache.fetch(wanted(), make))
        await settled()
        cache.changes.note([(USER, 7)])
        make.as_of = 7
        after = asyncio.create_task(cache.fetch(wanted(), make))
        late = asyncio.create_task(cache.fetch(wanted(), make))
        await settled()
        make.open.set()
        assert number(await before) == 1
        assert number(await after) == number(await late) == 2
        assert number(await cache.fetch(wanted(), make)) == 2

    run(story)


def test_an_overtaken_answer_is_not_stored() -> None:
    async def story(cache: Cache, make: Maker, clock: Clock) -> None:
        make.open.clear()
        before = asyncio.create_task(cache.fetch(wanted(), make))
        await settled()
        cache.changes.note([(USER, 7)])
        make.open.set()
        await before
        assert len(cache) == 0

    run(story)


def test_an_outdated_answer_serves_only_where_the_upstream_is_broken() -> None:
    async def story(cache: Cache, make: Maker, clock: Clock) -> None:
        await cache.fetch(wanted(), make)
        cache.changes.note([(USER, 7)])
        make.error = UpstreamTimeout("too slow")
        assert (await cache.fetch(wanted(), make)).outcome == "stale"
        make.error = None
        assert number(await cache.fetch(wanted(), make)) == 3

    run(story)


def test_users_without_history_share() -> None:
    async def story(cache: Cache, make: Maker, clock: Clock) -> None:
        hits = [await cache.fetch(shared(name), make) for name in ("a", "a", "b")]
        assert [hit.outcome for hit in hits] == ["miss", "hit", "shared"]
        assert make.calls == 1

    run(story)


def test_an_answer_that_became_personal_stays_with_who_asked() -> None:
    async def story(cache: Cache, make: Maker, clock: Clock) -> None:
        make.open.clear()
        make.private = True
        mine = asyncio.create_task(cache.fetch(shared("a"), make))
        other = asyncio.create_task(cache.fetch(shared("b"), make))
        await settled()
        make.private = False
        make.open.set()
        assert (number(await mine), number(await other)) == (1, 2)
        assert number(await cache.fetch(shared("c"), make)) == 2

    run(story)


def test_changes_stay_few_and_never_forget_a_change() -> None:
    changes = Changes(many=100)
    for seq in range(1, 1001):
        changes.note([(("user", "g1", f"u{seq}"), seq)])
    assert len(changes) == 100
    assert changes.latest([("user", "g1", "u1000")]) == 1000
    assert changes.latest([("user", "g1", "u1")]) == 900  # not known any more: counts as changed when last forgotten
    assert changes.latest([("user", "g2", "u1")]) == 0


def test_changes_keep_the_greatest() -> None:
    changes = Changes()
    for seq in (5, 3):
        changes.note([(USER, seq), (("items", "g1"), seq)])
    assert changes.latest([USER]) == changes.latest([("items", "g1")]) == 5
