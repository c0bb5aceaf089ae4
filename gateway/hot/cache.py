"""The hot entries of a worker, each with all that could end it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from gateway.answer.reply import Reply
from gateway.answer.request import ChangeCounters
from gateway.cache import Cache
from gateway.config import Config
from gateway.engine_port import FeedPort
from gateway.hot.counters import HitCounters, MetricLabels
from gateway.hot.entry import Candidate, Header, HeadersOf, HotEntry, HotRefusal, Ticket, lines, question_of, split
from gateway.hot.heads import HeadReader

if TYPE_CHECKING:
    from gateway.hot.second_level import SecondLevel

TOUCH_S = 1.0  # an answer counts as asked for once in so long
MOST_CANDIDATES = 1000  # beside the cache's ceiling: each holds an answer
MOST_REFUSED = 1000  # recommenders of one group, however they are spelled


class HotCache:
    """One worker's, used from the event loop only."""

    def __init__(
        self,
        config: Config,
        cache: Cache,
        counters: HitCounters,
        feed: FeedPort,
        opens: Callable[[str], bool],
        second_level: SecondLevel | None,
        more_names: tuple[str, ...] = (),
    ) -> None:
        """`opens(sender)`: one more of this sender's may ask the engine. `more_names` are of `HeadReader`."""
        self.clock, self.opens, self.changes = cache.clock, opens, cache.changes
        self.is_current, self.applied = feed.is_current, feed.applied
        self.counters, self.draws, self.second_level = counters, counters.draws, second_level
        assert counters.ledger is not None
        self._cache, self._ledger, self._more_names = cache, counters.ledger, more_names
        self._candidates: deque[Candidate] = deque()
        self.heads = HeadReader(config, more_names)

    def use(self, config: Config) -> None:
        """Serve this configuration: no entry of the one before goes out any more."""
        self._candidates.clear()
        self.heads = HeadReader(config, self._more_names)

    @property
    def is_for_gateways(self) -> bool:
        return bool(self._more_names)

    # ---- looking up

    def is_valid(self, entry: HotEntry, now: float) -> bool:
        """True if the answer is still the one that the ordinary way would give."""
        if now >= entry.until or entry.moves != self._ledger.moves:
            return False
        if not self.is_current(*(entry.own or ())):
            return False
        if entry.repeat.version is not None and entry.repeat.version() != entry.repeat.mark:
            return False
        return entry.generation == self.changes.generation or self._is_unaffected(entry)

    def _is_unaffected(self, entry: HotEntry) -> bool:
        """True if no change since the entry was last judged matters to it."""
        changes, repeat = self.changes, entry.repeat
        generation = changes.generation  # read first: a change meanwhile is looked at next time
        if entry.doubts != changes.doubts or changes.latest(repeat.tags) != repeat.seen:
            return False
        if changes.items_after(repeat.key.namespace, repeat.entry.answer.as_of):
            return False
        entry.generation = generation
        return True

    def touch(self, entry: HotEntry, now: float) -> None:
        entry.touched = now
        self._cache.touch(entry.repeat.key)

    # ---- keeping

    def keep(self, ticket: Ticket, route: str, reply: Reply, headers_of: HeadersOf) -> None:
        """Keep a reply that may go out again: as an entry if it was asked for before, else as a candidate."""
        if reply.outcome != "miss" or ticket.is_absent:
            self._add(ticket, route, reply, headers_of)
            return
        candidate = ticket.group[ticket.target] = Candidate(ticket, route, reply, headers_of)
        self._candidates.append(candidate)
        if len(self._candidates) > MOST_CANDIDATES:
            self._candidates.popleft().forget()

    def promote(self, candidate: Candidate) -> HotEntry | None:
        """Make an entry of a candidate that is asked for again, unless anything has changed since."""
        candidate.forget()
        return self._add(candidate.ticket, candidate.route, candidate.reply, candidate.headers_of)

    def _add(self, ticket: Ticket, route: str, reply: Reply, headers_of: HeadersOf) -> HotEntry | None:
        # read first: a record that comes meanwhile has not been seen
        as_of = 0 if self.second_level is None else self.second_level.applied()
        repeat = None if reply.repeat is None or ticket.heads is not self.heads else reply.repeat()
        if repeat is None or repeat.before != self.change_counters:
            return None
        if reply.coded is not None:
            body, tail = reply.coded
            repeat = repeat._replace(body=body, tail=tail, coding=reply.coding)
        again = msgspec.structs.replace(reply, outcome=repeat.outcome)
        labels = MetricLabels(route, repeat.key.namespace, repeat.key.recommender, again.outcome, *repeat.arm)
        unmodified = split(headers_of(again, again.etag)) if again.etag else None
        entry = HotEntry(ticket, repeat, self.counters.of(labels), again.etag, split(headers_of(again, "")), unmodified)
        self.attach(entry)
        if self.second_level is not None and ticket.is_absent:
            self.second_level.store(ticket.group.second_level_name(ticket.target), entry, as_of)
        return entry

    def attach(self, entry: HotEntry) -> None:
        """Keep an entry as long as the cached answer that it is made of."""
        previous, repeat = entry.group.get(entry.target), entry.repeat
        if isinstance(previous, HotEntry):
            self._cache.detach(previous.repeat.key, previous.repeat.entry, previous)
        entry.group[entry.target] = entry
        self._cache.attach(repeat.key, repeat.entry, entry)

    @property
    def change_counters(self) -> ChangeCounters:
        return ChangeCounters.of(self.changes, self._ledger.moves)

    def keep_refusal(self, ticket: Ticket, headers: Sequence[Header], body: bytes) -> None:
        """Keep a refusal, to be repeated at next to no cost while more is asked than can be answered."""
        refusals = ticket.group.refusals
        if len(refusals) >= MOST_REFUSED:
            refusals.clear()
        refusals[question_of(ticket.target)] = HotRefusal(lines(headers) + b"\r\n", body)

    async def close(self) -> None:
        self.counters.close()
        if self.second_level is not None:
            await self.second_level.close()
