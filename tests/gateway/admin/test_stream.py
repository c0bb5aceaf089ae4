"""Views as server-sent events: at once, when they change, and made once for all who listen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from gateway.auth import Operator
from gateway.errors import NotConfigured
from gateway.routes import admin_stream
from gateway.routes.admin_stream import Streams, Topic
from tests.gateway.admin.world import AdminWorld

ANN, TENANT = Operator("ann"), Operator("blog", namespaces=frozenset({"blog"}))


class Config:
    admin = "keys"


class SmallFront:
    """The part of a front that streams look at: the keys in force."""

    def __init__(self) -> None:
        self.gateway = cast(Any, type("G", (), {"config": Config()})())


class Question:
    """A request, as far as a stream reads it."""

    def __init__(self, topics: str) -> None:
        self.query_params = {"topics": topics}


def streams(*topics: Topic, leaving: Callable[[], bool] = lambda: False) -> Streams:
    return Streams(cast(Any, SmallFront()), topics, leaving)


async def parts(streams: Streams, topics: str, operator: Operator = ANN) -> Any:
    sending = await streams.stream(cast(Any, Question(topics)), operator)
    assert sending.stream is not None and sending.media_type == b"text/event-stream"
    return sending.stream


async def next_event(stream: Any) -> bytes:
    while True:
        part: bytes = await asyncio.wait_for(anext(stream), 5)
        if not part.startswith(b":"):
            return part


def test_a_view_comes_at_once_and_when_it_changes() -> None:
    state = {"n": 1, "at": 0}

    def make(_: Operator) -> bytes:
        state["at"] += 1
        return b'{"at":%d,"n":%d}' % (state["at"], state["n"])

    async def listen() -> None:
        stream = await parts(streams(Topic("numbers", 0.01, make)), "numbers")
        assert await next_event(stream) == b'event: numbers\ndata: {"at":1,"n":1}\n\n'
        with pytest.raises(TimeoutError):  # only its time is another one
            await asyncio.wait_for(anext(stream), 0.2)

    async def listen_on() -> None:
        stream = await parts(streams(Topic("numbers", 0.01, make)), "numbers")
        await next_event(stream)
        state["n"] = 2
        assert b'"n":2' in await next_event(stream)
        await stream.aclose()

    asyncio.run(listen())
    asyncio.run(listen_on())


def test_a_view_is_made_once_for_all_who_see_the_same() -> None:
    made: list[frozenset[str] | None] = []

    def make(operator: Operator) -> bytes:
        made.append(operator.namespaces)
        return b'{"n":1}'

    async def listen() -> None:
        several = streams(Topic("numbers", 30.0, make))
        listening = [await parts(several, "numbers") for _ in range(10)]
        listening.append(await parts(several, "numbers", TENANT))
        assert {await next_event(each) for each in listening} == {b'event: numbers\ndata: {"n":1}\n\n'}
        for each in listening:
            await each.aclose()

    asyncio.run(listen())
    assert sorted(made, key=str) == [None, frozenset({"blog"})] or sorted(made, key=str) == [frozenset({"blog"}), None]


def test_nothing_is_made_once_nobody_listens() -> None:
    count = [0]

    def make(_: Operator) -> bytes:
        count[0] += 1
        return b'{"n":%d}' % count[0]

    async def listen() -> None:
        several = streams(Topic("numbers", 0.01, make))
        stream = await parts(several, "numbers")
        await next_event(stream)
        await stream.aclose()
        await asyncio.sleep(0.05)
        before = count[0]
        await asyncio.sleep(0.1)
        assert count[0] == before
        again = await parts(several, "numbers")
        assert b'"n":%d' % (before + 1) in await next_event(again)
        await again.aclose()

    asyncio.run(listen())


def test_a_view_that_takes_long_is_made_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    sleep = asyncio.sleep

    async def noted(seconds: float) -> None:
        slept.append(seconds)
        await sleep(0.001 if len(slept) > 1 else 30)

    def make(_: Operator) -> bytes:
        import time

        time.sleep(0.05)
        return b"{}"

    async def listen() -> None:
        monkeypatch.setattr(admin_stream.asyncio, "sleep", noted)
        stream = await parts(streams(Topic("slow", 0.01, make)), "slow")
        await next_event(stream)
        await sleep(0.01)
        await stream.aclose()

    asyncio.run(listen())
    assert slept and slept[0] >= 50 * 0.05


def test_a_view_that_can_not_be_made_says_so() -> None:
    def make(_: Operator) -> bytes:
        raise NotConfigured("PricesNotReadable", "no prices")

    async def listen() -> None:
        stream = await parts(streams(Topic("cost", 1.0, make)), "cost")
        event = await next_event(stream)
        assert event == b'event: error\ndata: {"topic":"cost","code":"PricesNotReadable","message":"no prices"}\n\n'
        await stream.aclose()

    asyncio.run(listen())


def test_a_stream_ends_with_the_server_and_with_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_stream, "LOOK_S", 0.01)
    is_leaving = [False]

    async def listen(end: Callable[[Streams], None]) -> None:
        several = streams(Topic("numbers", 1.0, lambda _: b"{}"), leaving=lambda: is_leaving[0])
        stream = await parts(several, "numbers")
        await next_event(stream)
        end(several)
        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(anext(stream), 5)

    asyncio.run(listen(lambda several: setattr(several._front.gateway.config, "admin", "others")))
    asyncio.run(listen(lambda _: is_leaving.__setitem__(0, True)))


WRONG = [
    ("", "read", 400),
    ("nothing", "read", 400),
    ("processes", "tenant", 403),
    ("overview,configuration", "tenant", 403),
]


@pytest.mark.parametrize(("topics", "key", "status"), WRONG)
def test_a_wrong_topic(topics: str, key: str, status: int, keyed: AdminWorld) -> None:
    assert keyed.get(f"/admin/stream?topics={topics}", key).status_code == status
