"""A circuit breaker: a peer that has failed so many times in a row is left alone, then asked by one request a time."""

from __future__ import annotations

from gateway.plan.plan import Limits


class Breaker:
    """The failures of one peer, by a clock in seconds."""

    __slots__ = ("_failures", "_open_until")

    def __init__(self) -> None:
        self._failures, self._open_until = 0, 0.0

    def admits(self, limits: Limits, now: float) -> bool:
        """Tell whether the peer may be asked. A broken one is asked once in `open_s`, until it answers."""
        if self._failures < limits.failures:
            return True
        if now < self._open_until:
            return False
        self._open_until = now + limits.open_s
        return True

    def succeed(self) -> None:
        self._failures = 0

    def fail(self, limits: Limits, now: float) -> None:
        self._failures += 1
        self._open_until = now + limits.open_s
