"""Insights into data: one struct each for an insight, a check that was made, and the whole diagnosis."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

import msgspec

from engine.doctor.examined import ExaminedData

Severity = Literal["error", "warning", "advice"]
InsightSource = Literal["amazon", "recgate"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "advice")


class Insight(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One thing that is wrong, or might be. `count` of `of` rows, users or items are concerned."""

    id: str = ""
    title: str = ""
    source: InsightSource = "recgate"
    severity: Severity
    datasets: tuple[str, ...]
    columns: tuple[str, ...] = ()
    what: str
    count: int
    of: int
    examples: tuple[str, ...] = ()
    todo: str


class InsightCheck(NamedTuple):
    """A check that may come to insights."""

    id: str
    title: str
    find: Callable[[ExaminedData], Iterable[Insight]]


class CheckedInsight(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    id: str
    title: str
    source: InsightSource
    found: bool


class DataStatistics(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Sizes of the data. `items` and `users` are those of whom anything is known, be it events or metadata."""

    interactions: int
    users: int
    items: int
    users_with_two_interactions: int
    event_types: dict[str, int]
    first_event: int | None = None
    last_event: int | None = None


class SeverityCounts(msgspec.Struct, frozen=True):
    error: int = 0
    warning: int = 0
    advice: int = 0


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """All insights into a dataset group's data, the gravest first, and the checks that were made."""

    group: str
    examined_at: float
    seconds: float
    counts: SeverityCounts
    statistics: DataStatistics
    insights: list[Insight]
    checked: list[CheckedInsight]
