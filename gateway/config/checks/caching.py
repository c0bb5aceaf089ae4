"""Checks of how long answers are fresh."""

from __future__ import annotations

from gateway.config import document
from gateway.config.caching import FLAGS, SHARED, TIMED, directives, readable
from gateway.document.report import Report, checks, choices, inside

A_DAY, A_YEAR = 86_400, 31_536_000


@checks
def check_policy(part: document.CachePolicy, place: str, report: Report) -> None:
    if looks_like_milliseconds(part.max_age):
        report.warn(inside(place, "maxAge"), f"maxAge is in seconds: {part.max_age} looks like milliseconds")
    try:
        values = directives(part.directives)
    except ValueError as error:
        report.warn(inside(place, "directives"), f"{error}: answers go out with no-store")
        return
    for name in values:
        if name not in (*TIMED, *FLAGS):
            report.warn(inside(place, "directives"), f"unknown directive {name!r}; {choices(name, (*TIMED, *FLAGS))}")
    if "max-age" in values and part.max_age not in (0, int(values["max-age"] or 0)):
        spelling = f"max-age={values['max-age']}"
        report.warn(inside(place, "directives"), f"{spelling} among the directives wins over maxAge {part.max_age}")


def looks_like_milliseconds(max_age: int) -> bool:
    return max_age > A_YEAR or (max_age >= 60_000 and max_age % 1000 == 0 and max_age % A_DAY != 0)


@checks
def check_cache_control(part: document.CacheControl, place: str, report: Report) -> None:
    if part.user_specified is None:
        return
    for name in (readable(part.user_specified.directives) or {}).keys() & set(SHARED):
        at = inside(place, "userSpecified", "directives")
        report.warn(at, f"{name!r} is left out: a user's own answers are never for shared caches")
