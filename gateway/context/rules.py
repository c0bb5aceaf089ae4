"""The rules of automatic fields: what one request's headers and clock say (specification §2.4).

To add a rule: one function under `@rule`. Its name, with dashes, is the configuration's `type`, its parameters after
the moment are that type's keys (those with a default may be left out), and the schema follows.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec

from gateway.context.operators import Value, number
from gateway.context.viewer import HINTS, agent_of
from gateway.fields import plain
from gateway.plan.plan import Moment

Values = tuple[Value, ...]
RuleFunction = Callable[..., Value | Values | None]
FieldType = Literal["string", "integer", "long", "float"]

HeaderName = Annotated[
    str, msgspec.Meta(pattern="^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", description="A header's name, in any case.")
]
Name = Annotated[str, msgspec.Meta(min_length=1, description="A name that is not empty.")]
ClaimPath = Annotated[
    str, msgspec.Meta(pattern=r"^[^.]+(\.[^.]+)*$", description="A claim, or a path of claims with dots between them.")
]
DateOrTime = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?)?$",
        description="A date such as 2026-11-27, or a time such as 2026-11-27T18:00 (viewer's) or 2026-11-27T18:00Z.",
    ),
]
Country = Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$", description="A country's two letters, such as DE.")]
Subdivision = Annotated[str, msgspec.Meta(pattern="^[A-Z0-9]{0,3}$", description="A part of the country, such as BY.")]
AgentPart = Literal["kind", "browser", "browser-version", "os", "os-version", "device"]

ITEM_METADATA = "item-metadata"
TIME_ZONE = "cloudfront-viewer-time-zone"
LATITUDE = "cloudfront-viewer-latitude"

SPRING, SUMMER, FALL, WINTER = range(4)
SEASON_STARTS = [321, 621, 923, 1223]  # month and day as one number
SEASONS = [WINTER, SPRING, SUMMER, FALL, WINTER]

LONGEST_ZONE = 64
A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Rule:
    """One rule type; `until` takes what `value` takes and tells when that may change, None where it reads no clock."""

    name: str
    value: RuleFunction
    headers: frozenset[str]
    until: Callable[..., datetime] | None


RULES: dict[str, Rule] = {}


def rule(
    *, headers: Iterable[str] = (), until: Callable[..., datetime] | None = None, legacy: str | None = None
) -> Callable[[RuleFunction], RuleFunction]:
    def register(function: RuleFunction) -> RuleFunction:
        new = Rule(function.__name__.replace("_", "-"), function, frozenset(headers), until)
        RULES[new.name] = new
        if legacy:
            RULES[legacy] = new
        return function

    return register


def next_hour(moment: Moment) -> datetime:
    local = moment.now.astimezone(zone_of(moment))
    past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return moment.now + timedelta(hours=1) - past


def next_midnight(moment: Moment, **_: str) -> datetime:
    zone = zone_of(moment)
    tomorrow = moment.now.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), zone).astimezone(UTC)


@rule()
def header_value(moment: Moment, header: HeaderName) -> Value | None:
    """The header's text as it came."""
    return moment.headers.get(header)


@rule(headers=[TIME_ZONE], until=next_hour)
def hour_of_day(moment: Moment) -> Value | None:
    """0 to 23, in the viewer's time zone."""
    return moment.now.astimezone(zone_of(moment)).hour


@rule(headers=[TIME_ZONE], until=next_midnight)
def day_of_week(moment: Moment) -> Value | None:
    """Monday 0 to Sunday 6, in the viewer's time zone."""
    return moment.now.astimezone(zone_of(moment)).weekday()


@rule(headers=[TIME_ZONE, LATITUDE], until=next_midnight, legacy="season")
def season_of_year(moment: Moment) -> Value | None:
    """Spring 0, summer 1, fall 2, winter 3, at the viewer's latitude; north where it is unknown."""
    local = moment.now.astimezone(zone_of(moment))
    north = SEASONS[bisect_right(SEASON_STARTS, local.month * 100 + local.day)]
    latitude = number(moment.headers.get(LATITUDE, ""))
    return (north + 2) % 4 if latitude is not None and latitude < 0 else north


@rule()
def query_param(moment: Moment, param: Name) -> Value | None:
    """A parameter of the query string, as its text."""
    return moment.caller.query.get(param)


@rule(headers=["cookie"])
def cookie(moment: Moment, cookie: Name) -> Value | None:
    """A cookie's text."""
    return moment.caller.cookies.get(cookie)


@rule(headers=["authorization"])
def jwt_claim(moment: Moment, claim: ClaimPath) -> Value | None:
    """A claim of the caller's token, which `auth: {type: oidc}` has verified; of a list, the first."""
    value: object = moment.caller.claims
    for step in claim.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str | int | float) else None


@rule(headers=HINTS)
def user_agent(moment: Moment, part: AgentPart) -> Value | None:
    """The kind of device (desktop, mobile, tablet, smarttv, bot), or the name or version of browser, system, device."""
    agent = agent_of(*(moment.headers.get(name, "") for name in HINTS))
    return getattr(agent, part.replace("-", "_")) or None


def range_edge(moment: Moment, start: str, end: str) -> datetime:
    first, last = range_of(moment, start, end)
    return next((edge for edge in (first, last) if edge > moment.now), datetime.max.replace(tzinfo=UTC))


@rule(headers=[TIME_ZONE], until=range_edge)
def date_range(moment: Moment, start: DateOrTime, end: DateOrTime) -> Value | None:
    """ "true" from start until end and "false" else; an end without a time is that whole day, in the viewer's zone."""
    first, last = range_of(moment, start, end)
    return str(first <= moment.now < last).lower()


def range_of(moment: Moment, start: str, end: str) -> tuple[datetime, datetime]:
    return instant(start, moment), instant(end, moment, timedelta() if "T" in end else A_DAY)


def instant(text: str, moment: Moment, later: timedelta = timedelta()) -> datetime:
    """`later` is by the clock on the wall: a day may have 23 hours, or 25. Raises `ValueError`."""
    parsed = datetime.fromisoformat(text)
    try:
        local = parsed + later
        return (local if local.tzinfo else local.replace(tzinfo=zone_of(moment))).astimezone(UTC)
    except OverflowError:  # beyond the first or the last year
        return (datetime.min if parsed.year == 1 else datetime.max).replace(tzinfo=UTC)


@rule(headers=[TIME_ZONE], until=next_midnight)
def holiday(moment: Moment, country: Country, subdivision: Subdivision = "") -> Value | None:
    """The English name of today's public holiday, in the viewer's time zone; nothing on other days."""
    today = moment.now.astimezone(zone_of(moment)).date()
    return holidays_of(country, subdivision, today.year).get(today)


@rule()
def item_metadata(moment: Moment, field: Name) -> Values:
    """What metadata says of the item that others are to be related to: for filter values of related-items. Of a list,
    and of a text such as a|b, each part is a value."""
    row = moment.item or {}
    value = next((value for key, value in row.items() if plain(key) == plain(field)), None)
    parts = value if isinstance(value, list) else value.split("|") if isinstance(value, str) else [value]
    return tuple(scalar for part in parts if (scalar := scalar_of(part)) is not None)


def scalar_of(value: object) -> Value | None:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    return value if isinstance(value, str | int | float) and value != "" else None


@lru_cache(maxsize=256)
def holidays_of(country: str, subdivision: str, year: int) -> Mapping[date, str]:
    """Raises `NotImplementedError` for a place that is not known."""
    import holidays  # where a rule is of them: it takes a thirtieth of the start of a server

    return dict(holidays.country_holidays(country, subdiv=subdivision or None, years=year, language="en_US"))


def zone_of(moment: Moment) -> tzinfo:
    name = moment.headers.get(TIME_ZONE, "")
    return zone(name) if 0 < len(name) <= LONGEST_ZONE else UTC


@lru_cache(maxsize=1024)
def zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, a path, a folder: the name is the client's
        return UTC
