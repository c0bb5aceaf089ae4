"""The writer: the bytes of answers onto one connection, past uvicorn's cycle, and the counting of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from uvicorn.protocols.http.httptools_impl import STATUS_LINE
from uvicorn.server import ServerState

from gateway.errors import Problem
from gateway.hot.counters import QUICK_S, HitCounter, HitCounters
from gateway.hot.entry import HotEntry, HotRefusal, lines
from gateway.hot.heads import RequestHead
from gateway.hot.second_level import SecondLevelEntry
from gateway.routes.replies import SentResponse, not_modified, refusal as refusal_of

LINE = b"\r\n"
CLOSE = b"connection: close\r\n"


class AnswerWriter:
    """Writes answers to one connection. The lines that begin all of them are made once a second."""

    __slots__ = (
        "_busy",
        "_clock",
        "_common",
        "_counters",
        "_defaults",
        "_not_modified",
        "_ok",
        "_server",
        "_transport",
    )

    def __init__(
        self, transport: asyncio.Transport, server: ServerState, counters: HitCounters, clock: Callable[[], float]
    ) -> None:
        self._transport, self._server, self._counters, self._clock = transport, server, counters, clock
        self._defaults: object = None
        self._common = self._ok = self._not_modified = self._busy = b""

    def write_hit(
        self, answer: HotEntry | SecondLevelEntry, counter: HitCounter, head: RequestHead, now: float, is_get: bool
    ) -> None:
        if self._server.default_headers is not self._defaults:
            self._renew()
        age, unmodified = b"%d" % (now - answer.stored_at), None
        if head.if_none_match and not_modified(head.if_none_match, answer.etag):
            unmodified = answer.unmodified
        if unmodified is not None:
            self._transport.write(b"".join((self._not_modified, unmodified[0], age, unmodified[1])))
        elif is_get:
            self._transport.write(b"".join((self._ok, answer.head, age, answer.rest, answer.body, answer.tail)))
        else:
            self._transport.write(b"".join((self._ok, answer.head, age, answer.rest)))
        seconds = self._clock() - now
        if seconds > QUICK_S:
            self._counters.report(counter, 200 if unmodified is None else 304, seconds)
        else:
            counter.add(seconds, unmodified is not None)

    def write_ok(self, answer: bytes) -> None:
        """Write an answer, from its own first header on, which is counted elsewhere."""
        if self._server.default_headers is not self._defaults:
            self._renew()
        self._transport.write(self._ok + answer)

    def write_refusal(self, refusal: HotRefusal, target: bytes, now: float, is_get: bool) -> None:
        if self._server.default_headers is not self._defaults:
            self._renew()
        self._transport.write(b"".join((self._busy, refusal.head, refusal.body if is_get else b"")))
        self._counters.telemetry.request(target[1:].split(b"/", 1)[0].decode(), 503, self._clock() - now)

    def write_reply(self, sent: SentResponse, is_last: bool) -> None:
        """Write the reply of a handler, which has counted it."""
        if self._server.default_headers is not self._defaults:
            self._renew()
        head = lines(sent.headers) + (CLOSE if is_last else b"")
        self._transport.write(b"".join((STATUS_LINE[sent.status], self._common, head, LINE, sent.body)))

    def write_problem(self, problem: Problem) -> None:
        """Write the last answer of a connection, to a request that is not whole."""
        sending = refusal_of(problem)
        headers = [*sending.headers, (b"content-type", sending.media_type)]
        headers.append((b"content-length", b"%d" % len(sending.body)))
        self.write_reply(SentResponse(sending.status, headers, sending.body), is_last=True)
        self._counters.telemetry.request("other", sending.status, 0.0)

    def _renew(self) -> None:
        """Make the lines that begin every answer of the next second: its date is in them."""
        self._defaults = self._server.default_headers
        self._common = lines(self._server.default_headers)
        self._ok, self._not_modified, self._busy = (STATUS_LINE[status] + self._common for status in (200, 304, 503))
