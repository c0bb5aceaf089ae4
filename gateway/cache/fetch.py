"""The cache of answers. A fresh entry is served. A stale entry is served and refreshed behind. A missing one is made by
one flight a key, over all replicas that share a Redis. If the upstream is broken, an old entry is served."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from itertools import count
from math import inf
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from cachetools import TTLCache

from gateway.cache.changes import Changes, Tag
from gateway.cache.entry import (
    CacheEntry,
    DecoratedBody,
    Dependent,
    EncodedAnswer,
    size_of,
    size_of_decorated,
    size_of_opening,
)
from gateway.cache.flight import Flights
from gateway.cache.key import CacheKey
from gateway.cache.local_store import CacheCounts, LocalStore
from gateway.encoding import Opening
from gateway.errors import Overloaded, Problem
from gateway.plan.plan import CachePolicy

if TYPE_CHECKING:
    from gateway.cache.shared_store import EntryAndLease, SharedStore

log = logging.getLogger(__name__)

Outcome = Literal["hit", "stale", "miss", "shared"]
Make = Callable[[], Coroutine[Any, Any, EncodedAnswer]]

JITTER = 0.05  # of an entry's fresh life, so that entries made at once do not end at once
NEGATIVE_S = 5.0  # that an upstream's "there is no such thing" is believed
NEGATIVES = 10_000
CROWDED = 0.8  # of the ceiling
WAIT_S = 2.0  # the longest for an answer that another replica makes
FIRST_WAIT_S, LONGEST_WAIT_S = 0.004, 0.05  # between two looks for it


class Wanted(msgspec.Struct, frozen=True):
    """A request to the cache. `until` is when its time-based context changes next. With `is_strict` only a
    fresh entry serves, and a failure is the answer: no older entry hides it, and none is remembered."""

    key: CacheKey
    policy: CachePolicy
    tags: tuple[Tag, ...] = ()
    user: str | None = None
    until: float = inf
    is_strict: bool = False


class Hit(msgspec.Struct, frozen=True):
    """An answer to a request. `shared`: it is fresh, and another user without history was the first to ask.
    `outdated`: an event or a purge has come since it was made, so that no client may keep it."""

    entry: CacheEntry
    outcome: Outcome
    age_s: float
    outdated: bool = False

    @property
    def answer(self) -> EncodedAnswer:
        return self.entry.answer


class FlightResult(msgspec.Struct, frozen=True):
    """The result of a flight; `from_replica`: another replica made it."""

    entry: CacheEntry
    from_replica: bool = False


class Cache:
    """One worker's answers, and those that replicas share. Only its `changes` may be noted from any thread."""

    def __init__(
        self,
        ceiling: int,
        clock: Callable[[], float],
        *,
        shared: SharedStore | None = None,
        draw: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """`draw` gives numbers of 0 to 1, for the jitter."""
        self.counts = CacheCounts()
        self.changes = Changes()
        self.clock, self._draw, self._shared = clock, draw, shared
        self._local = LocalStore(ceiling, self.counts)
        self._flights: Flights[FlightResult] = Flights(self.changes)
        self._absent: TTLCache[CacheKey, Problem] = TTLCache(NEGATIVES, NEGATIVE_S, timer=clock)
        self._holder, self._leases = uuid.uuid4().hex, count()

    async def fetch(self, wanted: Wanted, make: Make) -> Hit:
        if not wanted.policy.storable:
            return await self._join_flight(wanted, make)
        entry = self._local.get(wanted.key)
        if entry is None:
            return await self._miss(wanted, make, None)
        hit = self._judge(wanted, entry)
        if hit is None:
            return await self._miss(wanted, make, entry)
        if hit.outcome == "stale":
            self._refresh(wanted, make)
        return hit

    def keep_decorated(self, key: CacheKey, entry: CacheEntry, decorated: DecoratedBody) -> None:
        """Keep the body that went out beside the answer that it was made of."""
        if entry.holder is None:
            entry.decorated = decorated
            return
        more = size_of_decorated(decorated, entry.answer) - size_of_decorated(entry.decorated, entry.answer)
        entry.decorated = decorated
        self._local.resize(key, entry, entry.size + more)

    def keep_opening(
        self, key: CacheKey, entry: CacheEntry, decorated: DecoratedBody, coding: str, opening: Opening
    ) -> None:
        """Keep a coded form of the body beside it, if the body is."""
        if entry.decorated is not decorated or coding in decorated.openings:
            return
        decorated.openings[coding] = opening
        if entry.holder is not None:
            self._local.resize(key, entry, entry.size + size_of_opening(opening))

    def attach(self, key: CacheKey, entry: CacheEntry, dependent: Dependent) -> None:
        """Keep the dependent as long as the entry, as a part of its size. If there are too many, the first goes."""
        while entry.dependents and entry.size + dependent.size > self._local.largest:
            self.detach(key, entry, next(iter(entry.dependents)))
        entry.dependents[dependent] = None
        if not self._local.resize(key, entry, entry.size + dependent.size):
            entry.leave()

    def detach(self, key: CacheKey, entry: CacheEntry, dependent: Dependent) -> None:
        dependent.forget()
        if dependent in entry.dependents:
            del entry.dependents[dependent]
            self._local.resize(key, entry, entry.size - dependent.size)

    def touch(self, key: CacheKey) -> None:
        """Count a use of an entry that was answered without a lookup."""
        self._local.get(key)

    @property
    def is_crowded(self) -> bool:
        """True if there is more to keep than fits."""
        return self._local.size > CROWDED * self._local.ceiling

    @property
    def ceiling(self) -> int:
        return self._local.ceiling

    @property
    def size(self) -> int:
        return self._local.size

    def __len__(self) -> int:
        return len(self._local)

    async def close(self) -> None:
        await self._flights.close()
        if self._shared is not None:
            await self._shared.close()

    # ---- judging entries

    def _judge(self, wanted: Wanted, entry: CacheEntry) -> Hit | None:
        """A hit, fresh or stale; None if the entry must not be served as it is."""
        if not self._is_current(wanted, entry):
            return None
        age, policy = self.clock() - entry.stored_at, wanted.policy
        fresh = policy.max_age_s * (1 - entry.jitter)
        if age < fresh and age < entry.until - entry.stored_at:
            return Hit(entry, "hit" if entry.user == wanted.user else "shared", age)
        if not wanted.is_strict and age < policy.max_age_s + policy.stale_while_revalidate_s:
            return Hit(entry, "stale", age)
        return None

    def _is_current(self, wanted: Wanted, entry: CacheEntry) -> bool:
        if self.changes.latest(wanted.tags) > entry.answer.as_of:
            return False
        purged = self.changes.items_after(wanted.key.namespace, entry.answer.as_of)
        return not purged or not any(f'"itemId":"{item}"'.encode() in entry.answer.body for item in purged)

    # ---- making answers

    async def _miss(self, wanted: Wanted, make: Make, old: CacheEntry | None) -> Hit:
        """The only place that hides a failure: if the upstream is broken, an old entry serves, even an outdated one."""
        try:
            return await self._join_flight(wanted, make)
        except Exception as error:
            if wanted.is_strict or not is_broken(error):
                raise
            last = old or (await self._shared.get(wanted.key) if self._shared is not None else None)
            if last is None:
                raise
            age = self.clock() - last.stored_at
            if age >= wanted.policy.max_age_s + wanted.policy.stale_if_error_s:
                raise
            self.counts.stale_on_error += 1
            if not isinstance(error, Overloaded):  # which is counted, and no time to write much
                log.warning("served an answer %.0f s old, since its upstream failed: %s", age, error)
            return Hit(last, "stale", age, not self._is_current(wanted, last))

    async def _join_flight(self, wanted: Wanted, make: Make) -> Hit:
        # asked first whether it is there: `get` of a TTLCache takes long where it is not
        absent = self._absent.get(wanted.key) if wanted.policy.storable and wanted.key in self._absent else None
        if absent is not None:
            raise absent
        while True:
            landed, first = await self._flights.join(
                wanted.key, wanted.tags, wanted.user, lambda: self._flight_for(wanted, make, -inf)
            )
            if landed.entry.answer.private and first != wanted.user:
                continue
            if not landed.from_replica:
                return Hit(landed.entry, "miss", 0.0, not self._is_current(wanted, landed.entry))
            hit = self._judge(wanted, landed.entry)
            if hit is None:  # it has aged, or something has changed, while it was on its way
                age = self.clock() - landed.entry.stored_at
                return Hit(landed.entry, "stale", age, not self._is_current(wanted, landed.entry))
            if hit.outcome == "stale":
                self._refresh(wanted, make)
            return hit

    def _refresh(self, wanted: Wanted, make: Make) -> None:
        if wanted.key in self._flights:
            return
        entry = self._local.peek(wanted.key)
        newer_than = entry.stored_at if entry is not None else -inf

        def renew() -> Coroutine[Any, Any, FlightResult]:
            return self._flight_for(wanted, make, newer_than)

        self._flights.start(wanted.key, wanted.tags, wanted.user, renew).add_done_callback(self._log_failed_refresh)

    def _log_failed_refresh(self, task: asyncio.Task[FlightResult]) -> None:
        if task.cancelled() or (error := task.exception()) is None:
            return
        self.counts.refresh_failed += 1
        if not isinstance(error, Overloaded):
            log.warning("an answer could not be refreshed and stays as it was: %s", error)

    def _flight_for(self, wanted: Wanted, make: Make, newer_than: float) -> Coroutine[Any, Any, FlightResult]:
        """A flight that takes a newer answer from another replica if there is one, and else makes it here."""
        if self._shared is None or not wanted.policy.storable:
            return self._make(wanted, make)
        return self._make_once(self._shared, wanted, make, newer_than)

    async def _make_once(self, shared: SharedStore, wanted: Wanted, make: Make, newer_than: float) -> FlightResult:
        holder = f"{self._holder}-{next(self._leases)}"
        leased: bool | None = False  # None: perhaps
        waited, wait = 0.0, FIRST_WAIT_S
        try:
            while True:
                stored = await shared.read(wanted.key)
                entry = None if stored is None else stored.entry
                if entry is not None and entry.stored_at > newer_than and self._judge(wanted, entry) is not None:
                    self._local.put(wanted.key, entry)
                    return FlightResult(entry, from_replica=True)
                leased = None  # while it is asked for: the caller may hang up, or the reply be lost
                leased = await self._acquire_lease(shared, wanted.key, holder, stored)
                if leased is not False or waited >= WAIT_S:
                    break
                await asyncio.sleep(wait)
                waited += wait
                wait = min(2 * wait, LONGEST_WAIT_S)
            with shared.renewing(wanted.key) if leased else nullcontext():
                landed = await self._make(wanted, make)
            await self._share(shared, wanted, landed.entry)
            return landed
        finally:
            if leased is not False:
                await shared.release(wanted.key, holder)

    async def _acquire_lease(
        self, shared: SharedStore, key: CacheKey, holder: str, stored: EntryAndLease | None
    ) -> bool | None:
        """True if this flight has the lease, even if the reply that granted it was lost; None if Redis is down."""
        if stored is None:
            return None
        return await shared.lease(key, holder) if stored.holder is None else stored.holder == holder.encode()

    async def _share(self, shared: SharedStore, wanted: Wanted, entry: CacheEntry) -> None:
        policy = wanted.policy
        life = policy.max_age_s + max(policy.stale_while_revalidate_s, policy.stale_if_error_s)
        if self._is_current(wanted, entry):
            await shared.put(wanted.key, entry, life)

    async def _make(self, wanted: Wanted, make: Make) -> FlightResult:
        try:
            answer = await make()
        except Problem as problem:
            if problem.status == 404 and wanted.policy.storable and not wanted.is_strict:
                self._absent[wanted.key] = problem
            raise
        if not wanted.policy.storable:
            return FlightResult(CacheEntry(answer, self.clock(), wanted.until, wanted.user, 0))
        now, size = self.clock(), size_of(wanted.key, answer)
        entry = CacheEntry(answer, now, wanted.until, wanted.user, size, JITTER * self._draw())
        if not answer.private and self._is_current(wanted, entry):
            self._local.put(wanted.key, entry)
        return FlightResult(entry)


def is_broken(error: Exception) -> bool:
    """True if the upstream failed, and not the question."""
    return not isinstance(error, Problem) or error.status >= 500 or error.status == 429
