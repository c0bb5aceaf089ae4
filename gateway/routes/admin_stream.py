"""GET /admin/stream: views as server-sent events, each at once and again when it has changed. A view is made while
somebody listens, once for all who see the same, and a view that takes long is made seldom."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec
from litestar.handlers import HTTPRouteHandler

from engine import EngineError
from gateway.auth import Operator
from gateway.errors import Busy, Invalid, Problem, problem_of
from gateway.routes.admin_gate import AdminGate, RouteDoc
from gateway.routes.replies import NO_STORE, AnyRequest, Front, Header, Sending

log = logging.getLogger(__name__)

LOOK_S = 1.0  # how often a stream looks whether it goes on
ALIVE_S = 10.0  # after which a silent one says that it is still there
RESTS = 50  # times as long as a view took to make, until it is made again: 2 % of a processor at most
MOST = 100  # streams of a worker
UNBUFFERED: Header = (b"x-accel-buffering", b"no")  # for proxies
DOCS = (
    RouteDoc(
        "GET",
        "/admin/stream",
        "streamViews",
        "Views as server-sent events, whenever they change",
        str,
        query=("topics",),
    ),
)
Make = Callable[[Operator], bytes]  # called in a thread


class Topic(NamedTuple):
    """A view that can be listened to, made at most every so many seconds."""

    name: str
    every_s: float
    make: Make
    server_only: bool = False


class Channel:
    """One topic for all who see the same of it. Listeners are woken when there is another message."""

    def __init__(self, topic: Topic, operator: Operator) -> None:
        self._topic, self._operator = topic, operator
        self._listeners: set[asyncio.Event] = set()
        self._making: asyncio.Task[None] | None = None
        self._body = b""
        self.message, self.number = b"", 0

    def join(self, wake: asyncio.Event) -> None:
        self._listeners.add(wake)
        if self._making is None or self._making.done():
            self._making = asyncio.create_task(self._make_on())

    def leave(self, wake: asyncio.Event) -> None:
        self._listeners.discard(wake)
        if not self._listeners and self._making is not None:
            self._making.cancel()
            self._making, self._body, self.message = None, b"", b""

    async def _make_on(self) -> None:
        while self._listeners:
            began = time.monotonic()
            event, body = await asyncio.to_thread(self._made)
            if changed(self._body, body):
                self._body, self.number = body, self.number + 1
                self.message = b"event: " + event.encode() + b"\ndata: " + body + b"\n\n"
                for each in self._listeners:
                    each.set()
            await asyncio.sleep(max(self._topic.every_s, RESTS * (time.monotonic() - began)))

    def _made(self) -> tuple[str, bytes]:
        """The event's name and its data."""
        try:
            return self._topic.name, self._topic.make(self._operator)
        except EngineError as error:
            return "error", failure(self._topic.name, problem_of(error))
        except Problem as problem:
            return "error", failure(self._topic.name, problem)
        except Exception:
            log.exception("the view %s can't be made", self._topic.name)
            message = "an internal error; the server's log has it"
            return "error", failure(
                self._topic.name, Problem(message, status=500, type="Unhandled", code="InternalError")
            )


class Streams:
    """All streams of a worker. `leaving` tells them to end."""

    def __init__(self, front: Front, topics: Iterable[Topic], leaving: Callable[[], bool]) -> None:
        self._front, self._leaving = front, leaving
        self._topics = {each.name: each for each in topics}
        self._channels: dict[tuple[str, frozenset[str] | None], Channel] = {}
        self._open = 0

    async def stream(self, request: AnyRequest, operator: Operator) -> Sending:
        topics = self._wanted(request.query_params.get("topics", ""))
        if any(topic.server_only for topic in topics):
            operator.check_server()
        if self._open >= MOST:
            raise Busy("TooManyStreams", f"{MOST} streams are open at this worker: close some", 5)
        headers = (NO_STORE, UNBUFFERED)
        return Sending(headers=headers, media_type=b"text/event-stream", stream=self._messages(topics, operator))

    def _wanted(self, text: str) -> list[Topic]:
        names = list(dict.fromkeys(name for name in text.split(",") if name))
        unknown = [name for name in names if name not in self._topics]
        if unknown or not names:
            wrong = f"there is no topic {unknown[0][:40]!r}" if unknown else "name one or more"
            raise Invalid("ValidationError", f"topics: {wrong}; one of: {', '.join(self._topics)}")
        return [self._topics[name] for name in names]

    def _channel(self, topic: Topic, operator: Operator) -> Channel:
        return self._channels.setdefault((topic.name, operator.namespaces), Channel(topic, operator))

    async def _messages(self, topics: Sequence[Topic], operator: Operator) -> AsyncIterator[bytes]:
        keys, wake = self._front.gateway.config.admin, asyncio.Event()
        channels = [self._channel(topic, operator) for topic in topics]
        seen, quiet_since = dict.fromkeys(channels, 0), time.monotonic()
        self._open += 1
        try:
            for channel in channels:
                channel.join(wake)
            yield b": here\n\n"
            # whoever comes again is asked again: other keys may count by then
            while not self._leaving() and self._front.gateway.config.admin == keys:
                wake.clear()
                for channel in channels:
                    if channel.message and channel.number != seen[channel]:
                        seen[channel], quiet_since = channel.number, time.monotonic()
                        yield channel.message
                if time.monotonic() - quiet_since >= ALIVE_S:
                    quiet_since = time.monotonic()
                    yield b": still here\n\n"
                await wait(wake, LOOK_S)
        finally:
            self._open -= 1
            for channel in channels:
                channel.leave(wake)


def stream_route(gate: AdminGate, streams: Streams) -> HTTPRouteHandler:
    return gate.read("/admin/stream", streams.stream)


async def wait(wake: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await wake.wait()
    except TimeoutError:
        return


def changed(before: bytes, after: bytes) -> bool:
    """True where more than the time of a view is another one."""
    return without_time(before) != without_time(after)


def without_time(body: bytes) -> bytes:
    return body.partition(b",")[2] if body.startswith(b'{"at":') else body


def failure(topic: str, problem: Problem) -> bytes:
    return msgspec.json.encode({"topic": topic, "code": problem.code, "message": problem.message})
