"""The only place that knows uvicorn's insides: whole requests that a memo answers never reach its parser."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from gateway.connection.direct_question import question
from gateway.errors import HeadTooLarge, Problem, TooSlow
from gateway.hot.cache import (
    QUICK_S,
    TICKET,
    TOUCH_S,
    TRACED,
    Candidate,
    HitCounter,
    HotAnswer,
    HotCache,
    HotEntry,
    Ticket,
    asked_of,
    lines,
)
from gateway.hot.heads import UNUSUAL, HeadReader, HeadTable, RequestHead, VaryGroup
from gateway.hot.second_level import SecondLevelEntry
from gateway.routes.conditional import not_modified
from gateway.routes.direct import Direct
from gateway.routes.replies import Sent, refusal

log = logging.getLogger(__name__)

END, LINE, GET = b"\r\n\r\n", b"\r\n", b"GET /"
VERSION = b" HTTP/1.1"
OFFER = re.compile(rb"(?<=\r\n)upgrade:[ \t]*h2c[ \t]*\r\n", re.IGNORECASE)
CLOSE = b"connection: close\r\n"
MOST_HELD = 64 * 1024  # bytes
MOST_HEAD = 256 * 1024  # bytes of one that has not ended, or of what follows a body in chunks
LOOK_S = 1.0
LEAVING_S = 0.5  # for a request that was on its way when the server was told to stop

# its group and target, how it is to be answered, its own bytes
Asked = tuple[HeadReader, VaryGroup, bytes, RequestHead, bool, bytes]


class HotProtocol(HttpToolsProtocol):
    """One connection. `_is_whole`: the parser is not in the middle of a request."""

    memos: ClassVar[HotCache]
    direct: ClassVar[Direct]
    patience_s: ClassVar[float] = 30.0  # for a whole head from its first byte, or for the next piece of a body
    least_rate: ClassVar[float] = 1000.0  # bytes a second, of a body that takes longer than that

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._is_whole = True
        self._unfinished = 0  # bytes that the parser has since it last had a whole request, or some of a body
        self._heads: HeadTable | None = None
        self._of: object = None  # the configuration's heads that `_heads` belong to
        self._head, self._ending = UNUSUAL, b""  # of the last request that was answered here: all behind its target
        self._state: dict[str, Any] = {}  # of the next request to be parsed
        self._answered_at = 0.0  # by `memos.clock`
        self._body_since = 0.0  # when the body under way began, by `loop.time`; 0: its head is not whole
        self._body_bytes = 0  # of it since then
        self._since = 0.0  # when the head began or the body went on of which more is to come, by `loop.time`
        self._dates: object = None
        self._common = self._ok = self._not_modified = self._busy = b""
        self._host, self._is_trusted = "", False
        self._held: bytes | None = None  # what came after a request whose answer is on its way
        self._asked: Asked | None = None  # the request about which Redis is asked
        self._is_leaving = False
        self._asking: Any = None  # the task that is to end with an answer

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._host = self.client[0] if self.client else ""
        self._rest(self.memos.clock())

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        if self._asked_again(data):
            return
        start, size = 0, len(data)
        while start < size:
            if self._held is not None:
                self._hold(data[start:])
                return
            end = data.find(END, start) if self._is_free() else -1
            if end < 0 or not self._answered(data, start, end):
                self._parse(data[start:] if start else data)
                return
            start = end + len(END)

    def _is_free(self) -> bool:
        """Whether an answer may be written now: nothing is half read, nobody waits before it, the caller takes, and it
        won't be the last."""
        cycle = self.cycle
        free = self._is_whole and (cycle is None or cycle.response_complete) and not self.flow.write_paused
        return free and not self._is_leaving

    # ---- the hot way

    def _asked_again(self, data: bytes) -> bool:
        """Whether this is a request like the last one but for its target, as browsers send them, whose answer is kept
        and went out. Its head is not looked for: that target would not be known if it ended elsewhere."""
        memos = self.memos
        if self._of is not memos.heads or not data.endswith(self._ending) or not data.startswith(GET):
            return False
        room = self._head.room
        if room is None or memos.draws is not None or self._held is not None or not self._is_free():
            return False
        memo, now = room.get(data[4 : -len(self._ending)]), memos.clock()
        if not isinstance(memo, HotEntry) or now >= self._head.until or not memos.holds(memo, now):
            return False
        self._repeat(memo, self._head, now, True)
        return True

    def _answered(self, data: bytes, start: int, end: int) -> bool:
        """Whether the request between these was answered, or will be as soon as Redis has said what it has."""
        line = data.find(LINE, start)
        first = start + 4
        if data.startswith(GET, start):
            whole = True
        elif data.startswith(b"HEAD /", start):
            first, whole = start + 5, False
        else:
            return False
        if data[line - 9 : line] != VERSION or line >= end:
            return False
        memos = self.memos
        if self._of is not memos.heads:
            self._of, self._heads = memos.heads, memos.heads.of(self.client)
            self._is_trusted, self._head = memos.heads.trusts(self._host), UNUSUAL
        assert self._heads is not None
        head = self._heads[data[line + 2 : end]]
        room = head.room
        if room is None:
            return False
        target = data[first : line - 9]
        known, now = room.get(target), memos.clock()
        memo = memos.kept(known) if isinstance(known, Candidate) else known
        if memo is None and memos.far is not None and now < head.until and memos.far.helps(now):
            self._held, self._asked = b"", (memos.heads, room, target, head, whole, data[start : end + len(END)])
            memos.far.ask(room.far_name(target), self._found)
            return True
        if memo is None or now >= head.until or not memos.holds(memo, now):
            if now < head.until and self._refused(head, target, memo, now, whole):
                return True
            self._state[TICKET] = Ticket(memos.heads, room, target)
            return now < head.until and self._ask(whole, target, data[line + 2 : end])
        if memos.draws is not None and memos.draws():
            self._state[TRACED] = True
            return False
        self._head, self._ending = head, data[line - 9 : end + len(END)]
        self._repeat(memo, head, now, whole)
        return True

    def _repeat(self, memo: HotEntry, head: RequestHead, now: float, whole: bool) -> None:
        if now - memo.touched > TOUCH_S:
            self.memos.touch(memo, now)
        self._send(memo, memo.tally, head, now, whole)

    def _send(self, answer: HotAnswer, tally: HitCounter, head: RequestHead, now: float, whole: bool) -> None:
        if self.server_state.default_headers is not self._dates:
            self._date()
        age, unmodified = b"%d" % (now - answer.stored_at), None
        if head.if_none_match and not_modified(head.if_none_match, answer.etag):
            unmodified = answer.unmodified
        if unmodified is not None:
            self.transport.write(b"".join((self._not_modified, unmodified[0], age, unmodified[1])))
        elif whole:
            self.transport.write(b"".join((self._ok, answer.head, age, answer.rest, answer.body, answer.tail)))
        else:
            self.transport.write(b"".join((self._ok, answer.head, age, answer.rest)))
        self._rest(now)
        seconds = self.memos.clock() - now
        if seconds > QUICK_S:
            self.memos.tell(tally.told, 200 if unmodified is None else 304, seconds)
        else:
            tally.add(seconds, unmodified is not None)

    # ---- the short way

    def _ask(self, whole: bool, target: bytes, block: bytes) -> bool:
        """Whether a handler was asked, past uvicorn's parser."""
        asked = question(self.direct, "GET" if whole else "HEAD", target, block, self.client, self._state)
        if asked is None:
            return False
        self._state, self._held = {}, b""
        self._asking = self.loop.create_task(self._told(asked))
        self.tasks.add(self._asking)
        return True

    async def _told(self, asked: Awaitable[Sent]) -> None:
        try:
            sent = await asked
        except Exception:  # which handlers answer themselves
            log.exception("a request has no answer")
            self.transport.close()
            return
        finally:
            self.tasks.discard(self._asking)
        self.server_state.total_requests += 1
        if not self.transport.is_closing():
            if self.server_state.default_headers is not self._dates:
                self._date()
            head = lines(sent.headers) + (CLOSE if self._is_leaving else b"")
            self.transport.write(b"".join((STATUS_LINE[sent.status], self._common, head, LINE, sent.body)))
            self._rest(self.memos.clock())
            if self._is_leaving:
                self.transport.close()
        self._go_on()

    def _go_on(self) -> None:
        """With what came meanwhile."""
        held, self._held = self._held, None
        if not self.transport.is_closing():
            self.flow.resume_reading()
            if held:
                self.data_received(held)

    # ---- by way of Redis

    def _found(self, kept: SecondLevelEntry | None) -> None:
        """What Redis has for the request about which it was asked."""
        asked, self._asked = self._asked, None
        held, self._held = self._held, None
        if asked is None or self.transport.is_closing():
            return
        heads, room, target, head, whole, request = asked
        memos, now = self.memos, self.memos.clock()
        is_traced = memos.draws is not None and memos.draws()
        told = None if kept is None or memos.far is None or is_traced else memos.far.current(kept, now)
        if kept is not None and told is not None and heads is memos.heads and not self._is_leaving:
            self._send(kept, memos.tally(told), head, now, whole)
        elif kept is not None or self._is_leaving or not self._refused(head, target, None, now, whole):
            self._state[TICKET] = Ticket(heads, room, target, True)
            if is_traced:
                self._state[TRACED] = True
            self._parse(request)
        if held:
            self.flow.resume_reading()
            self.data_received(held)

    def _hold(self, data: bytes) -> None:
        """What comes while an answer is on its way waits for its turn."""
        self._held = (self._held or b"") + data
        if len(self._held) > MOST_HELD:
            self.flow.pause_reading()

    def _refused(self, head: RequestHead, target: bytes, memo: HotEntry | None, now: float, whole: bool) -> bool:
        """Whether more is asked than can be answered, and this is of what was refused before. An old answer that may
        stand in is better."""
        if head.room is None or not head.room.refusals:
            return False
        refusal = head.room.refusals.get(asked_of(target))
        if refusal is None or (memo is not None and now < memo.repeat.stands_in_until):
            return False
        if self.memos.opens(head.key or (self._is_trusted and head.forwarded) or self._host):
            return False
        if self.server_state.default_headers is not self._dates:
            self._date()
        self.transport.write(b"".join((self._busy, refusal.head, refusal.body if whole else b"")))
        self._rest(now)
        self.memos.count(target[1:].split(b"/", 1)[0].decode(), 503, self.memos.clock() - now)
        return True

    def _date(self) -> None:
        """The lines that begin every answer for the next second."""
        self._dates = self.server_state.default_headers
        self._common = lines(self.server_state.default_headers)
        self._ok, self._not_modified, self._busy = (STATUS_LINE[status] + self._common for status in (200, 304, 503))

    # ---- idle connections, and requests of which a part is here

    def _rest(self, now: float) -> None:
        """The connection is idle from here on."""
        if self.timeout_keep_alive_task is None:
            self._wait(self.timeout_keep_alive)
        self._answered_at = now

    def _wait(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _left(self) -> float:
        """Seconds that the caller has."""
        if self._is_whole:
            return self._answered_at + self.timeout_keep_alive - self.memos.clock()
        until = self._since + self.patience_s
        if self._body_since:
            until = min(until, self._body_since + self.patience_s + self._body_bytes / self.least_rate)
        return until - self.loop.time()

    def timeout_keep_alive_handler(self) -> None:
        """An answer of the hot way does not set the timer anew: it looks when it rings."""
        if self.transport.is_closing():
            return
        left, cycle = self._left(), self.cycle
        if self._is_served():
            self._since = self.loop.time()
            if self._body_since:
                self._body_since, self._body_bytes = self._since, 0
            self._wait(LOOK_S)
        elif 0 < left <= (self.timeout_keep_alive if self._is_whole else self.patience_s):
            self._wait(left)
        elif self._is_whole or (cycle is not None and cycle.scope is self.scope and cycle.response_complete):
            super().timeout_keep_alive_handler()
        else:
            if cycle is not None:
                cycle.disconnected = True  # who reads its body can't answer any more
            self._refuse(TooSlow(self._slowness()))

    def _slowness(self) -> str:
        if self._body_since and self.loop.time() < self._since + self.patience_s:
            return f"the body came at less than {self.least_rate:g} bytes a second"
        return f"nothing came for {self.patience_s:g} s, or the head was not whole by then"

    def _is_served(self) -> bool:
        """Whether it is the caller who waits: for an answer, or to be read."""
        if self._held is not None or self.pipeline or self.flow.read_paused:
            return True
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return False
        has_all = cycle.scope is not self.scope or not cycle.more_body
        return has_all or cycle.response_started or cycle.waiting_for_100_continue

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._answered_at = self.memos.clock()
        if not self._is_whole and not self.transport.is_closing():  # the next has begun, or this one's body has no end
            self._since = self.loop.time()
            self._unset_keepalive_if_required()
            self._wait(self.patience_s)

    # ---- the end

    def shutdown(self) -> None:
        """The answer that is under way is the last, or else the next, if it is asked for at once: to close under a
        request that is on its way resets the connection."""
        self._is_leaving = True
        if self._is_answering():
            super().shutdown()
        else:
            self.loop.call_later(LEAVING_S, self._leave)

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _leave(self) -> None:
        """Who is being answered is told so, and left then."""
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
            self._wait(self._left())  # from its beginning: whoever sends a byte now and then has no more time

    def _refuse_head(self) -> None:
        """The parser keeps all of it: without end it would have the worker's memory, whoever sends it."""
        if self._is_answering():
            self.transport.close()
        else:
            self._refuse(HeadTooLarge(f"the request's head is over {MOST_HEAD} bytes"))

    def _refuse(self, problem: Problem) -> None:
        """It is the last that this connection is told."""
        if self.server_state.default_headers is not self._dates:
            self._date()
        told = refusal(problem)
        about = (*told.headers, (b"content-type", told.media_type), (b"content-length", b"%d" % len(told.body)))
        head = STATUS_LINE[told.status] + self._common + lines(about) + CLOSE
        self.transport.write(head + LINE + told.body)
        self.memos.count("other", told.status, 0.0)
        self.transport.close()

    def on_message_begin(self) -> None:
        self._is_whole, self._since, self._body_since = False, self.loop.time(), 0.0
        super().on_message_begin()
        if self._state:
            self.scope["state"].update(self._state)
            self._state = {}

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._since = self._body_since = self.loop.time()
        self._body_bytes = 0
        # behind an offer of another protocol httptools skips the body: what comes next must not be read as a request
        if (self._is_leaving or self.parser.should_upgrade()) and self.cycle is not None:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._unfinished, self._since = 0, self.loop.time()
        self._body_bytes += len(body)
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


def protocol_of(memos: HotCache, direct: Direct) -> type[HotProtocol]:
    """As uvicorn wants it: a class, of which it makes one for every connection."""
    return type("HotProtocol", (HotProtocol,), {"memos": memos, "direct": direct})
