"""A page of memory shared by the processes of one machine tells which keys have news in the log.

One 64-bit slot a bucket of keys, and one for all, hold the greatest sequence number appended for them. Writers ring
while they hold the log's write lock, so slots only grow; readers compare a slot with what they have applied, which
costs less than a microsecond and touches no database. A reader that has nothing to do sleeps until somebody rings.

Where machines share a log, each process keeps a second page for what it has heard of the others, and may trust it until
a time of the monotonic clock (see `engine.data.replicas`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from threading import Lock
from zlib import crc32

import numpy as np

from engine.data.futex import Futex

BUCKETS = 4096
_ALL = BUCKETS
HEARD_POLL_S = 0.05  # between looks at what other machines have rung for
NEVER = 2**63  # beyond every sequence number: nobody can tell what is new


class Doorbell:
    def __init__(self, path: Path) -> None:
        self.path = path
        size = (BUCKETS + 1) * 8
        with path.open("ab") as file:  # append: never shrinks or clears what another process has mapped
            if file.tell() < size:
                file.truncate(size)
        self._slots = np.memmap(path, np.uint64, "r+", shape=(BUCKETS + 1,))
        self._seen = self._slots.data  # the same memory: reading one number is ten times cheaper
        self._futex = Futex(self._slots.ctypes.data + _ALL * self._slots.itemsize)

    def ring(self, keys: Iterable[bytes], seq: int) -> None:
        for key in keys:
            self._slots[crc32(key) % BUCKETS] = seq
        self._slots[_ALL] = seq
        self._futex.wake()

    def wait(self, seq: int, seconds: float) -> None:
        """Sleep until somebody rings for more than `seq`, or for that long; it may return sooner."""
        last = self._seen[_ALL]
        if last <= seq:
            self._futex.wait(last, seconds)

    def wake(self) -> None:
        """End the sleep of all who wait, whether or not there is news."""
        self._futex.wake()

    def take_back(self, last: int) -> None:
        """Forget rings beyond the last record: of transactions undone, or of a database since replaced by an older one.

        The caller holds the log's write lock, so that nobody rings meanwhile.
        """
        self._slots[self._slots > last] = last

    def last(self) -> int:
        return self._seen[_ALL]

    def last_of(self, key: bytes) -> int:
        """A sequence number at or after the key's last record: buckets are shared."""
        return self._seen[crc32(key) % BUCKETS]

    def owed(self) -> int:
        """A sequence number at or after all that was acknowledged."""
        return self._seen[_ALL]

    def owed_to(self, key: bytes) -> int:
        """A sequence number at or after all that was acknowledged for the key."""
        return self._seen[crc32(key) % BUCKETS]


class SharedDoorbell(Doorbell):
    """The doorbell of one process among those of several machines. What it owes is `NEVER` known while it has no lease:
    others may have acknowledged more than it has heard of."""

    def __init__(self, path: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(path)
        self._monotonic, self._until = monotonic, 0.0
        self._heard = np.zeros(BUCKETS + 1, np.uint64)
        self._far = self._heard.data
        self._times = 0  # that others were heard
        self._lock = Lock()  # slots only grow, whoever rings

    def hear(self, buckets: Iterable[int], seq: int) -> None:
        """Another machine has rung for these buckets."""
        with self._lock:
            for bucket in (*buckets, _ALL):
                if self._far[bucket] < seq:
                    self._heard[bucket] = seq
            self._times += 1

    def hear_all(self, seq: int) -> None:
        """Anything may be new up to there."""
        with self._lock:
            np.maximum(self._heard, np.uint64(seq), out=self._heard)
            self._times += 1

    def trust(self, until: float) -> None:
        """All that is acknowledged before then has been heard, or will be: see `engine.data.replicas`."""
        self._until = until

    def wait(self, seq: int, seconds: float) -> None:
        """Look again soon: what other machines ring for wakes nobody."""
        if self.last() <= seq:
            time.sleep(min(HEARD_POLL_S, seconds))

    def last(self) -> int:
        return max(self._seen[_ALL], self._far[_ALL])

    def last_of(self, key: bytes) -> int:
        bucket = crc32(key) % BUCKETS
        return max(self._seen[bucket], self._far[bucket])

    def owed(self) -> int:
        return NEVER if self._monotonic() >= self._until else self.last()

    def owed_to(self, key: bytes) -> int:
        return NEVER if self._monotonic() >= self._until else self.last_of(key)

    def owed_in(self, buckets: Sequence[int]) -> int:
        """A sequence number at or after all that was acknowledged for the keys of these buckets."""
        if self._monotonic() >= self._until:
            return NEVER
        return max([max(self._seen[bucket], self._far[bucket]) for bucket in buckets])

    def state(self) -> int:
        """A number that grows with each ring, those of other machines out of order, too; -1 without a lease."""
        return -1 if self._monotonic() >= self._until else self._seen[_ALL] + self._times


def buckets_of(keys: Iterable[bytes]) -> list[int]:
    return sorted({crc32(key) % BUCKETS for key in keys})
