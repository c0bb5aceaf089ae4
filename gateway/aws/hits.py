"""Lists of the wire that go out again before HTTP is parsed, as hot entries. Each request is verified as on the
ordinary way; each answer has an id of its own and is remembered as shown. An unusual request goes the ordinary way."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import NamedTuple

import engine
from gateway.answer.rank import WIRE, WireList
from gateway.answer.repeat import Repeat
from gateway.aws.callers import Callers
from gateway.aws.canonical import RawRequest
from gateway.aws.metering import WireMeter
from gateway.aws.runtime import ENDING, EXPLAIN, SHORT, RuntimeCall
from gateway.context.position import POSITION
from gateway.errors import Problem
from gateway.hot.cache import TOUCH_S, HotCache
from gateway.hot.counters import QUICK_S, HitCounter, MetricLabels
from gateway.hot.entry import HotEntry, Ticket
from gateway.hot.heads import FIELD, HOST, KEEP, Peer, VaryGroup

PATHS = {"GetRecommendations": "/recommendations", "GetPersonalizedRanking": "/personalize-ranking"}
LINES = {f"POST {path} HTTP/1.1".encode(): (operation, path) for operation, path in PATHS.items()}
FIRST = tuple(line + b"\r\n" for line in LINES)
END = b"\r\n\r\n"
LONGEST_HEAD = LONGEST_BODY = 16 * 1024
# Fields by which the answer depends on more than the body and the sender, or after which HTTP goes on in another way
LENGTH = re.compile(rb"\r\ncontent-length: ?([0-9]{1,5})\r\n", re.IGNORECASE)
UNUSUAL = frozenset(
    {"content-encoding", "expect", "te", "traceparent", "trailer", "transfer-encoding", "upgrade", "proxy-connection"}
    | {EXPLAIN, POSITION}
)
OF_ONE_REQUEST = frozenset({"authorization", "amz-sdk-invocation-id", "x-amzn-trace-id"})
MOST_LINES, LONGEST_LINE = 4096, 500  # of heads that are remembered, and its bytes: 5 MB at most
QUESTION = 1500  # bytes of a question, about

ShowAgain = Callable[[engine.Question, engine.ShownList], str]


class ReadRequest(NamedTuple):
    """A request of the wire, whole."""

    operation: str
    path: str
    headers: dict[str, str]
    body: bytes


class WireEntry(HotEntry):
    """A list that is kept as it goes out but for its ids. `head` ends where the length of the body begins."""

    __slots__ = ("question", "shown")

    def __init__(
        self, ticket: Ticket, repeat: Repeat, question: engine.Question, head: bytes, counter: HitCounter
    ) -> None:
        super().__init__(ticket, repeat, counter, "", (head, b""), None)
        self.question, self.shown = question, repeat.entry.answer.shown
        self.size += QUESTION


class WireHits:
    """One worker's, used from the event loop only."""

    first = FIRST

    def __init__(self, hot: HotCache, callers: Callers, meter: WireMeter, show_again: ShowAgain) -> None:
        self._hot, self._callers, self._meter, self._show_again = hot, callers, meter, show_again
        self._lines: dict[bytes, tuple[str, str]] = {}
        self._group, self._is_on = VaryGroup(b""), False

    def use(self, is_on: bool) -> None:
        """Keep lists from here on, or none; those that are kept go out no more."""
        self._group, self._is_on = VaryGroup(b""), is_on

    def keep(self, call: RuntimeCall, answer: WireList) -> None:
        """Keep a list that may go out again, unless anything has changed since it was looked up."""
        if (
            not self._is_on
            or answer.repeat is None
            or len(call.body) > LONGEST_BODY
            or "content-encoding" in call.headers
        ):
            return
        counters, repeat = self._hot.change_counters, answer.repeat()
        if (repeat.before.generation, repeat.before.doubts) != (counters.generation, counters.doubts):
            return
        account = call.question.account
        labels = MetricLabels(call.operation, WIRE, call.question.campaign, repeat.outcome, "", "")
        counter = self._hot.counters.of(labels, self._meter.resource_of(account, call.body, 200))
        more = "".join(f"{name}: {value}\r\n" for name, value in (SHORT if answer.short else {}).items())
        head = f"\r\n{more}content-type: application/json\r\ncontent-length: ".encode()
        ticket = Ticket(self._hot.heads, self._group, target_of(call.operation, account, call.body))
        self._hot.attach(WireEntry(ticket, repeat._replace(before=counters), call.question, head, counter))

    def expects_body(self, head: bytes) -> bool:
        """True of a head whose body may make it a request that `answer` answers. It begins with one of `FIRST`."""
        if not self._group or len(head) > LONGEST_HEAD or b"xpect: " in head:
            return False
        length = LENGTH.search(head)
        return length is not None and 0 < int(length[1]) <= LONGEST_BODY

    def answer(self, data: bytes, peer: Peer) -> bytes | None:
        """The answer to the request that these bytes are, behind the lines that all answers begin with; None: it goes
        the ordinary way. The bytes begin with one of `FIRST`."""
        began, now = time.perf_counter(), self._hot.clock()
        request = self._read(data) if self._is_on else None
        entry = None if request is None else self._entry(request, peer, now)
        if request is None or entry is None or entry.shown is None:
            return None
        try:
            name = self._show_again(entry.question, entry.shown)
        except engine.EngineError:
            return None
        if now - entry.touched > TOUCH_S:
            self._hot.touch(entry, now)
        length = len(entry.body) + len(name) + len(ENDING)
        number = engine.random_uuid().encode()
        parts = (b"x-amzn-requestid: ", number, entry.head, b"%d" % length, END, entry.body, name.encode(), ENDING)
        self._count(entry, time.perf_counter() - began)
        return b"".join(parts)

    def _count(self, entry: WireEntry, seconds: float) -> None:
        counter = entry.counter
        if seconds > QUICK_S:
            self._hot.counters.report(counter, 200, seconds)
        else:
            counter.add(seconds, is_not_modified=False)
        self._meter.observe(counter.labels.route, counter.resource or "", 200, seconds)

    def _entry(self, request: ReadRequest, peer: Peer, now: float) -> WireEntry | None:
        """The list for a request, once its sender is known."""
        account = self._callers.account_of(request.headers.get("authorization", ""))
        if account is None:
            return None
        entry = self._group.get(target_of(request.operation, account, request.body))
        if not isinstance(entry, WireEntry) or not self._hot.is_valid(entry, now):
            return None
        sent = RawRequest("POST", request.path, "", request.headers, request.body, peer[0] if peer else None)
        try:
            caller = self._callers.who(sent, plane="data")
        except Problem:
            return None
        return entry if caller.account == account else None

    def _read(self, data: bytes) -> ReadRequest | None:
        """The request, where these bytes are one of the wire's that every parser reads alike, and nothing more."""
        end = data.find(END, 0, LONGEST_HEAD)
        if end < 0:
            return None
        first, *lines = data[:end].split(b"\r\n")
        headers: dict[str, str] = {}
        for line in lines:
            field = self._lines.get(line) or self._field(line)
            if field is None or field[0] in headers:
                return None
            headers[field[0]] = field[1]
        length = headers.get("content-length", "")
        body = data[end + len(END) :]
        if "host" not in headers or not length.isdecimal() or int(length) != len(body):
            return None
        operation, path = LINES[first]
        return ReadRequest(operation, path, headers, body)

    def _field(self, line: bytes) -> tuple[str, str] | None:
        """A field's lower-cased name and its value; None where it is unusual."""
        field = FIELD.fullmatch(line)
        if field is None:
            return None
        name, value = field[1].decode().lower(), field[2].decode()
        if name in UNUSUAL or (name == "connection" and value.lower() != KEEP):
            return None
        if name == "host" and not HOST.fullmatch(field[2]):
            return None
        if name not in OF_ONE_REQUEST and len(line) <= LONGEST_LINE:
            if len(self._lines) >= MOST_LINES:
                self._lines.clear()
            self._lines[line] = (name, value)
        return name, value


def target_of(operation: str, account: str, body: bytes) -> bytes:
    return b"%b %b %b" % (operation.encode(), account.encode(), body)
