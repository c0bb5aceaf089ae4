"""Fresh: serve. Stale: serve, and refresh behind. Missing: one flight a key, over all replicas that share a Redis.
Upstream broken: what we still have."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Coroutine, Iterable
from itertools import count
from math import inf
from typing import Any, Literal

import msgspec
from cachetools import TTLCache

from gateway.cache.changes import Changes, Tag
from gateway.cache.entry import CacheEntry, DecoratedBody, Dependent, EncodedAnswer, size_of, size_of_shown
from gateway.cache.flight import Flights
from gateway.cache.key import CacheKey
from gateway.cache.local_store import CacheCounts, LocalStore
from gateway.cache.shared_store import LEASE_S, EntryAndLease, SharedStore
from gateway.errors import Overloaded, Problem
from gateway.plan.plan import CachePolicy

log = logging.getLogger(__name__)

Outcome = Literal["hit", "stale", "miss", "shared"]
Make = Callable[[], Coroutine[Any, Any, EncodedAnswer]]

JITTER = 0.05  # of an entry's fresh life, so that what came at once does not go at once
NEGATIVE_S = 5.0  # that an upstream's "there is no such thing" is believed
NEGATIVES = 10_000
CROWDED = 0.8  # of the ceiling
FIRST_WAIT_S, LONGEST_WAIT_S = 0.004, 0.05  # between two looks for what another replica makes


class Wanted(msgspec.Struct, frozen=True):
    """What one request asks of the cache. `until` is when its time-based context changes next."""

    key: CacheKey
    policy: CachePolicy
    tags: tuple[Tag, ...] = ()
    user: str | None = None
    until: float = inf


class Hit(msgspec.Struct, frozen=True):
    """`shared`: a fresh answer that somebody else without history asked for first. `outdated`: an event or a purge has
    come since it was made, so that nobody may keep it."""

    entry: CacheEntry
    outcome: Outcome
    age_s: float
    outdated: bool = False

    @property
    def made(self) -> EncodedAnswer:
        return self.entry.made


class Landed(msgspec.Struct, frozen=True):
    """What a flight brings; `found`: another replica had made it."""

    entry: CacheEntry
    found: bool = False


class Cache:
    """One worker's answers, and those that replicas share. Used from the event loop; only `changed` from any thread."""

    def __init__(
        self,
        ceiling: int,
        clock: Callable[[], float],
        changes: Changes | None = None,
        *,
        shared: SharedStore | None = None,
        draw: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """`draw` gives numbers of 0 to 1, for the jitter."""
        self.counts = CacheCounts()
        self.changes = changes or Changes()
        self._clock, self._draw, self._shared = clock, draw, shared
        self._local = LocalStore(ceiling, self.counts)
        self._flights: Flights[Landed] = Flights(self.changes)
        self._absent: TTLCache[CacheKey, Problem] = TTLCache(NEGATIVES, NEGATIVE_S, timer=clock)
        self._holder, self._leases = uuid.uuid4().hex, count()

    async def fetch(self, wanted: Wanted, make: Make) -> Hit:
        if not wanted.policy.storable:
            return await self._landed(wanted, make)
        entry = self._local.get(wanted.key)
        if entry is None:
            return await self._miss(wanted, make, None)
        hit = self._judged(wanted, entry)
        if hit is None:
            return await self._miss(wanted, make, entry)
        if hit.outcome == "stale":
            self._refresh(wanted, make)
        return hit

    def show(self, key: CacheKey, entry: CacheEntry, shown: DecoratedBody) -> None:
        """Keep what went out beside the answer it was made of."""
        if entry.holder is None:
            entry.shown = shown
            return
        more = size_of_shown(shown, entry.made) - size_of_shown(entry.shown, entry.made)
        entry.shown = shown
        self._local.resize(key, entry, entry.size + more)

    def follow(self, key: CacheKey, entry: CacheEntry, follower: Dependent) -> None:
        """It is kept as long as the entry is, and counts as a part of it; of too many the first goes."""
        while entry.followers and entry.size + follower.size > self._local.largest:
            self.unfollow(key, entry, next(iter(entry.followers)))
        entry.followers[follower] = None
        if not self._local.resize(key, entry, entry.size + follower.size):
            entry.leave()

    def unfollow(self, key: CacheKey, entry: CacheEntry, follower: Dependent) -> None:
        follower.forget()
        if follower in entry.followers:
            del entry.followers[follower]
            self._local.resize(key, entry, entry.size - follower.size)

    def touch(self, key: CacheKey) -> None:
        """It was asked for, and answered without a look."""
        self._local.get(key)

    def changed(self, changed: Iterable[tuple[Tag, int]]) -> None:
        """Nothing with one of these tags that has not seen its sequence number is served as current from here on. Safe
        to call from any thread."""
        self.changes.note(changed)

    @property
    def is_crowded(self) -> bool:
        """Whether there is more to be kept than there is room for."""
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

    # ---- what is still good

    def _judged(self, wanted: Wanted, entry: CacheEntry) -> Hit | None:
        """A hit, fresh or stale; None where the entry must not be served as it is."""
        if not self._current(wanted, entry):
            return None
        age, policy = self._clock() - entry.stored_at, wanted.policy
        fresh = policy.max_age_s * (1 - entry.jitter)
        if age < fresh and age < entry.until - entry.stored_at:
            return Hit(entry, "hit" if entry.user == wanted.user else "shared", age)
        if age < policy.max_age_s + policy.stale_while_revalidate_s:
            return Hit(entry, "stale", age)
        return None

    def _current(self, wanted: Wanted, entry: CacheEntry) -> bool:
        if self.changes.latest(wanted.tags) > entry.made.as_of:
            return False
        purged = self.changes.items_after(wanted.key.namespace, entry.made.as_of)
        return not purged or not any(f'"itemId":"{item}"'.encode() in entry.made.body for item in purged)

    # ---- what has to be made

    async def _miss(self, wanted: Wanted, make: Make, old: CacheEntry | None) -> Hit:
        """The only place that hides a failure. What an event has outdated may serve here too: it is all there is."""
        try:
            return await self._landed(wanted, make)
        except Exception as error:
            if not is_broken(error):
                raise
            last = old or (await self._shared.get(wanted.key) if self._shared is not None else None)
            if last is None:
                raise
            age = self._clock() - last.stored_at
            if age >= wanted.policy.max_age_s + wanted.policy.stale_if_error_s:
                raise
            self.counts.stale_on_error += 1
            if not isinstance(error, Overloaded):  # which is counted, and no time to write much
                log.warning("served an answer %.0f s old, since its upstream failed: %s", age, error)
            return Hit(last, "stale", age, not self._current(wanted, last))

    async def _landed(self, wanted: Wanted, make: Make) -> Hit:
        # asked first whether it is there: `get` of a TTLCache takes long where it is not
        absent = self._absent.get(wanted.key) if wanted.policy.storable and wanted.key in self._absent else None
        if absent is not None:
            raise absent
        while True:
            landed, first = await self._flights.join(
                wanted.key, wanted.tags, wanted.user, lambda: self._obtain(wanted, make, -inf)
            )
            if landed.entry.made.private and first != wanted.user:
                continue
            if not landed.found:
                return Hit(landed.entry, "miss", 0.0, not self._current(wanted, landed.entry))
            hit = self._judged(wanted, landed.entry)
            if hit is None:  # it has aged, or something has changed, while it was on its way
                age = self._clock() - landed.entry.stored_at
                return Hit(landed.entry, "stale", age, not self._current(wanted, landed.entry))
            if hit.outcome == "stale":
                self._refresh(wanted, make)
            return hit

    def _refresh(self, wanted: Wanted, make: Make) -> None:
        if wanted.key in self._flights:
            return
        entry = self._local.peek(wanted.key)
        newer_than = entry.stored_at if entry is not None else -inf

        def renew() -> Coroutine[Any, Any, Landed]:
            return self._obtain(wanted, make, newer_than)

        self._flights.start(wanted.key, wanted.tags, wanted.user, renew).add_done_callback(self._refreshed)

    def _refreshed(self, task: asyncio.Task[Landed]) -> None:
        if task.cancelled() or (error := task.exception()) is None:
            return
        self.counts.refresh_failed += 1
        if not isinstance(error, Overloaded):
            log.warning("an answer could not be refreshed and stays as it was: %s", error)

    def _obtain(self, wanted: Wanted, make: Make, newer_than: float) -> Coroutine[Any, Any, Landed]:
        """From another replica, if it has one made after that time, or is about to; else made here."""
        if self._shared is None or not wanted.policy.storable:
            return self._make(wanted, make)
        return self._obtain_with(self._shared, wanted, make, newer_than)

    async def _obtain_with(self, shared: SharedStore, wanted: Wanted, make: Make, newer_than: float) -> Landed:
        deadline, wait = self._clock() + LEASE_S, FIRST_WAIT_S
        holder = f"{self._holder}-{next(self._leases)}"
        while True:
            seen = await shared.look(wanted.key)
            found = None if seen is None else seen.entry
            if found is not None and found.stored_at > newer_than and self._judged(wanted, found) is not None:
                self._local.put(wanted.key, found)
                return Landed(found, found=True)
            leased = await self._leased(shared, wanted.key, holder, seen)
            if leased is not False or self._clock() >= deadline:
                break
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_S)
        try:
            landed = await self._make(wanted, make)
            await self._give(shared, wanted, landed.entry)
            return landed
        finally:
            if leased:
                await shared.release(wanted.key, holder)

    async def _leased(self, shared: SharedStore, key: CacheKey, holder: str, seen: EntryAndLease | None) -> bool | None:
        """Whether this flight may make the answer, though the reply that said so was lost; None: it can't be asked."""
        if seen is None:
            return None
        return await shared.lease(key, holder) if seen.holder is None else seen.holder == holder.encode()

    async def _give(self, shared: SharedStore, wanted: Wanted, entry: CacheEntry) -> None:
        policy = wanted.policy
        life = policy.max_age_s + max(policy.stale_while_revalidate_s, policy.stale_if_error_s)
        if self._current(wanted, entry):
            await shared.put(wanted.key, entry, life)

    async def _make(self, wanted: Wanted, make: Make) -> Landed:
        try:
            made = await make()
        except Problem as problem:
            if problem.status == 404 and wanted.policy.storable:
                self._absent[wanted.key] = problem
            raise
        if not wanted.policy.storable:
            return Landed(CacheEntry(made, self._clock(), wanted.until, wanted.user, 0))
        now, size = self._clock(), size_of(wanted.key, made)
        entry = CacheEntry(made, now, wanted.until, wanted.user, size, JITTER * self._draw())
        if not made.private and self._current(wanted, entry):
            self._local.put(wanted.key, entry)
        return Landed(entry)


def is_broken(error: Exception) -> bool:
    """Whether the answerer failed, and not the question."""
    return not isinstance(error, Problem) or error.status >= 500 or error.status == 429
