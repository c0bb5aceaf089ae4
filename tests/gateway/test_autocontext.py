"""The rules of auto-context, a row a case (specification §2.4)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import available_timezones

import pytest
from hypothesis import given, settings, strategies as st

from gateway.caller import Caller
from gateway.context.autocontext import (
    Bound,
    Mapped,
    automatic,
    context_of,
    filter_values_of,
    next_change,
    properties_of,
)
from gateway.context.operators import OPERATORS
from gateway.context.rules import LATITUDE, RULES, TIME_ZONE
from gateway.plan.plan import Moment

NOON = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)  # a Sunday in winter


def at(now: datetime = NOON, **headers: str) -> Moment:
    return Moment(Caller({name.replace("_", "-"): value for name, value in headers.items()}), now)


def zoned(zone: str, now: datetime = NOON, latitude: str = "") -> Moment:
    return Moment(Caller({TIME_ZONE: zone, LATITUDE: latitude}), now)


def field(*rules: Bound, kind="string", default=None, evaluate_all=False, name="f"):
    return automatic(name, kind, rules, default, evaluate_all)


def header(name: str, *mappings: tuple) -> Bound:
    return Bound(RULES["header-value"], {"header": name}, mapped(mappings))


def clock(name: str, *mappings: tuple) -> Bound:
    return Bound(RULES[name], {}, mapped(mappings))


def mapped(mappings):
    return tuple(Mapped(OPERATORS[name], value, map_to) for name, value, map_to in mappings)


CLOCKS = [
    ("hour-of-day", "", NOON, 12),
    ("hour-of-day", "Asia/Tokyo", NOON, 21),
    ("hour-of-day", "Asia/Kolkata", NOON, 18),
    ("hour-of-day", "UTC", NOON.replace(hour=0), 0),
    ("hour-of-day", "Nowhere/Land", NOON, 12),
    ("hour-of-day", "../../etc/passwd", NOON, 12),
    ("hour-of-day", "Europe", NOON, 12),
    ("hour-of-day", "a" * 5000, NOON, 12),
    ("hour-of-day", "\x00", NOON, 12),
    ("hour-of-day", "é", NOON, 12),
    ("day-of-week", "", NOON, 6),
    ("day-of-week", "", NOON + timedelta(days=1), 0),
    ("day-of-week", "Asia/Tokyo", NOON.replace(hour=23), 0),
    ("season-of-year", "Asia/Tokyo", datetime(2026, 3, 20, 23, tzinfo=UTC), 0),
]


@pytest.mark.parametrize(("name", "zone", "now", "value"), CLOCKS)
def test_the_clock_is_the_viewers(name, zone, now, value):
    assert field(clock(name)).resolve(zoned(zone, now)) == (value,)


SEASONS = [
    ((1, 1), 3),
    ((3, 20), 3),
    ((3, 21), 0),
    ((6, 20), 0),
    ((6, 21), 1),
    ((9, 22), 1),
    ((9, 23), 2),
    ((12, 22), 2),
    ((12, 23), 3),
    ((12, 31), 3),
]


@pytest.mark.parametrize(("day", "north"), SEASONS)
def test_a_season_by_its_first_day(day, north):
    now = datetime(2026, *day, 12, tzinfo=UTC)
    for latitude, season in {
        "": north,
        "48.1": north,
        "0": north,
        "x": north,
        "nan": north,
        "-33.9": (north + 2) % 4,
    }.items():
        for name in ("season-of-year", "season"):
            assert field(clock(name)).resolve(zoned("", now, latitude)) == (season,)


OPERATIONS = [
    # operator, what the rule yields, value, holds
    ("equals", "a", "a", True),
    ("equals", "a", "A", False),
    ("equals", "7", 7, False),
    ("equals", 7, "7", False),
    ("equals", 7, 7.0, True),
    ("less-than", 6, 7, True),
    ("less-than", 7, 7, False),
    ("less-than", "6.5", 7, True),
    ("less-than", "10", 9, False),
    ("less-than", "10", "9", True),
    ("less-than", "x", 9, False),
    ("less-than", "nan", 9, False),
    ("less-than", 6, "7", True),
    ("greater-than", "10", 9, True),
    ("greater-than", "10", "9", False),
    ("greater-than", "x", 9, False),
    ("greater-than", "", 9, False),
    ("contains", "iPhone 15", "Phone", True),
    ("contains", 15, 5, True),
    ("contains", "iPhone", "phone", False),
    ("starts-with", "iPhone", "iP", True),
    ("start-with", "iPhone", "iP", True),
    ("starts-with", 23, 2, True),
    ("ends-with", "iPhone", "one", True),
    ("ends-with", 23, 2, False),
]


@pytest.mark.parametrize(("name", "raw", "value", "holds"), OPERATIONS)
def test_an_operator(name, raw, value, holds):
    assert OPERATORS[name](raw, value) is holds


PHONE = header("mobile", ("equals", "true", "Phone"))
TABLET = header("tablet", ("equals", "true", "Tablet"))

FIELDS = [
    (field(header("h")), at(h="x"), ("x",)),
    (field(header("h")), at(h=""), ("",)),
    (field(header("h")), at(), ()),
    (field(header("h"), default="d"), at(), ("d",)),
    (field(header("h"), default=0), at(), (0,)),
    (field(header("h", ("equals", "a", 0))), at(h="a"), (0,)),
    (field(header("h", ("equals", "a", 0))), at(h="b"), ()),
    (field(header("h", ("starts-with", "a", 1), ("starts-with", "ab", 2))), at(h="abc"), (1,)),
    (field(PHONE, TABLET), at(mobile="true", tablet="true"), ("Phone",)),
    (field(PHONE, TABLET), at(mobile="false", tablet="true"), ("Tablet",)),
    (field(TABLET, PHONE, evaluate_all=True), at(mobile="true", tablet="true"), ("Tablet", "Phone")),
    (field(PHONE, TABLET, PHONE, evaluate_all=True), at(mobile="true", tablet="true"), ("Phone", "Tablet")),
    (field(PHONE, TABLET, evaluate_all=True, default="Desktop"), at(), ("Desktop",)),
    (field(default="d"), at(), ("d",)),
    (field(), at(), ()),
]


@pytest.mark.parametrize(("made", "moment", "values"), FIELDS)
def test_a_field(made, moment, values):
    assert made.resolve(moment) == values


def test_a_field_knows_what_it_reads():
    made = field(header("x-a"), clock("hour-of-day"))
    assert made.headers == {"x-a", TIME_ZONE} and made.until is not None
    assert field(clock("season-of-year")).headers == {TIME_ZONE, LATITUDE}
    assert field(header("x-a")).until is None


def constant(kind, *values):
    rules = [header("h", ("contains", "", value)) for value in values]
    return field(*rules, kind=kind, evaluate_all=True)


USES = [
    # type, values, context, property, filter value
    ("string", ("a",), "a", "a", '"a"'),
    ("string", ("a", "b"), "a", "a|b", '"a","b"'),
    ("string", (0,), "0", 0, '"0"'),
    ("integer", (7,), "7", "7", "7"),
    ("integer", (7, 8), "7", "7", "7"),
    ("float", (1.5, 2), "1.5", "1.5", "1.5"),
    ("string", ('a","b',), 'a","b', 'a","b', '"a,b"'),
    ("string", ("a\\",), "a\\", "a\\", '"a"'),
]


@pytest.mark.parametrize(("kind", "values", "context", "a_property", "a_filter_value"), USES)
def test_what_values_become(kind, values, context, a_property, a_filter_value):
    fields, moment = [constant(kind, *values)], at(h="x")
    assert context_of(fields, moment) == {"f": context}
    assert properties_of(fields, moment) == {"f": a_property}
    assert filter_values_of(fields, moment) == {"f": a_filter_value}


@pytest.mark.parametrize("use", [context_of, properties_of, filter_values_of])
def test_what_the_caller_says_wins(use):
    fields = [constant("string", "a"), field(header("absent"), name="g")]
    assert use(fields, at(h="x"), {"f": "mine", "more": "b"}) == {"f": "mine", "more": "b"}


def test_a_long_header_is_cut_to_what_a_context_may_hold():
    assert len(context_of([field(header("h"))], at(h="x" * 8000))["f"]) == 1000


PART_OF_DAY = clock("hour-of-day", ("less-than", 12, "am"), ("greater-than", 11, "pm"))
WEEKEND = clock("day-of-week", ("greater-than", 4, "yes"), ("less-than", 5, "no"))

CHANGES = [
    ([], "", NOON, None),
    ([field(header("h"))], "", NOON, None),
    ([field(clock("hour-of-day"))], "", NOON, datetime(2026, 3, 1, 13, tzinfo=UTC)),
    ([field(clock("hour-of-day"))], "Asia/Kolkata", NOON, datetime(2026, 3, 1, 13, 30, tzinfo=UTC)),
    ([field(PART_OF_DAY)], "", NOON, datetime(2026, 3, 2, 0, tzinfo=UTC)),
    ([field(PART_OF_DAY)], "Asia/Tokyo", NOON, datetime(2026, 3, 1, 15, tzinfo=UTC)),
    ([field(clock("day-of-week"))], "", NOON, datetime(2026, 3, 2, 0, tzinfo=UTC)),
    ([field(WEEKEND), field(PART_OF_DAY)], "", NOON, datetime(2026, 3, 2, 0, tzinfo=UTC)),
    # nothing changes for a while: it settles for the midnight after a day
    ([field(clock("season-of-year"))], "", NOON, datetime(2026, 3, 3, 0, tzinfo=UTC)),
]


@pytest.mark.parametrize(("fields", "zone", "now", "change"), CHANGES)
def test_when_a_value_may_change_next(fields, zone, now, change):
    assert next_change(fields, zoned(zone, now)) == change


def test_only_so_far_ahead_as_anyone_cares():
    fields = [field(PART_OF_DAY)]
    assert next_change(fields, at(), timedelta(minutes=5)) == datetime(2026, 3, 1, 13, tzinfo=UTC)
    assert next_change(fields, at(), timedelta(hours=2)) == datetime(2026, 3, 1, 15, tzinfo=UTC)


def said(name: str, keys: dict[str, str], moment: Moment) -> object:
    return RULES[name].value(moment, **keys)


CALLER = Caller(
    {"cookie": "plan=gold; seen=1", "user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) Mobile"},
    raw_query=b"page=2&page=3&q=a%20b&empty=",
    claims={"tier": "pro", "age": 41, "staff": True, "groups": ["a", "b"], "org": {"id": 7}, "none": None},
)
REQUESTS = [
    ("query-param", {"param": "page"}, "3"),
    ("query-param", {"param": "q"}, "a b"),
    ("query-param", {"param": "empty"}, ""),
    ("query-param", {"param": "absent"}, None),
    ("cookie", {"cookie": "plan"}, "gold"),
    ("cookie", {"cookie": "absent"}, None),
    ("jwt-claim", {"claim": "tier"}, "pro"),
    ("jwt-claim", {"claim": "age"}, 41),
    ("jwt-claim", {"claim": "staff"}, "true"),
    ("jwt-claim", {"claim": "groups"}, "a"),
    ("jwt-claim", {"claim": "org.id"}, 7),
    ("jwt-claim", {"claim": "org"}, None),
    ("jwt-claim", {"claim": "tier.x"}, None),
    ("jwt-claim", {"claim": "none"}, None),
    ("user-agent", {"part": "kind"}, "mobile"),
    ("user-agent", {"part": "os"}, "iOS"),
    ("user-agent", {"part": "os-version"}, "17.4"),
    ("user-agent", {"part": "device"}, "iPhone"),
]


@pytest.mark.parametrize(("name", "keys", "value"), REQUESTS)
def test_what_a_request_says(name, keys, value):
    assert said(name, keys, Moment(CALLER, NOON)) == value


@pytest.mark.parametrize(
    "other", ['prefs={"a":"b"}', "flag", "a[b]=1", "a(b)=1", "name=J\xfcrgen", "path=/", "when=Mon, 1 Jan", "", "=x"]
)
def test_a_cookie_is_read_whatever_the_others_hold(other):
    for sent in (f"{other}; plan=gold", f"plan=gold; {other}", f"{other};plan=gold"):
        assert said("cookie", {"cookie": "plan"}, at(cookie=sent)) == "gold"


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        ('plan="gold"', "gold"),
        ("plan=a=b", "a=b"),
        ("plan=a b", "a b"),
        ('plan={"a":1}', '{"a":1}'),
        ("plan=", ""),
        ("plan=1; plan=2", "2"),
        ('plan="', '"'),
        ("myplan=1", None),
    ],
)
def test_a_cookie_as_it_was_set(sent, value):
    assert said("cookie", {"cookie": "plan"}, at(cookie=sent)) == value


def test_broken_cookies_say_nothing():
    assert said("cookie", {"cookie": "a"}, at(cookie="a=1; =;;\x00")) in ("1", None)
    assert said("cookie", {"cookie": "a"}, at(cookie="\x01\x02")) is None


SALE = {"start": "2026-11-27", "end": "2026-11-30"}
LONG_DAY = {"start": "2026-10-25", "end": "2026-10-25"}
LONG_DAY_ENDS = datetime(2026, 10, 25, 23, tzinfo=UTC)
SHORT_DAY = {"start": "2026-03-29", "end": "2026-03-29"}
RANGES = [
    (SALE, "", datetime(2026, 11, 26, 23, 59, tzinfo=UTC), "false", datetime(2026, 11, 27, tzinfo=UTC)),
    (SALE, "", datetime(2026, 11, 27, tzinfo=UTC), "true", datetime(2026, 12, 1, tzinfo=UTC)),
    (SALE, "", datetime(2026, 11, 30, 23, 59, tzinfo=UTC), "true", datetime(2026, 12, 1, tzinfo=UTC)),
    (SALE, "", datetime(2026, 12, 1, tzinfo=UTC), "false", None),
    # a day of 25 hours and one of 23, where clocks change
    (LONG_DAY, "Europe/Berlin", datetime(2026, 10, 25, 22, 30, tzinfo=UTC), "true", LONG_DAY_ENDS),
    (LONG_DAY, "Europe/Berlin", LONG_DAY_ENDS, "false", None),
    (SHORT_DAY, "Europe/Berlin", datetime(2026, 3, 29, 22, 30, tzinfo=UTC), "false", None),
    # as ever or for ever, wherever the viewer is
    ({"start": "0001-01-01", "end": "9999-12-31"}, "Asia/Tokyo", NOON, "true", None),
    ({"start": "0001-01-01", "end": "9999-12-31"}, "America/New_York", NOON, "true", None),
    ({"start": "2020-01-01", "end": "9999-12-31T23:59-05:00"}, "", NOON, "true", None),
    (SALE, "Asia/Tokyo", datetime(2026, 11, 26, 15, tzinfo=UTC), "true", datetime(2026, 11, 30, 15, tzinfo=UTC)),
    (
        {"start": "2026-11-27T18:00Z", "end": "2026-11-27T20:00+01:00"},
        "Asia/Tokyo",
        datetime(2026, 11, 27, 18, 59, tzinfo=UTC),
        "true",
        datetime(2026, 11, 27, 19, tzinfo=UTC),
    ),
    (
        {"start": "2026-11-27T18:00", "end": "2026-11-27T20:00"},
        "",
        datetime(2026, 11, 27, 20, tzinfo=UTC),
        "false",
        None,
    ),
]


@pytest.mark.parametrize(("keys", "zone", "now", "value", "change"), RANGES)
def test_a_range_of_dates(keys, zone, now, value, change):
    moment = zoned(zone, now)
    assert said("date-range", keys, moment) == value
    found = next_change([field(Bound(RULES["date-range"], keys))], moment, timedelta(days=30))
    assert (found == change) if change else found.year == 9999


@pytest.mark.parametrize(
    ("keys", "zone", "now", "name"),
    [
        ({"country": "DE"}, "", datetime(2026, 10, 3, 12, tzinfo=UTC), "German Unity Day"),
        ({"country": "DE"}, "", datetime(2026, 10, 4, 12, tzinfo=UTC), None),
        ({"country": "DE"}, "Asia/Tokyo", datetime(2026, 10, 2, 15, tzinfo=UTC), "German Unity Day"),
        ({"country": "DE", "subdivision": "BY"}, "", datetime(2026, 1, 6, tzinfo=UTC), "Epiphany"),
        ({"country": "DE", "subdivision": "BE"}, "", datetime(2026, 1, 6, tzinfo=UTC), None),
        ({"country": "US"}, "", datetime(2026, 7, 4, tzinfo=UTC), "Independence Day"),
    ],
)
def test_holidays(keys, zone, now, name):
    assert said("holiday", keys, zoned(zone, now)) == name


ZONES = sorted(available_timezones())
TIMES = st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(ZONES),
    TIMES,
    st.floats(0, 1),
    st.sampled_from(["hour-of-day", "day-of-week", "season-of-year"]),
)
def test_nothing_changes_before_the_next_change(zone, now, share, name):
    fields, moment = [field(clock(name))], zoned(zone, now)
    change = next_change(fields, moment)
    assert change > now
    just_before = change - timedelta(microseconds=1)
    between = Moment(moment.caller, min(now + (change - now) * share, just_before))
    assert context_of(fields, between) == context_of(fields, moment)
