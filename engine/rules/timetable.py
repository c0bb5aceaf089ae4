"""The times at which a rule holds: from a start until an end, on some days of the week, in some hours, in a time zone.

A moment is epoch seconds. Hours are by the clock on the wall: where summer time begins or ends they follow the clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from math import inf
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAY_MINUTES = 24 * 60
DAY_S = 86_400
AN_INSTANT = 1_800_000_000.0  # any, for what has no beginning and no end
SEASONS = (0, 91, 182, 273)  # days from one on
AHEAD = 8  # days that are looked at for the next change: a week, and those that begin before midnight
HOURS = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?")

Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class RuleSchedule(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A schedule as it is written. `start` and `end` without an offset, `days` and `hours` are in the time zone. Hours
    such as `22:00-02:00` go on into the next day, and belong to the day on which they begin."""

    start: str | None = None
    end: str | None = None
    days: tuple[Day, ...] = ()  # none: every day
    hours: tuple[str, ...] = ()  # none: all day
    time_zone: str = "UTC"

    def faults(self) -> Iterator[tuple[str, str]]:
        """The members that can't be read, each with what is wrong."""
        try:
            zone_named(self.time_zone)
        except ValueError as error:
            yield "timeZone", str(error)
            return
        moments = []
        for member, text in (("start", self.start), ("end", self.end)):
            try:
                moments.append(moment_of(text, self.time_zone) if text is not None else None)
            except ValueError as error:
                yield member, str(error)
        if len(moments) == 2 and None not in moments and not moments[0] < moments[1]:  # type: ignore[operator]
            yield "end", f"is {self.end}, not after the start {self.start}"
        for text in self.hours:
            try:
                minutes_of(text)
            except ValueError as error:
                yield "hours", str(error)
        if (self.start, self.end, self.days, self.hours) == (None, None, (), ()):
            yield "", "says nothing: give it 'start', 'end', 'days' or 'hours', or leave it out"


@dataclass(frozen=True)
class Timetable:
    """A schedule that was read. `spans` are minutes of a day from its midnight; those over 24 hours are of the next."""

    start: float
    end: float
    days: frozenset[int]  # Monday 0
    spans: tuple[tuple[int, int], ...]
    zone: str

    @classmethod
    def of(cls, schedule: RuleSchedule) -> Timetable:
        """Raises `ValueError` where the schedule has faults."""
        zone = schedule.time_zone
        return cls(
            start=-inf if schedule.start is None else moment_of(schedule.start, zone),
            end=inf if schedule.end is None else moment_of(schedule.end, zone),
            days=frozenset(map(DAYS.index, schedule.days or DAYS)),
            spans=tuple(map(minutes_of, schedule.hours)) or ((0, DAY_MINUTES),),
            zone=zone,
        )

    @property
    def is_weekly(self) -> bool:
        """Tells that it holds at some times of the week only."""
        return len(self.days) < len(DAYS) or self.spans != ((0, DAY_MINUTES),)

    def holds(self, at: float) -> bool:
        return self.start <= at < self.end and (not self.is_weekly or any(a <= at < b for a, b in self._near(at)))

    def until(self, at: float) -> float:
        """The next moment after `at` when it begins or ends; infinite where it never does again. Where nothing changes
        for a week, some moment after that."""
        if at < self.start:
            return self.start if self.holds(self.start) or not self.is_weekly else self.until(self.start)
        if at >= self.end:
            return inf
        if not self.is_weekly:
            return self.end
        edges = [edge for span in self._near(at) for edge in span if edge > at]
        return min(*edges, self.end) if edges else min(at + AHEAD * DAY_S, self.end)

    def meets(self, other: Timetable) -> bool:
        """Tells whether both may hold at one moment. Of time zones that turn their clocks at different times a week a
        season is looked at."""
        first, last = max(self.start, other.start), min(self.end, other.end)
        if first == -inf:
            first = (AN_INSTANT if last == inf else last) - 366 * DAY_S
        seasons = (0,) if self.zone == other.zone else SEASONS
        return any(self._meets_within(other, first + days * DAY_S, last) for days in seasons)

    def _meets_within(self, other: Timetable, at: float, last: float) -> bool:
        last = min(last, at + AHEAD * DAY_S)
        while at < last:
            if self.holds(at) and other.holds(at):
                return True
            at = min(self.until(at), other.until(at))
        return False

    def _near(self, at: float) -> list[tuple[float, float]]:
        """The spans from the day before `at` to a week after, those that touch joined; in order."""
        zone = zone_named(self.zone)
        today = datetime.fromtimestamp(at, zone).date()
        dates = (today + timedelta(days=more) for more in range(-1, AHEAD + 1))
        spans = sorted(
            (instant(day, first, zone), instant(day, last, zone))
            for day in dates
            if day.weekday() in self.days
            for first, last in self.spans
        )
        joined: list[tuple[float, float]] = []
        for first, last in spans:
            if joined and first <= joined[-1][1]:
                joined[-1] = joined[-1][0], max(last, joined[-1][1])
            elif first < last:
                joined.append((first, last))
        return joined


def instant(day: date, minutes: int, zone: ZoneInfo) -> float:
    """The moment when the clocks of the zone show so many minutes after the day's midnight."""
    day, minutes = day + timedelta(days=minutes // DAY_MINUTES), minutes % DAY_MINUTES
    return datetime.combine(day, time(minutes // 60, minutes % 60), zone).timestamp()


@lru_cache(maxsize=1024)
def zone_named(name: str) -> ZoneInfo:
    """Raises `ValueError`."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, a path, a folder
        raise ValueError(f"{name!r} is no time zone; write it such as Europe/Berlin or UTC") from None


def moment_of(text: str, zone: str) -> float:
    """Raises `ValueError`."""
    if not MOMENT.fullmatch(text):
        raise ValueError(f"{text!r} is no time; write it such as 2026-11-27T00:00 or 2026-11-27T00:00:00Z")
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no time: {error}") from None
    if not 1970 <= parsed.year < 9000:
        raise ValueError(f"{text!r} is no time that rules are made for: its year is from 1970 to 8999")
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=zone_named(zone))).timestamp()


def minutes_of(text: str) -> tuple[int, int]:
    """The first and the last minute of hours such as 09:00-17:30. Raises `ValueError`."""
    match = HOURS.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} are no hours; write them such as 09:00-17:30")
    first, last = (int(match[at]) * 60 + int(match[at + 1]) for at in (1, 3))
    if max(first, last) > DAY_MINUTES or first == DAY_MINUTES:
        raise ValueError(f"{text!r} are no hours; a day has 24")
    if first == last:
        raise ValueError(f"{text!r} end when they begin; all day is 00:00-24:00")
    return first, last if last > first else last + DAY_MINUTES
