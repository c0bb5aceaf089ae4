"""Fresh: serve. Stale: serve, and refresh behind. Missing: one flight a key. Upstream broken: what we still have."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Literal, NamedTuple

from cachetools import LRUCache

from gateway.cache.changes import Changes, Tag
from gateway.cache.entry import Entry, Made, Shown, size_of
from gateway.cache.flight import Flights
from gateway.cache.key import Key
from gateway.errors import Problem
from gateway.plan import CachePolicy

log = logging.getLogger(__name__)

Outcome = Literal["hit", "stale", "miss", "shared"]
Make = Callable[[], Coroutine[Any, Any, Made]]
LARGEST_SHARE = 8  # an entry above one eighth of the ceiling is not kept: it would push out everybody else's


class Wanted(NamedTuple):
    """What one request asks of the cache. `until` is when its time-based context changes next."""

    key: Key
    policy: CachePolicy
    tags: tuple[Tag, ...] = ()
    user: str | None = None
    until: float = inf


class Hit(NamedTuple):
    """`shared`: a fresh answer that somebody else without history asked for first."""

    entry: Entry
    outcome: Outcome
    age_s: float

    @property
    def made(self) -> Made:
        return self.entry.made


@dataclass
class Counts:
    evicted: int = 0
    refused: int = 0  # too large to keep
    refresh_failed: int = 0
    stale_on_error: int = 0


class Cache:
    """One worker's answers, below a hard ceiling in bytes. Used from the event loop; only `changed` from any thread."""

    def __init__(self, ceiling: int, clock: Callable[[], float], changes: Changes | None = None) -> None:
        self.ceiling = ceiling
        self.counts = Counts()
        self._clock = clock
        self.changes = changes or Changes()
        self._entries = _Entries(ceiling, self.counts)
        self._flights: Flights[Entry] = Flights(self.changes)

    async def fetch(self, wanted: Wanted, make: Make) -> Hit:
        entry = self._entries.get(wanted.key) if wanted.policy.storable else None
        if entry is None:
            return await self._miss(wanted, make)
        age = self._clock() - entry.stored_at
        current = self.changes.latest(wanted.tags) <= entry.made.as_of
        if current and age < wanted.policy.max_age_s and age < entry.until - entry.stored_at:
            return Hit(entry, "hit" if entry.user == wanted.user else "shared", age)
        if current and age < wanted.policy.max_age_s + wanted.policy.stale_while_revalidate_s:
            self._refresh(wanted, make)
            return Hit(entry, "stale", age)
        return await self._miss_or_stale(wanted, make, entry)

    def show(self, key: Key, entry: Entry, shown: Shown) -> None:
        """Keep what went out beside the answer it was made of."""
        entry.shown = shown
        if self._entries.get(key) is entry:
            entry.size = size_of(key, entry.made, shown)
            self._store(key, entry)

    def changed(self, tags: Sequence[Tag], seq: int) -> None:
        """Nothing that has not seen `seq` is served as current from here on. Safe to call from any thread."""
        for tag in tags:
            self.changes.note(tag, seq)

    @property
    def size(self) -> int:
        return int(self._entries.currsize)

    def __len__(self) -> int:
        return len(self._entries)

    async def close(self) -> None:
        await self._flights.close()

    async def _miss(self, wanted: Wanted, make: Make) -> Hit:
        while True:
            flight = self._flights.join(wanted.key, wanted.tags, wanted.user, lambda: self._make(wanted, make))
            entry = await flight.landed()
            if not entry.made.private or flight.user == wanted.user:
                return Hit(entry, "miss", 0.0)

    async def _miss_or_stale(self, wanted: Wanted, make: Make, entry: Entry) -> Hit:
        """The only place that hides a failure. What an event has outdated may serve here too: it is all there is."""
        try:
            return await self._miss(wanted, make)
        except Exception as error:
            age = self._clock() - entry.stored_at
            if not is_broken(error) or age >= wanted.policy.max_age_s + wanted.policy.stale_if_error_s:
                raise
            self.counts.stale_on_error += 1
            log.warning("served an answer %.0f s old, since its upstream failed: %s", age, error)
            return Hit(entry, "stale", age)

    def _refresh(self, wanted: Wanted, make: Make) -> None:
        if wanted.key in self._flights:
            return
        flight = self._flights.join(wanted.key, wanted.tags, wanted.user, lambda: self._make(wanted, make))
        flight.task.add_done_callback(self._refreshed)

    def _refreshed(self, task: asyncio.Task[Entry]) -> None:
        if task.cancelled() or (error := task.exception()) is None:
            return
        self.counts.refresh_failed += 1
        log.warning("an answer could not be refreshed and stays as it was: %s", error)

    async def _make(self, wanted: Wanted, make: Make) -> Entry:
        made = await make()
        entry = Entry(made, self._clock(), wanted.until, wanted.user, size_of(wanted.key, made))
        if wanted.policy.storable and not made.private and self.changes.latest(wanted.tags) <= made.as_of:
            self._store(wanted.key, entry)
        return entry

    def _store(self, key: Key, entry: Entry) -> None:
        if entry.size > self.ceiling // LARGEST_SHARE:
            self.counts.refused += 1
            return
        self._entries[key] = entry


class _Entries(LRUCache[Key, Entry]):
    def __init__(self, ceiling: int, counts: Counts) -> None:
        super().__init__(ceiling, getsizeof=lambda entry: entry.size)
        self._counts = counts

    def popitem(self) -> tuple[Key, Entry]:
        self._counts.evicted += 1
        return super().popitem()


def is_broken(error: Exception) -> bool:
    """Whether the answerer failed, and not the question."""
    return not isinstance(error, Problem) or error.status >= 500 or error.status == 429
