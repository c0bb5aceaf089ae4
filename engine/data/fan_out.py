"""The seam of fan-outs: messages between the processes that share a log, as fast as can be. A message may be lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class FanOut(Protocol):
    def open(self, names: tuple[str, ...], take: Callable[[bytes], None]) -> None:
        """Calls `take`, in a thread of its own, with every message that is sent to one of these names."""

    def send(self, name: str, message: bytes) -> None:
        """Never raises, and never waits for long."""

    def close(self) -> None: ...


class NoFanOut:
    """None: bells are heard of by looking at them."""

    def open(self, names: tuple[str, ...], take: Callable[[bytes], None]) -> None:
        pass

    def send(self, name: str, message: bytes) -> None:
        pass

    def close(self) -> None:
        pass
