"""When a rule holds: a slow clock that looks at every minute is the judge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st

from engine.rules.timetable import DAYS, RuleSchedule, Timetable

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia")
MINUTE = 60


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def table(**schedule: Any) -> Timetable:
    return Timetable.of(RuleSchedule(**schedule))


def slowly_holds(schedule: RuleSchedule, moment: float) -> bool:
    """By the clock on the wall alone, away from the hours in which it is turned."""
    zone = ZoneInfo(schedule.time_zone)
    local = datetime.fromtimestamp(moment, zone)
    for bound, sign in ((schedule.start, 1), (schedule.end, -1)):
        if bound is not None:
            edge = datetime.fromisoformat(bound)
            edge = edge if edge.tzinfo else edge.replace(tzinfo=zone)
            if (moment < edge.timestamp()) if sign == 1 else (moment >= edge.timestamp()):
                return False
    clock, days = f"{local:%H:%M}", schedule.days or DAYS
    today, yesterday = DAYS[local.weekday()], DAYS[local.weekday() - 1]
    for hours in schedule.hours or ("00:00-24:00",):
        first, last = hours.split("-")
        if first < last:
            if today in days and first <= clock < last:
                return True
        elif (today in days and clock >= first) or (yesterday in days and clock < last):
            return True
    return False


CLOCK = st.builds(lambda hour, minute: f"{hour:02}:{minute:02}", st.integers(0, 23), st.sampled_from((0, 15, 30, 59)))
HOURS = st.tuples(CLOCK, CLOCK).filter(lambda pair: pair[0] != pair[1]).map("-".join)
# the middle of a month without a turn of clocks anywhere in ZONES
MOMENTS = st.datetimes(datetime(2026, 5, 10), datetime(2026, 5, 24))
SCHEDULES = st.builds(
    RuleSchedule,
    start=st.none() | MOMENTS.map(lambda moment: f"{moment:%Y-%m-%dT%H:%M}"),
    days=st.lists(st.sampled_from(DAYS), unique=True, max_size=4).map(tuple),
    hours=st.lists(HOURS, max_size=3).map(tuple),
    time_zone=st.sampled_from(ZONES),
)


@given(SCHEDULES, MOMENTS)
@settings(max_examples=100)
def test_it_holds_when_the_clock_on_the_wall_says_so(schedule: RuleSchedule, moment: datetime):
    now = moment.replace(tzinfo=UTC, second=0, microsecond=0).timestamp()
    assert Timetable.of(schedule).holds(now) == slowly_holds(schedule, now)


@given(SCHEDULES, MOMENTS)
@settings(max_examples=60)
def test_until_is_the_next_minute_at_which_it_changes(schedule: RuleSchedule, moment: datetime):
    read, now = Timetable.of(schedule), moment.replace(tzinfo=UTC, second=0, microsecond=0).timestamp()
    holds, until = slowly_holds(schedule, now), read.until(now)
    assert until > now
    end = min(until, now + 9 * 86_400)
    assert all(slowly_holds(schedule, then) == holds for then in range(int(now), int(end), 5 * MINUTE))
    if until < now + 7 * 86_400:
        assert slowly_holds(schedule, until) != holds


def test_from_a_start_until_an_end():
    friday = table(start="2026-11-27T00:00", end="2026-11-28T00:00", time_zone="America/New_York")
    first, last = at("2026-11-27T00:00", "America/New_York"), at("2026-11-28T00:00", "America/New_York")
    assert [friday.holds(moment) for moment in (first - 1, first, last - 1, last)] == [False, True, True, False]
    assert [friday.until(moment) for moment in (first - 1, first, last - 1, last)] == [first, last, last, inf]
    utc = table(start="2026-11-27T05:00:00Z", time_zone="America/New_York")  # an offset wins over the zone
    assert utc.start == at("2026-11-27T05:00") and utc.until(utc.start) == inf


def test_hours_follow_the_clock_where_it_is_turned():
    nights = table(hours=("01:00-04:00",), time_zone="Europe/Berlin")
    spring = at("2026-03-29T01:00", "Europe/Berlin")  # 02:00 is 03:00
    assert nights.until(spring) - spring == 2 * 3600
    autumn = at("2026-10-25T01:00", "Europe/Berlin")  # 03:00 is 02:00
    assert nights.until(autumn) - autumn == 4 * 3600
    lost = table(hours=("02:00-03:00",), time_zone="Europe/Berlin")
    assert not any(lost.holds(spring + minutes * 60) for minutes in range(600))
    assert lost.until(spring) == at("2026-03-30T02:00", "Europe/Berlin")


def test_days_that_touch_are_one_span():
    week = table(days=DAYS[:5])
    monday = at("2026-05-11T00:00")
    assert week.until(monday) == monday + 5 * 86_400 and week.until(monday + 5 * 86_400) == monday + 7 * 86_400
    always = table(days=DAYS, hours=("00:00-12:00", "12:00-24:00"))
    assert always.holds(monday) and always.until(monday) > monday + 7 * 86_400


@pytest.mark.parametrize(
    ("one", "other", "meets"),
    [
        ({"end": "2026-01-01T00:00"}, {"start": "2026-01-01T00:00"}, False),
        ({"end": "2026-01-01T00:01"}, {"start": "2026-01-01T00:00"}, True),
        ({"days": ("monday",)}, {"days": ("tuesday",)}, False),
        ({"days": ("monday",), "hours": ("22:00-02:00",)}, {"days": ("tuesday",), "hours": ("01:00-03:00",)}, True),
        ({"days": ("monday",), "hours": ("22:00-02:00",)}, {"days": ("tuesday",), "hours": ("02:00-03:00",)}, False),
        ({"days": ("monday",)}, {"days": ("tuesday",), "time_zone": "Asia/Kolkata"}, True),
        ({"hours": ("10:00-11:00",)}, {"hours": ("10:00-11:00",), "time_zone": "Asia/Kolkata"}, False),
        (
            {"hours": ("10:00-11:00",), "time_zone": "Europe/London"},  # an hour ahead of UTC in summer only
            {"hours": ("09:00-10:00",)},
            True,
        ),
        ({"days": ("friday",)}, {"start": "2026-11-30T00:00", "end": "2026-12-04T00:00"}, False),  # Monday to Thursday
        ({"days": ("friday",)}, {"start": "2026-11-30T00:00", "end": "2026-12-04T00:01"}, True),
        ({"days": ("sunday",), "hours": ("23:00-01:00",)}, {"days": ("monday",), "hours": ("00:30-00:45",)}, True),
    ],
)
def test_two_that_may_hold_at_once(one: dict[str, Any], other: dict[str, Any], meets: bool):
    assert table(**one).meets(table(**other)) == table(**other).meets(table(**one)) == meets


@pytest.mark.parametrize(
    ("schedule", "member", "says"),
    [
        ({"time_zone": "Berlin"}, "timeZone", "no time zone; write it such as Europe/Berlin"),
        ({"time_zone": "../etc"}, "timeZone", "no time zone"),
        ({"start": "2026-11-27"}, "start", "is no time; write it such as 2026-11-27T00:00"),
        ({"start": "2026-13-27T00:00"}, "start", "is no time: month must be"),
        ({"end": "9999-01-01T00:00"}, "end", "its year is from 1970 to 8999"),
        ({"start": "2026-11-27T00:00", "end": "2026-11-27T00:00Z"}, "end", "not after the start"),
        ({"hours": ("9-17",)}, "hours", "write them such as 09:00-17:30"),
        ({"hours": ("24:00-02:00",)}, "hours", "a day has 24"),
        ({"hours": ("09:00-09:00",)}, "hours", "all day is 00:00-24:00"),
        ({}, "", "says nothing"),
    ],
)
def test_what_can_not_be_read(schedule: dict[str, Any], member: str, says: str):
    ((named, message),) = RuleSchedule(**schedule).faults()
    assert named == member and says in message


def test_a_day_that_the_zone_never_had():
    skipped = table(hours=("10:00-12:00",), time_zone="Pacific/Apia")  # there was no 30 December 2011
    before = at("2011-12-29T13:00", "Pacific/Apia")
    assert skipped.until(before) - before == timedelta(hours=21).total_seconds()
