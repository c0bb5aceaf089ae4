"""Bodies have so much room together; where it is full, whoever sends most gives way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from litestar import Request

from gateway.errors import Invalid, Overloaded, Problem, TooLarge
from gateway.limits.body_budget import BodyBudget


class Sender:
    """A request whose body comes piece by piece, when the test says so."""

    def __init__(self, bodies: BodyBudget, share: str, length: int | None = None, limit: int = 1000) -> None:
        self.pieces: asyncio.Queue[Any] = asyncio.Queue()
        headers = [] if length is None else [(b"content-length", b"%d" % length)]
        scope: Any = {"type": "http", "headers": headers}
        self.request: Request[Any, Any, Any] = Request(scope, self.pieces.get)
        self.done = asyncio.Event()
        self.task = asyncio.create_task(self._read(bodies, share, limit))

    async def _read(self, bodies: BodyBudget, share: str, limit: int) -> bytes | Problem:
        try:
            async with bodies.of(self.request, share, limit) as body:
                await self.done.wait()
                return body
        except Problem as problem:
            return problem

    async def send(self, size: int, more: bool = True) -> None:
        self.pieces.put_nowait({"type": "http.request", "body": b"x" * size, "more_body": more})
        for _ in range(5):
            await asyncio.sleep(0)

    def refusal(self) -> type[object] | None:
        return type(self.task.result()) if self.task.done() else None


def run(story: Callable[[BodyBudget], Awaitable[Sequence[Sender]]], most: int = 1000) -> None:
    async def play() -> None:
        bodies = BodyBudget(most)
        senders = await story(bodies)
        for sender in senders:
            sender.done.set()
            sender.pieces.put_nowait({"type": "http.disconnect"})
        await asyncio.gather(*(sender.task for sender in senders))
        assert bodies.size == 0  # whatever became of them

    asyncio.run(play())


def test_a_body_in_pieces_is_whole() -> None:
    async def story(bodies: BodyBudget) -> Sequence[Sender]:
        sender = Sender(bodies, "a", 5)
        await sender.send(2)
        await sender.send(0)
        await sender.send(3, more=False)
        assert bodies.size == 5
        sender.done.set()
        assert await sender.task == b"xxxxx"
        return [sender]

    run(story)


def test_one_that_says_that_it_is_too_large_is_refused_unread() -> None:
    async def story(bodies: BodyBudget) -> Sequence[Sender]:
        sender = Sender(bodies, "a", 1001)
        assert isinstance(await sender.task, TooLarge)
        assert sender.pieces.empty()
        return [sender]

    run(story)


def test_one_that_becomes_too_large_is_refused_at_once() -> None:
    async def story(bodies: BodyBudget) -> Sequence[Sender]:
        sender = Sender(bodies, "a", limit=10)
        await sender.send(10)
        assert sender.refusal() is None
        await sender.send(1)
        assert sender.refusal() is TooLarge
        return [sender]

    run(story)


def test_the_largest_of_who_has_most_is_cut_off_for_others() -> None:
    async def story(bodies: BodyBudget) -> Sequence[Sender]:
        flood = [Sender(bodies, "flood") for _ in range(4)]
        for sender, size in zip(flood, (200, 400, 300, 100), strict=True):
            await sender.send(size)
        other = Sender(bodies, "a")
        await other.send(50, more=False)
        assert [sender.refusal() for sender in flood] == [None, Overloaded, None, None]
        assert (other.refusal(), bodies.size, bodies.refused) == (None, 650, 1)
        return [*flood, other]

    run(story)


def test_a_small_body_of_the_same_sender_is_read_too() -> None:
    async def story(bodies: BodyBudget) -> Sequence[Sender]:
        dripping = [Sender(bodies, "a") for _ in range(5)]
        for sender in dripping:
            await sender.send(200)
        small = Sender(bodies, "a")
        await small.send(20, more=False)
        assert small.refusal() is None
        assert sum(sender.refusal() is Overloaded for sender in dripping) == 1
        return [*dripping, small]

    run(story)


def test_whole_bodies_stay_and_the_one_that_grows_is_refused() -> None:
    async def story(bodies: BodyBudget) -> Sequence[Sender]:
        whole = Sender(bodies, "a")
        await whole.send(900, more=False)
        late = Sender(bodies, "b")
        await late.send(101)
        assert (whole.refusal(), late.refusal()) == (None, Overloaded)
        return [whole, late]

    run(story)


def test_a_connection_that_ends_gives_its_room_back() -> None:
    async def story(bodies: BodyBudget) -> Sequence[Sender]:
        sender = Sender(bodies, "a")
        await sender.send(10)
        sender.pieces.put_nowait({"type": "http.disconnect"})
        assert isinstance(await sender.task, Invalid)
        assert bodies.size == 0
        return [sender]

    run(story)


def test_who_is_cancelled_is_cancelled() -> None:
    async def play() -> None:
        bodies = BodyBudget(100)
        sender = Sender(bodies, "a")
        await sender.send(10)
        sender.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sender.task
        assert bodies.size == 0

    asyncio.run(play())
