"""Answers that may go out again as they are, and candidates for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from gateway.answer.repeat import Repeat
from gateway.answer.reply import Reply
from gateway.hot.counters import HitCounter
from gateway.hot.heads import HeadReader, VaryGroup

Header = tuple[bytes, bytes]
HeadersOf = Callable[[Reply, str], Sequence[Header]]  # the headers of a reply, by If-None-Match

OVERHEAD = 900  # bytes of a hot entry beside its strings: the objects, their places in tables
TICKET, TRACED = "recgate.ticket", "recgate.traced"  # in a request's state


class Ticket(msgspec.Struct, frozen=True):
    """A request that no hot entry answered: the place where its answer may be kept."""

    heads: HeadReader
    group: VaryGroup
    target: bytes
    is_absent: bool = False  # from the second level, too


class HotRefusal(NamedTuple):
    """The answer to a request for a recommender that is asked more than it can answer."""

    head: bytes
    body: bytes


class HotEntry:
    """An answer that this worker keeps, as it goes out but for its age.

    The age comes between `head` and `rest`, and `tail` after the `body`. `unmodified` are a 304's head and rest.
    """

    __slots__ = (
        "body",
        "counter",
        "doubts",
        "etag",
        "generation",
        "group",
        "head",
        "moves",
        "own",
        "repeat",
        "rest",
        "size",
        "stored_at",
        "tail",
        "target",
        "touched",
        "unmodified",
        "until",
    )

    def __init__(
        self,
        ticket: Ticket,
        repeat: Repeat,
        counter: HitCounter,
        etag: str,
        whole: tuple[bytes, bytes],
        unmodified: tuple[bytes, bytes] | None,
    ) -> None:
        self.head, self.rest = whole
        self.body: bytes | memoryview = repeat.opening
        self.tail, self.etag, self.unmodified = repeat.tail, etag, unmodified
        self.stored_at, self.counter = repeat.entry.stored_at, counter
        self.group, self.target, self.repeat = ticket.group, ticket.target, repeat
        self.until, self.own, self.touched = repeat.until, repeat.own, 0.0
        before = repeat.before
        self.generation, self.doubts, self.moves = before.generation, before.doubts, before.moves
        self.size = OVERHEAD + sum(map(len, (self.target, self.tail, *whole, *(unmodified or ()))))

    def forget(self) -> None:
        if self.group.get(self.target) is self:
            del self.group[self.target]


class Candidate:
    """A reply that becomes a hot entry if it is asked for again soon: most never are."""

    __slots__ = ("headers_of", "reply", "route", "ticket")

    def __init__(self, ticket: Ticket, route: str, reply: Reply, headers_of: HeadersOf) -> None:
        self.ticket, self.route, self.reply, self.headers_of = ticket, route, reply, headers_of

    def forget(self) -> None:
        group, target = self.ticket.group, self.ticket.target
        if group.get(target) is self:
            del group[target]


def question_of(target: bytes) -> bytes:
    """The action, namespace and recommender of a target: all before its fourth slash."""
    return b"/".join(target.split(b"/", 4)[:4])


def lines(headers: Sequence[Header]) -> bytes:
    return b"\r\n".join([*map(b": ".join, headers), b""])


def split(headers: Sequence[Header]) -> tuple[bytes, bytes]:
    """The lines before the age and its name, and those after it with the empty line."""
    place = next(at for at, (name, _) in enumerate(headers) if name == b"age")
    return lines(headers[:place]) + b"age: ", b"\r\n" + lines(headers[place + 1 :]) + b"\r\n"
