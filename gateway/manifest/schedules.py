"""Schedules of Amazon EventBridge, `rate(…)` and `cron(…)`, as the whole number of days between two runs.

EventBridge's cron is a dialect: six fields, Sunday is 1, `?`, `W`, `L` and `#`. Libraries of cron read another one.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Sequence
from datetime import date, timedelta

MOST_DAYS = 30  # of automatic training
YEAR = [date(2023, 1, 1) + timedelta(days=day) for day in range(365)]
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
EVERY = ("*", "?")
RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
CRON = re.compile(r"cron\((.*)\)")
LIMITS = ((0, 59), (0, 23), (1, 31), (1, 12), (1, 7), (1970, 2199))
NAMES: tuple[Sequence[str], ...] = ((), (), (), MONTHS, WEEKDAYS, ())
FIELDS = ("minutes", "hours", "day of month", "month", "day of week", "year")


def days_between(expression: str) -> int:
    """The days between two runs, from 1 to 30: as many as there are on average. Raises `ValueError`."""
    if rate := RATE.fullmatch(expression):
        days = int(rate[1]) if rate[2] == "day" else 1
        if not int(rate[1]):
            raise ValueError(f"{expression} never comes")
    elif cron := CRON.fullmatch(expression):
        days = round(365 / _runs(expression, cron[1].split()))
    else:
        raise ValueError(f"{expression!r} is no schedule; write rate(7 days) or cron(0 2 ? * SUN *)")
    return min(max(days, 1), MOST_DAYS)


def _runs(expression: str, fields: list[str]) -> int:
    """The days of a year on which a cron expression runs."""
    if len(fields) != len(FIELDS):
        raise ValueError(f"{expression} has {len(fields)} fields; a cron expression has {len(FIELDS)}")
    for place, field in enumerate(fields):
        for part in field.split(","):
            _check(expression, part, place)
    day_of_month, month, weekday = fields[2:5]
    if (day_of_month == "?") == (weekday == "?"):
        raise ValueError(f"{expression}: one of day of month and day of week is ?, and the other is not")
    if "#" in weekday and "," in weekday:
        raise ValueError(f"{expression}: a day of week with # stands alone")
    runs = sum(_in(day.month, month, 3) and _on_day(day, day_of_month) and _on_weekday(day, weekday) for day in YEAR)
    if not runs:
        raise ValueError(f"{expression} never comes")
    return runs


def _check(expression: str, part: str, place: int) -> None:
    """Raises `ValueError` for a part of a field that it can't have."""
    body, slash, step = part.partition("/")
    if place == 2 and (body == "L" or re.fullmatch(r"\d{1,2}W|LW", body)):
        return
    if place == 4:
        body = re.sub(r"(?<=.)(L|#[1-5])$", "", body)
    try:
        ends = (
            [] if body in EVERY or (place == 4 and body == "L") else [_number(each, place) for each in body.split("-")]
        )
        low, high = LIMITS[place]
        if len(ends) > 2 or any(not low <= end <= high for end in ends) or (slash and int(step) < 1):
            raise ValueError
    except ValueError:
        raise ValueError(f"{expression}: {part!r} is no {FIELDS[place]}") from None


def _number(text: str, place: int) -> int:
    names = NAMES[place]
    return names.index(text.upper()) + 1 if text.upper() in names else int(text)


def _in(value: int, field: str, place: int) -> bool:
    return any(_in_part(value, part, place) for part in field.split(","))


def _in_part(value: int, part: str, place: int) -> bool:
    body, slash, step = part.partition("/")
    low, high = LIMITS[place]
    if body not in EVERY:
        ends = [_number(each, place) for each in body.split("-")]
        low, high = ends[0], ends[-1] if len(ends) == 2 or not slash else high
    inside = low <= value <= high if low <= high else value >= low or value <= high
    return inside and (not slash or (value - low) % int(step) == 0)


def _on_day(day: date, field: str) -> bool:
    last = monthrange(day.year, day.month)[1]
    return any(
        day.day == last if part.startswith("L") else _in_part(day.day, part.removesuffix("W"), 2)
        for part in field.split(",")
    )


def _on_weekday(day: date, field: str) -> bool:
    return any(_on_weekday_part(day, part) for part in field.split(","))


def _on_weekday_part(day: date, part: str) -> bool:
    weekday = day.isoweekday() % 7 + 1  # 1 is Sunday
    name, hash_, nth = part.partition("#")
    if hash_:
        return weekday == _number(name, 4) and (day.day - 1) // 7 + 1 == int(nth)
    if part == "L":
        return weekday == 7
    if part.endswith("L"):
        is_last = day.day + 7 > monthrange(day.year, day.month)[1]
        return is_last and weekday == _number(part[:-1], 4)
    return _in_part(weekday, part, 4)
