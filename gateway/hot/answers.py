"""What a connection needs of answers that are kept ready to go out: those of a server, or of a gateway before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from gateway.hot.counters import HitCounters
from gateway.hot.entry import Candidate, HotEntry
from gateway.hot.heads import HeadReader
from gateway.hot.second_level import SecondLevel


class HotAnswers(Protocol):
    @property
    def heads(self) -> HeadReader: ...

    @property
    def counters(self) -> HitCounters: ...

    @property
    def second_level(self) -> SecondLevel | None: ...

    @property
    def clock(self) -> Callable[[], float]: ...

    @property
    def draws(self) -> Callable[[], bool] | None:
        """Tells that a request is traced, and so takes the ordinary way; None: none is."""

    @property
    def applied(self) -> Callable[[], int]:
        """The last record of the log that an answer can have seen."""

    @property
    def opens(self) -> Callable[[str], bool]:
        """Tells that one more request of this sender may ask the engine."""

    def is_valid(self, entry: HotEntry, now: float) -> bool: ...

    def touch(self, entry: HotEntry, now: float) -> None: ...

    def promote(self, candidate: Candidate) -> HotEntry | None: ...
