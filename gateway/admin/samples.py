"""Samples of a server's numbers, taken while somebody looks: what happened lately is the difference of two."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.telemetry import Totals

LEAST_S = 0.9  # between two samples, however many look
MOST = 120
KEPT = (
    *("recgate_requests", "recgate_request_seconds", "recgate_cache_lookups", "recgate_events"),
    *("recgate_events_rejected", "recgate_event_lag_seconds", "recgate_answers_refused", "recgate_events_refused"),
    *("recgate_upstream_failures", "recgate_undecorated", "recgate_redis_failures"),
)


@dataclass(frozen=True)
class NumbersSample:
    """The totals at an epoch second."""

    at: float
    totals: Totals


class Samples:
    """The samples of one process; safe to use from many threads."""

    def __init__(self, read: Callable[[], Totals], clock: Callable[[], float]) -> None:
        self._read, self._clock = read, clock
        self._samples: deque[NumbersSample] = deque(maxlen=MOST)
        self._lock = threading.Lock()
        self._latest = NumbersSample(-1.0, {})

    def take(self) -> tuple[NumbersSample, Sequence[NumbersSample]]:
        """The latest sample, whole, and those so far, the oldest first, with what they keep."""
        with self._lock:
            now = self._clock()
            if now - self._latest.at >= LEAST_S or now < self._latest.at:
                self._latest = NumbersSample(now, self._read())
                self._samples.append(NumbersSample(now, {name: self._latest.totals.get(name, {}) for name in KEPT}))
            return self._latest, tuple(self._samples)
