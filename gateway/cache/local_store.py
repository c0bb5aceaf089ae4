"""One worker's own entries, below a hard ceiling in bytes (W-TinyLFU).

A new entry first lives in a small window, so that a burst finds it. An entry that the window pushes out is kept only if
it is asked for more often than the entries that it would push out in turn.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from gateway.cache.entry import CacheEntry
from gateway.cache.key import CacheKey

WINDOW_SHARE = 10  # a tenth of the ceiling
LARGEST_SHARE = 8  # an entry above one eighth of the ceiling is not kept: it would push out everybody else's
HIGHEST = 15
WIDTH = 1 << 16  # counters a row, a power of two; four bytes each in all
SEEDS = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93)
SAMPLE = 10  # additions a counter, after which all are halved
MASK = (1 << 64) - 1


class FrequencySketch:
    """Estimates of how often keys were asked for lately, in a small and fixed space.

    A count-min sketch of small counters, halved again and again so that it forgets (Einziger, Friedman, Manes: TinyLFU,
    a highly efficient cache admission policy, 2017). A crawler's keys are asked for once: they never win against
    a regular's.
    """

    def __init__(self) -> None:
        self._shift = 64 - (WIDTH.bit_length() - 1)
        self._seeded = [(bytearray(WIDTH), seed) for seed in SEEDS]
        self._sample = SAMPLE * WIDTH
        self._added = 0

    def add(self, key: int) -> None:
        """Count a key, given by its hash."""
        shift = self._shift
        for row, seed in self._seeded:
            place = ((key * seed) & MASK) >> shift
            if row[place] < HIGHEST:
                row[place] += 1
        self._added += 1
        if self._added >= self._sample:
            self._halve()

    def estimate(self, key: int) -> int:
        """Additions of the key, halved as time went by: never too few, and at most 15."""
        shift, least = self._shift, HIGHEST
        for row, seed in self._seeded:
            least = min(least, row[((key * seed) & MASK) >> shift])
        return least

    def _halve(self) -> None:
        table = bytes(value // 2 for value in range(256))
        self._seeded = [(bytearray(row.translate(table)), seed) for row, seed in self._seeded]
        self._added //= 2


@dataclass
class CacheCounts:
    evicted: int = 0
    refused: int = 0  # too large to keep
    refresh_failed: int = 0
    stale_on_error: int = 0


class _Segment(OrderedDict[CacheKey, CacheEntry]):
    """Entries in order of use, the longest unused first."""

    def __init__(self) -> None:
        super().__init__()
        self.size = 0

    def put(self, key: CacheKey, entry: CacheEntry) -> None:
        previous = self.take(key)
        if previous is not None and previous is not entry:
            previous.leave()
        self[key] = entry
        entry.holder = self
        self.size += entry.size

    def take(self, key: CacheKey) -> CacheEntry | None:
        entry = self.pop(key, None)
        if entry is not None:
            entry.holder = None
            self.size -= entry.size
        return entry

    def drop(self, key: CacheKey) -> None:
        entry = self.take(key)
        if entry is not None:
            entry.leave()


class LocalStore:
    def __init__(self, ceiling: int, counts: CacheCounts) -> None:
        self.ceiling, self.largest, self._counts = ceiling, ceiling // LARGEST_SHARE, counts
        self._window_ceiling = ceiling // WINDOW_SHARE
        self._window, self._main = _Segment(), _Segment()
        self._frequencies = FrequencySketch()

    def get(self, key: CacheKey) -> CacheEntry | None:
        self._frequencies.add(hash(key))
        for segment in (self._main, self._window):
            entry = segment.get(key)
            if entry is not None:
                segment.move_to_end(key)
                return entry
        return None

    def peek(self, key: CacheKey) -> CacheEntry | None:
        return self._main.get(key) or self._window.get(key)

    def put(self, key: CacheKey, entry: CacheEntry) -> None:
        """Keep the entry, unless it is too large or others that are asked for more often push it out at once."""
        if entry.size > self.largest:
            self._refuse(key, entry)
        else:
            segment = self._main if key in self._main else self._window
            segment.put(key, entry)
            self._fit()

    def resize(self, key: CacheKey, entry: CacheEntry, size: int) -> bool:
        """Note the new size of an entry. False if the entry is not here."""
        segment = entry.holder
        if segment is None:
            return False
        segment.size += size - entry.size
        entry.size = size
        if size > self.largest:
            self._refuse(key, entry)
        else:
            self._fit()
        return True

    def drop(self, key: CacheKey) -> None:
        self._window.drop(key)
        self._main.drop(key)

    @property
    def size(self) -> int:
        return self._window.size + self._main.size

    def __len__(self) -> int:
        return len(self._window) + len(self._main)

    def _refuse(self, key: CacheKey, entry: CacheEntry) -> None:
        self._counts.refused += 1
        self.drop(key)
        entry.leave()

    def _fit(self) -> None:
        """Get below the ceilings again after an entry has come or grown. An admitted entry is not judged again."""
        window, main = self._window, self._main
        while window.size > self._window_ceiling:
            self._promote(next(iter(window)))
        while window.size + main.size > self.ceiling:
            self._evict(main, next(iter(main)))

    def _promote(self, key: CacheKey) -> None:
        """Move an entry from the window to the rest, in place of less frequent ones as far as it needs their space."""
        entry = self._window[key]
        self._window.take(key)
        room = self.ceiling - self._window_ceiling
        often = self._frequencies.estimate(hash(key))
        while self._main.size + entry.size > room:
            victim = next(iter(self._main))
            if self._frequencies.estimate(hash(victim)) >= often:
                self._counts.evicted += 1
                entry.leave()
                return
            self._evict(self._main, victim)
        self._main.put(key, entry)

    def _evict(self, segment: _Segment, key: CacheKey) -> None:
        segment.drop(key)
        self._counts.evicted += 1
