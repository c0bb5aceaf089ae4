"""Answers of engines that a gateway keeps ready: they go out before HTTP is parsed, for as long as they are true.

An engine says what ends an answer (`gateway.answer.hold`), and the gateway hears it rung for as its engines do.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import cast

from engine import BellWatch
from gateway.answer.hold import HOLD, Hold, hold_in
from gateway.config import Config
from gateway.hot.counters import HitCounter, HitCounters, MetricLabels
from gateway.hot.entry import OVERHEAD, Candidate, Header, HotEntry, Ticket, split
from gateway.hot.heads import HeadReader
from gateway.routes.replies import not_modified

OF_A_BODY = frozenset((b"content-encoding", b"content-type", b"content-length"))


class HeldAnswer(HotEntry):
    """An answer of an engine. `own` and `repeat` are the engine's to know. `judged` is the doorbell's state
    when nothing had ended it."""

    __slots__ = ("hold", "judged")

    def __init__(self, ticket: Ticket, hold: Hold, headers: list[Header], body: bytes, at: float) -> None:
        """It was asked for `at` the clock's time."""
        self.group, self.target, self.hold, self.judged = ticket.group, ticket.target, hold, -1
        self.head, self.rest = split([*headers, (b"content-length", b"%d" % len(body))])
        self.unmodified = split([(name, value) for name, value in headers if name not in OF_A_BODY])
        fields = dict(headers)
        self.etag = fields.get(b"etag", b"").decode("latin-1")
        self.body, self.tail = body, b""
        self.stored_at, self.until, self.touched = at - int(fields[b"age"]), at + hold.life_s, 0.0
        self.size = OVERHEAD + len(self.target) + len(body) + 2 * (len(self.head) + len(self.rest))

    counter: HitCounter


class HeldAnswers:
    """Those of one worker, used from its event loop. Without a watch none is kept."""

    second_level = draws = None

    def __init__(
        self, config: Config, counters: HitCounters, watch: BellWatch | None, clock: Callable[[], float] = time.time
    ) -> None:
        self.counters, self.clock, self._watch = counters, clock, watch
        self._entries: OrderedDict[HeldAnswer, None] = OrderedDict()  # the first was asked for longest ago
        self._size = 0
        self.use(config)

    def use(self, config: Config) -> None:
        """Read requests by this configuration: no answer by the one before goes out any more."""
        self.config, self.heads = config, HeadReader(config)
        self._entries.clear()
        self._size = 0

    @property
    def are_kept(self) -> bool:
        return self._watch is not None

    def open(self) -> None:
        self.counters.start(asyncio.get_running_loop())
        if self._watch is not None:
            self._watch.start()

    def close(self) -> None:
        self.counters.close()
        if self._watch is not None:
            self._watch.close()

    # ---- looking up

    def applied(self) -> int:
        return 0 if self._watch is None else self._watch.heard()

    def opens(self, _: str) -> bool:
        return True

    def is_valid(self, entry: HotEntry, now: float) -> bool:
        held = cast(HeldAnswer, entry)
        if now >= held.until or self._watch is None:
            return False
        state = self._watch.state()  # read first: a bell that rings meanwhile is heard next time
        if state != held.judged:
            if self._watch.owed_in(held.hold.buckets) > held.hold.position:
                return False
            held.judged = state
        return state >= 0

    def touch(self, entry: HotEntry, now: float) -> None:
        entry.touched = now
        if entry in self._entries:
            self._entries.move_to_end(cast(HeldAnswer, entry))

    def promote(self, candidate: Candidate) -> None:
        """There are no candidates: engines say what is asked for again."""

    # ---- keeping

    def keep(self, ticket: Ticket, headers: Iterable[Header], body: bytes, at: float) -> None:
        """Keep an answer that was asked for at that time, if its engine lets it be kept."""
        hold = next((hold_in(value) for name, value in headers if name == HOLD), None)
        kept = [(name, value) for name, value in headers if name not in (HOLD, b"content-length")]
        if hold is None or ticket.heads is not self.heads or not any(name == b"age" for name, _ in kept):
            return
        entry = HeldAnswer(ticket, hold, kept, body, at)
        route, namespace, recommender = ticket.target[1:].decode("latin-1").partition("?")[0].split("/", 3)[:3]
        entry.counter = self.counters.of(MetricLabels(route, namespace, recommender, "hit", "", ""))
        before = ticket.group.get(ticket.target)
        if isinstance(before, HeldAnswer):
            self._drop(before)
        ticket.group[ticket.target] = entry
        self._entries[entry] = None
        self._size += entry.size
        while self._size > self.config.cache_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, entry: HeldAnswer) -> None:
        if entry in self._entries:
            del self._entries[entry]
            self._size -= entry.size
        entry.forget()


def is_modified(if_none_match: str, headers: Iterable[Header]) -> bool:
    """Tells that a caller with this copy has not the answer with these headers."""
    etag = next((value.decode("latin-1") for name, value in headers if name == b"etag"), "")
    return not not_modified(if_none_match, etag)
