"""Rate limits of the wire's operations (specification §8.1): token buckets that all workers of a server share.

A bucket is a number in a page of shared memory: when it will be full again. To count in Redis would cost each request a
round trip, and to count in each worker alone would give a caller with one connection the share of one worker.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

import numpy as np

import engine

PER_SECOND = {  # of one campaign, recommender or dataset group
    **dict.fromkeys(("GetRecommendations", "GetPersonalizedRanking", "GetActionRecommendations"), 500),
    **dict.fromkeys(("PutEvents", "PutActionInteractions"), 1000),
    **dict.fromkeys(("PutItems", "PutUsers", "PutActions"), 10),
}
RUNTIME_PER_SECOND = 2500  # of one account, all of the Get operations together
SECOND = 1_000_000_000  # times are whole nanoseconds, so that no request is lost to rounding
BURST = SECOND  # so long a rate may come at once, after as long without requests
SLOTS, LOOKS = 8192, 16

Take = Callable[[str, str, str], None]  # see `Rates.take`


def unlimited(operation: str, account: str, resource: str) -> None:
    """Counts nothing."""


class Rates:
    """Two requests at the very same moment in two workers may count as one: that errs on the caller's side."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        with path.open("ab") as file:  # append: never clears what another process has mapped
            if file.tell() < SLOTS * 16:
                file.truncate(SLOTS * 16)
        page = np.memmap(path, np.uint64, "r+", shape=(2, SLOTS))
        self._names, self._full_at = page[0].data, page[1].data
        self._clock = clock

    def take(self, operation: str, account: str, resource: str) -> None:
        """Count one request. Raises `Throttled` where it is one too many."""
        rate = PER_SECOND[operation]
        self._take(f"{account} {operation} {resource}", rate, f"{operation} of {resource}")
        if operation.startswith("Get"):
            self._take(f"{account} Get", RUNTIME_PER_SECOND, f"the runtime calls of account {account}")

    def _take(self, bucket: str, rate: int, what: str) -> None:
        now, slot = self._now(), self._slot(bucket)
        if slot is None:  # thousands of buckets are in use: none is left to count in
            return
        full_at = max(self._full_at[slot], now)
        if full_at > now + 2 * BURST:  # the clock was set back
            full_at = now
        if full_at + SECOND // rate > now + BURST:
            raise engine.Throttled(f"Rate exceeded: {what} are limited to {rate} requests a second.")
        self._full_at[slot] = full_at + SECOND // rate

    def _now(self) -> int:
        return int(self._clock() * SECOND)

    def _slot(self, bucket: str) -> int | None:
        """The bucket's own, or one that has been full for so long that nobody need remember it."""
        name = int.from_bytes(blake2b(bucket.encode(), digest_size=8).digest()) or 1
        slots = [(name + step) % SLOTS for step in range(LOOKS)]
        for slot in slots:
            if self._names[slot] == name:
                return slot
        now = self._now()
        for slot in slots:
            if self._full_at[slot] <= now or self._full_at[slot] > now + 2 * BURST:
                self._names[slot], self._full_at[slot] = name, now
                return slot
        return None
