"""One connection, over uvicorn's protocol, whose insides only this package knows. A request that a hot entry answers
never reaches its parser."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.connection.deadline import SenderDeadline
from gateway.connection.direct import DirectHandlers, ask
from gateway.connection.matcher import END, LINE, Matcher, Unanswered
from gateway.connection.wire import NO_WIRE, WireAnswers
from gateway.connection.writer import AnswerWriter
from gateway.errors import HeadTooLarge, Problem, TooSlow
from gateway.hot import TICKET, TRACED
from gateway.hot.answers import HotAnswers
from gateway.hot.cache import TOUCH_S
from gateway.hot.entry import HotEntry
from gateway.hot.second_level import SecondLevelEntry
from gateway.routes.replies import SentResponse

log = logging.getLogger(__name__)

OFFER = re.compile(rb"(?<=\r\n)upgrade:[ \t]*h2c[ \t]*\r\n", re.IGNORECASE)
MOST_HELD = 64 * 1024  # bytes
MOST_HEAD = 256 * 1024  # bytes of a head without an end, or of the trailers of a body in chunks
LOOK_S = 1.0
BODY_S = 0.2  # SDKs send the body of a call right behind its head, in a packet of its own
LEAVING_S = 0.5  # for a request that was on its way when the server was told to stop


class HotProtocol(HttpToolsProtocol):
    """A connection. `_is_whole`: the parser is not in the middle of a request."""

    hot_cache: ClassVar[HotAnswers]
    direct: ClassVar[DirectHandlers]
    wire: ClassVar[WireAnswers]
    patience_s: ClassVar[float] = 30.0  # for a whole head from its first byte, or for the next piece of a body
    least_rate: ClassVar[float] = 1000.0  # bytes a second, of a body that takes longer than that

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._is_whole = True
        self._unfinished = 0  # bytes that the parser has since it last had a whole request, or some of a body
        self._state: dict[str, Any] = {}  # of the next request to be parsed
        self._answered_at = 0.0  # by the hot cache's clock
        self._deadline = SenderDeadline(self.patience_s, self.least_rate)
        self._held: bytes | None = None  # bytes behind a request whose answer is on its way
        self._looked_up: Unanswered | None = None  # the request that the second level is asked for
        self._is_leaving = False
        self._handling: Any = None  # the task of a handler that was asked directly
        self._head: bytes = b""  # of a call of the AWS wire whose body comes next
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        cache = self.hot_cache
        self._matcher = Matcher(cache, self.client)
        self._writer = AnswerWriter(transport, self.server_state, cache.counters, cache.clock)
        self._rest(cache.clock())

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._joined(b"")

    def data_received(self, data: bytes) -> None:
        if self._head:
            data = self._joined(data)
        now = self.hot_cache.clock()
        entry = self._matcher.match_like_last(data, now)
        if entry is not None and self._held is None and self._is_free():
            self._repeat(entry, now)
            return
        if data.startswith(self.wire.first) and self._serve_wire(data):
            return
        start, size = 0, len(data)
        while start < size:
            if self._held is not None:
                self._hold(data[start:])
                return
            end = data.find(END, start) if self._is_free() else -1
            if end < 0 or not self._serve(data, start, end):
                self._parse(data[start:] if start else data)
                return
            start = end + len(END)

    def _serve_wire(self, data: bytes) -> bool:
        """Answer a call of the AWS wire whose list is kept, or wait a moment for its body; False: these bytes go the
        ordinary way."""
        if self._held is not None or not self._is_free():
            return False
        if data.endswith(END) and self.wire.expects_body(data):
            self._head, self._head_timer = data, self.loop.call_later(BODY_S, self._go_on)
            self._rest(self.hot_cache.clock())
            return True
        answer = self.wire.answer(data, self.client)
        if answer is None:
            return False
        self._writer.write_ok(answer)
        self._rest(self.hot_cache.clock())
        return True

    def _joined(self, data: bytes) -> bytes:
        """The head that waited, and what has come behind it."""
        head, self._head = self._head, b""
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        return head + data

    def _go_on(self) -> None:
        """Parse a head whose body is late: there is a deadline for it on the ordinary way."""
        head = self._joined(b"")
        if not self.transport.is_closing():
            self._parse(head)

    def _is_free(self) -> bool:
        """True if an answer may be written now: nothing is half read, no answer goes before it, the caller takes it,
        and it won't be the last."""
        cycle = self.cycle
        free = self._is_whole and (cycle is None or cycle.response_complete) and not self.flow.write_paused
        return free and not self._is_leaving

    # ---- requests that the parser never sees

    def _serve(self, data: bytes, start: int, end: int) -> bool:
        """Answer the request between these, now or as soon as Redis or a handler has; False: it is to be parsed."""
        cache = self.hot_cache
        now = cache.clock()
        match = self._matcher.match(data, start, end, now)
        if match is None:
            return False
        if isinstance(match, Unanswered):
            return self._serve_unanswered(match, now)
        if cache.draws is not None and cache.draws():
            self._state[TRACED] = True
            return False
        self._repeat(match, now)
        return True

    def _repeat(self, entry: HotEntry, now: float) -> None:
        if now - entry.touched > TOUCH_S:
            self.hot_cache.touch(entry, now)
        self._writer.write_hit(entry, entry.counter, self._matcher.head, now, self._matcher.is_get)
        self._rest(now)

    def _serve_unanswered(self, request: Unanswered, now: float) -> bool:
        """Answer by the second level, a refusal or a handler."""
        if now >= request.head.until:
            self._state[TICKET] = request.ticket()
            return False
        if request.head.position and request.head.position > self.hot_cache.applied():
            self._state[TICKET] = request.ticket()
            return self._ask_handler(request)
        second_level = self.hot_cache.second_level
        if request.outdated is None and second_level is not None and second_level.helps(now):
            self._held, self._looked_up = b"", request
            second_level.look_up(request.group.second_level_name(request.target), self._deliver)
            return True
        if self._repeat_refusal(request, now):
            return True
        self._state[TICKET] = request.ticket()
        return self._ask_handler(request)

    def _deliver(self, entry: SecondLevelEntry | None) -> None:
        request, self._looked_up = self._looked_up, None
        held, self._held = self._held, None
        if request is None or self.transport.is_closing():
            return
        cache, now = self.hot_cache, self.hot_cache.clock()
        is_traced = cache.draws is not None and cache.draws()
        labels = None
        if entry is not None and cache.second_level is not None and not is_traced:
            labels = cache.second_level.labels_if_current(entry, now)
        if entry is not None and labels is not None and request.heads is cache.heads and not self._is_leaving:
            self._writer.write_hit(entry, cache.counters.of(labels), request.head, now, request.is_get)
            self._rest(now)
        elif entry is not None or self._is_leaving or not self._repeat_refusal(request, now):
            self._state[TICKET] = request.ticket(is_absent=True)
            if is_traced:
                self._state[TRACED] = True
            self._parse(request.raw)
        if held:
            self.flow.resume_reading()
            self.data_received(held)

    def _repeat_refusal(self, request: Unanswered, now: float) -> bool:
        refusal = self._matcher.refusal(request, now)
        if refusal is None:
            return False
        self._writer.write_refusal(refusal, request.target, now, request.is_get)
        self._rest(now)
        return True

    def _ask_handler(self, request: Unanswered) -> bool:
        answer = ask(self.direct, request, self.client, self._state)
        if answer is None:
            return False
        self._state, self._held = {}, b""
        self._handling = self.loop.create_task(self._reply(answer))
        self.tasks.add(self._handling)
        return True

    async def _reply(self, answer: Awaitable[SentResponse]) -> None:
        try:
            sent = await answer
        except Exception:  # which handlers answer themselves
            log.exception("a request has no answer")
            self.transport.close()
            return
        finally:
            self.tasks.discard(self._handling)
        self.server_state.total_requests += 1
        if not self.transport.is_closing():
            self._writer.write_reply(sent, self._is_leaving)
            self._rest(self.hot_cache.clock())
            if self._is_leaving:
                self.transport.close()
        held, self._held = self._held, None
        if not self.transport.is_closing():
            self.flow.resume_reading()
            if held:
                self.data_received(held)

    def _hold(self, data: bytes) -> None:
        """Keep bytes that come while an answer is on its way."""
        self._held = (self._held or b"") + data
        if len(self._held) > MOST_HELD:
            self.flow.pause_reading()

    # ---- idle connections, and requests of which a part is here

    def _rest(self, now: float) -> None:
        """The connection is idle from here on."""
        if self.timeout_keep_alive_task is None:
            self._wait(self.timeout_keep_alive)
        self._answered_at = now

    def _wait(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _left_s(self) -> float:
        """Seconds that the caller has."""
        if self._is_whole:
            return self._answered_at + self.timeout_keep_alive - self.hot_cache.clock()
        return self._deadline.left_s(self.loop.time())

    def timeout_keep_alive_handler(self) -> None:
        """Look whether the caller's time is over: a hot answer does not set the timer anew."""
        if self.transport.is_closing():
            return
        left_s, cycle = self._left_s(), self.cycle
        if self._is_served():
            self._deadline.wait_anew(self.loop.time())
            self._wait(LOOK_S)
        elif 0 < left_s <= (self.timeout_keep_alive if self._is_whole else self.patience_s):
            self._wait(left_s)
        elif self._is_whole or (cycle is not None and cycle.scope is self.scope and cycle.response_complete):
            super().timeout_keep_alive_handler()
        else:
            if cycle is not None:
                cycle.disconnected = True  # the reader of its body can't answer any more
            self._refuse(TooSlow(self._deadline.reason(self.loop.time())))

    def _is_served(self) -> bool:
        """True if the caller waits: for an answer, or to be read."""
        if self._held is not None or self.pipeline or self.flow.read_paused:
            return True
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return False
        has_all = cycle.scope is not self.scope or not cycle.more_body
        return has_all or cycle.response_started or cycle.waiting_for_100_continue

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._answered_at = self.hot_cache.clock()
        if not self._is_whole and not self.transport.is_closing():  # the next has begun, or this one's body has no end
            self._deadline.go_on(self.loop.time())
            self._unset_keepalive_if_required()
            self._wait(self.patience_s)

    # ---- the end

    def shutdown(self) -> None:
        """End the connection after the answer under way, or after the next, if it is asked for at once: to close under
        a request that is on its way resets the connection."""
        self._is_leaving = True
        if self._is_answering():
            super().shutdown()
        else:
            self.loop.call_later(LEAVING_S, self._leave)

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _leave(self) -> None:
        """Close, unless an answer is under way: that one says that it is the last."""
        if self._held is None and not self._is_answering() and not self.transport.is_closing():
            self.transport.close()

    # ---- the ordinary way

    def _parse(self, data: bytes) -> None:
        if self._is_whole and b"h2c" in data:
            data = without_offer(data)
        self._unfinished += len(data)
        super().data_received(data)
        if self._unfinished > MOST_HEAD and not self.transport.is_closing():
            self._refuse_head()
        elif not (self._is_whole and self._is_answering()) and self.transport.get_protocol() is self:
            self._wait(self._left_s())  # from its beginning: a byte now and then gains no time

    def _refuse_head(self) -> None:
        """Refuse a head that is too long: the parser keeps it, so one without an end takes the worker's memory."""
        if self._is_answering():
            self.transport.close()
        else:
            self._refuse(HeadTooLarge(f"the request's head is over {MOST_HEAD} bytes"))

    def _refuse(self, problem: Problem) -> None:
        self._writer.write_problem(problem)
        self.transport.close()

    def on_message_begin(self) -> None:
        self._is_whole = False
        self._deadline.begin_head(self.loop.time())
        super().on_message_begin()
        if self._state:
            self.scope["state"].update(self._state)
            self._state = {}

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._deadline.begin_body(self.loop.time())
        # behind an offer of another protocol httptools skips the body, which must not be read as the next request
        if (self._is_leaving or self.parser.should_upgrade()) and self.cycle is not None:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._unfinished = 0
        self._deadline.add(len(body), self.loop.time())
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unfinished = 0
        super().on_message_complete()
        self._is_whole = not self.parser.should_upgrade()  # after an upgrade nothing is as it was


def without_offer(data: bytes) -> bytes:
    """The request that begins here without its offer of HTTP/2, which need not be taken (RFC 9110 §7.8). Of a request
    with one httptools skips the body, and reads it as the next request."""
    end = data.find(END)
    stop = len(data) if end < 0 else end + len(LINE)
    return OFFER.sub(b"", data[:stop]) + data[stop:]


def protocol_of(hot_cache: HotAnswers, direct: DirectHandlers, wire: WireAnswers = NO_WIRE) -> type[HotProtocol]:
    """The protocol as uvicorn wants it: a class, of which it makes one for every connection."""
    return type("HotProtocol", (HotProtocol,), {"hot_cache": hot_cache, "direct": direct, "wire": wire})
