"""What can't be answered in time is refused at once, a flood's own requests first."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from gateway.errors import Overloaded
from gateway.limits.admission import CALM_S, Admission, AdmissionBounds


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class World:
    """Requests that end when they are told to."""

    def __init__(self, late_s: float = 0, **bounds: int) -> None:
        self.clock = Clock()
        self.admission = Admission(self.clock, AdmissionBounds(longest_s=0.01, late_s=late_s, **bounds))
        self.began: list[str] = []
        self.refused: Counter[str] = Counter()
        self.ends: list[asyncio.Event] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def ask(self, key: str, times: int = 1) -> None:
        self.tasks += [asyncio.create_task(self._one(key)) for _ in range(times)]
        await self.settle()

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def end(self, times: int = 1) -> None:
        for _ in range(times):
            self.ends.pop(0).set()
            await self.settle()

    async def take(self, seconds: float, times: int) -> None:
        """One after the other, so long each."""
        for _ in range(times):
            self.clock.now += 0.001
            await self.ask("a")
            self.clock.now += seconds
            await self.end()

    async def together(self, seconds: float) -> None:
        """As many as may at once, so long all."""
        self.clock.now += 0.001
        await self.ask("a", int(self.admission.limit))
        self.clock.now += seconds
        await self.end(len(self.ends))

    async def _one(self, key: str) -> None:
        try:
            async with self.admission.place(key):
                self.began.append(key)
                self.ends.append(asyncio.Event())
                await self.ends[-1].wait()
        except Overloaded:
            self.refused[key] += 1


def run(story: Callable[[World], Awaitable[None]], **bounds: int) -> World:
    async def told() -> World:
        world = World(**bounds)
        await story(world)
        while world.ends:
            await world.end()
        await asyncio.gather(*world.tasks, return_exceptions=True)
        return world

    world = asyncio.run(told())
    assert (world.admission.running, world.admission.waiting) == (0, 0)
    return world


def test_no_more_are_made_at_once_and_a_burst_waits():
    async def story(world: World) -> None:
        await world.ask("a", 10)
        assert (world.admission.running, world.admission.waiting) == (3, 7)
        await world.end(4)
        assert (world.admission.running, world.admission.waiting) == (3, 3)

    world = run(story, at_once=3)
    assert len(world.began) == 10 and not world.refused


def test_a_standing_queue_takes_no_more_and_is_open_again_when_it_is_empty():
    async def story(world: World) -> None:
        await world.ask("a", 5)
        world.clock.now = 0.02
        await world.ask("a", 4)
        assert world.refused == {"a": 4} and world.admission.waiting == 3
        await world.end(5)
        await world.ask("a", 2)
        assert world.refused == {"a": 4} and world.admission.running == 2

    assert run(story, at_once=2).admission.refused == 4


def test_no_more_wait_than_may():
    async def story(world: World) -> None:
        await world.ask("a", 100)
        assert (world.admission.running, world.admission.waiting) == (2, 5)

    assert run(story, at_once=2, most_waiting=5).refused == {"a": 93}


def test_keys_take_turns():
    async def story(world: World) -> None:
        await world.ask("flood", 20)
        await world.ask("a", 2)
        await world.ask("b", 1)
        await world.end(6)

    assert run(story, at_once=1).began[:7] == ["flood", "flood", "a", "b", "flood", "a", "flood"]


def test_the_flood_is_pushed_out_by_who_asks_little():
    async def story(world: World) -> None:
        await world.ask("flood", 12)
        world.clock.now = 0.02
        await world.ask("a", 3)
        await world.ask("flood", 5)
        await world.ask("b")

    world = run(story, at_once=2, most_waiting=10)
    assert world.refused == {"flood": 9}
    assert Counter(world.began) == {"flood": 8, "a": 3, "b": 1}


def test_many_keys_share_what_there_is():
    async def story(world: World) -> None:
        for number in range(20):
            await world.ask(f"key{number}")

    world = run(story, at_once=2, most_waiting=8)
    assert len(world.began) == 10 and world.refused.total() == 10


@pytest.mark.parametrize("late", [False, True])
def test_who_hangs_up_gives_the_place_on(late: bool):
    """While it waits, or just when its turn has come."""

    async def story(world: World) -> None:
        await world.ask("a", 3)
        gone = world.tasks[1]
        if late:
            world.ends.pop(0).set()
            await asyncio.sleep(0)
            gone.cancel()
        else:
            gone.cancel()
            world.ends.pop(0).set()
        await world.settle()
        assert world.began == ["a", "a"] and world.admission.running == 1

    run(story, at_once=1)


def test_a_stall_of_a_moment_refuses_nobody():
    async def story(world: World) -> None:
        await world.ask("a", 3)
        world.clock.now = 0.02  # somebody has waited for too long
        await world.ask("a")
        world.clock.now = 0.06
        await world.ask("a")
        await world.end(5)
        assert not world.refused
        await world.ask("a", 3)
        for world.clock.now in (0.08, 0.12):
            await world.ask("a")
        assert not world.refused
        world.clock.now = 0.13  # for 50 ms, now
        await world.ask("a")
        assert world.refused == {"a": 1}

    run(story, at_once=1, late_s=0.05)


def test_fewer_are_made_at_once_where_they_take_long_and_more_where_they_do_not():
    async def story(world: World) -> None:
        await world.take(0.001, 1)
        for _ in range(20):
            await world.together(0.03)
        assert world.admission.limit == 4
        await world.ask("a", 6)
        assert (world.admission.running, world.admission.waiting) == (4, 2)
        await world.end(6)
        await world.take(0.01, 100)
        assert world.admission.limit == 8

    run(story, at_once=8)


def test_what_takes_long_alone_may_take_longer_together():
    async def story(world: World) -> None:
        await world.take(0.03, 3)
        for _ in range(20):
            await world.together(0.15)
        assert world.admission.limit == 8
        for _ in range(20):
            await world.together(0.2)
        assert world.admission.limit == 4

    run(story, at_once=8)


def test_those_under_way_together_count_once_where_they_take_long():
    async def story(world: World) -> None:
        world.clock.now = 1.0
        await world.take(0.001, 1)
        await world.together(0.5)
        assert world.admission.limit == 0.9 * 8

    run(story, at_once=8)


def test_whom_it_is_not_open_for_is_refused_and_nobody_else():
    async def story(world: World) -> None:
        assert world.admission.opens("flood")
        await world.ask("flood", 20)
        world.clock.now = 0.02
        await world.ask("flood")
        assert world.refused == {"flood": 1} and not world.admission.opens("flood")
        assert [world.admission.opens("a") for _ in range(3)] == [True, True, False]
        await world.ask("a", 2)
        assert world.refused == {"flood": 3} and not world.admission.opens("a")
        await world.end(20)
        assert world.admission.opens("flood")

    assert run(story, at_once=4).admission.refused == 6


def test_who_asks_little_is_let_in_where_nobody_waits_who_could_be_pushed_out():
    async def story(world: World) -> None:
        await world.ask("flood", 5)
        world.clock.now = 0.02
        await world.ask("flood")
        await world.end()
        for _ in range(2):
            await world.ask("a", 4)
        assert world.refused == {"flood": 1, "a": 6}
        assert (world.admission.running, world.admission.waiting) == (4, 2)
        await world.ask("b", 2)
        await world.ask("flood")
        assert world.refused == {"flood": 2, "a": 7, "b": 1}

    run(story, at_once=4)


def test_whoever_was_let_on_and_has_not_come_is_forgotten():
    async def story(world: World) -> None:
        await world.ask("a", 3)
        world.clock.now = 0.02
        await world.ask("a")
        await world.end(2)
        assert [world.admission.opens("a") for _ in range(2)] == [True, False]
        world.clock.now = 0.035
        assert not world.admission.opens("a")
        world.clock.now = 0.05
        assert [world.admission.opens("a") for _ in range(2)] == [True, False]

    run(story, at_once=2)


def test_a_burst_may_wait_again_when_nobody_has_been_refused_for_a_moment():
    async def story(world: World) -> None:
        await world.ask("a", 5)
        world.clock.now = 0.02
        await world.ask("a")
        await world.end(5)
        await world.ask("a", 3)
        assert world.refused == {"a": 2}
        world.clock.now += CALM_S
        await world.ask("a", 64)
        assert world.refused == {"a": 2} and world.admission.waiting == 64

    run(story, at_once=2)
