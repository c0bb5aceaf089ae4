"""A page of memory shared by the processes of one machine tells which keys have news in the log.

One 64-bit slot a bucket of keys, and one for all, hold the greatest sequence number appended for them. Writers ring
while they hold the log's write lock, so slots only grow; readers compare a slot with what they have applied, which
costs less than a microsecond and touches no database.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from zlib import crc32

import numpy as np

BUCKETS = 4096
_ALL = BUCKETS


class Doorbell:
    def __init__(self, path: Path) -> None:
        size = (BUCKETS + 1) * 8
        with path.open("ab") as file:  # append: never shrinks or clears what another process has mapped
            if file.tell() < size:
                file.truncate(size)
        self._slots = np.memmap(path, np.uint64, "r+", shape=(BUCKETS + 1,))
        self._seen = self._slots.data  # the same memory: reading one number is ten times cheaper

    def ring(self, keys: Iterable[bytes], seq: int) -> None:
        for key in keys:
            self._slots[crc32(key) % BUCKETS] = seq
        self._slots[_ALL] = seq

    def take_back(self, last: int) -> None:
        """Forget rings beyond the last record: of transactions undone, or of a database since replaced by an older one.

        The caller holds the log's write lock, so that nobody rings meanwhile.
        """
        self._slots[self._slots > last] = last

    def last(self) -> int:
        return int(self._seen[_ALL])

    def last_of(self, key: bytes) -> int:
        """A sequence number at or after the key's last record: buckets are shared."""
        return int(self._seen[crc32(key) % BUCKETS])
