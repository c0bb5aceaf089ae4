"""What requests say by themselves, who inherits it, and which filter applies (specification §2.3 to §2.5)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.compat.table import Fact, Row, get, query
from tests.gateway.upstreams.origin import Asked

CONTEXT = "/recommend-items/rules/context/u1"
FILTERED = "/related-items/outside/filtered/i1"
ARN = "arn:aws:personalize:eu-west-1:111122223333:filter"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Version/17.4 Mobile/15E148"


def rule(field: str, value: str | None, headers: dict[str, str] | None = None, path: str = CONTEXT) -> Row:
    """The context has that value; None: it has no such field."""
    return get("2.4", path, headers=headers or {}, asked=lambda asked: asked.json["context"].get(field) == value)


def clock(field: str, zone: str, value: Any) -> Row:
    """`value` of the local time; a boundary may pass between the request and this look."""

    def fact(asked: Asked) -> bool:
        now = datetime.now(ZoneInfo(zone))
        return asked.json["context"][field] in {str(value(now)), str(value(now - timedelta(minutes=1)))}

    return get("2.4", CONTEXT, headers={"cloudfront-viewer-time-zone": zone}, asked=fact)


def season(latitude: float) -> Any:
    def of(now: datetime) -> int:
        day = now.month * 100 + now.day
        north = 0 if 321 <= day <= 620 else 1 if 621 <= day <= 922 else 2 if 923 <= day <= 1222 else 3
        return north if latitude >= 0 else (north + 2) % 4

    return of


def seasons(latitude: str, sign: float) -> Row:
    def fact(asked: Asked) -> bool:
        return bool(asked.json["context"]["season"] == str(season(sign)(datetime.now(ZoneInfo("UTC")))))

    return get("2.4", CONTEXT, headers={"cloudfront-viewer-latitude": latitude}, asked=fact)


def level(path: str, context: dict[str, str] | None) -> Row:
    return get("2.3", f"/recommend-items/levels/{path}/u1", asked=lambda asked: asked.json.get("context") == context)


def chosen(name: str | None, values: dict[str, str] | None = None) -> Fact:
    def fact(asked: Asked) -> bool:
        told = asked.json.get("filter")
        right = values is None or values.items() <= asked.json.get("filterValues", {}).items()
        return bool(told == (f"{ARN}/{name}" if name else None) and right)

    return fact


PHONES = {"cloudfront-is-mobile-viewer": "true"}
FRANCE = {"COUNTRY": '"FR"'}
BOTH = {**PHONES, "cloudfront-is-tablet-viewer": "true"}

RULES: list[Row] = [
    rule("devices", "Phone", PHONES),
    rule("devices", "Phone", BOTH),
    rule("devices", "Desktop", {"cloudfront-is-mobile-viewer": "false"}),
    rule("firstDevice", "Tablet", {"cloudfront-is-tablet-viewer": "true", "cloudfront-is-mobile-viewer": "false"}),
    rule("city", "Bonn", {"CLOUDFRONT-VIEWER-CITY": "Bonn"}),
    # a proxy on this machine is trusted, whomever it asks for
    rule("city", "Bonn", {"cloudfront-viewer-city": "Bonn", "X-Forwarded-For": "203.0.113.7"}),
    rule("city", None),
    rule("metro", "0", {"cloudfront-viewer-metro-code": "0"}),
    rule("zero", "0"),
    rule("mappedZero", "0"),
    rule("number", "low", {"x-number": "4.5"}),
    rule("number", "high", {"x-number": "10"}),
    rule("number", None, {"x-number": "many"}),
    rule("strict", None, {"x-number": "7"}),
    rule("start", "yes", {"x-text": "abc"}),
    rule("start", "upper", {"x-text": "AB"}),
    rule("start", None, {"x-text": "Abc"}),
    rule("oldStart", "yes", {"x-text": "abc"}),
    rule("end", "yes", {"x-text": "xyz"}),
    rule("inside", "yes", {"x-text": "lmno"}),
    rule("inside", None, {"x-text": "m-n"}),
    rule("param", "spring", path=f"{CONTEXT}?campaign=spring"),
    rule("cookie", "gold", {"cookie": "a=b; segment=gold"}),
    rule("cookie", "gold", {"cookie": "prefs=[1, 2]; segment=gold; seen"}),
    rule("agent", "mobile", {"user-agent": PHONE}),
    rule("devices", "Phone", {"user-agent": PHONE}),
    rule("sale", "true"),
    rule("always", "true"),
    rule("always", "true", {"cloudfront-viewer-time-zone": "America/New_York"}),
    clock("hour", "UTC", lambda now: now.hour),
    clock("hour", "Asia/Tokyo", lambda now: now.hour),
    clock("hour", "America/St_Johns", lambda now: now.hour),
    clock("day", "Asia/Tokyo", lambda now: now.weekday()),
    clock("day", "Pacific/Pago_Pago", lambda now: now.weekday()),
    clock("season", "UTC", season(0)),
    seasons("52.5", 1),
    seasons("-33.9", -1),
    seasons("0", 1),
    seasons("north", 1),
    get("2.4", CONTEXT, headers={"cloudfront-viewer-time-zone": "Mars/Base"}),
    get("2.4", CONTEXT, headers={"cloudfront-viewer-time-zone": "../../etc/passwd"}),
    get(
        "2.4",
        f"{CONTEXT}{query(context={'zero': 'mine', 'more': 'x'})}",
        asked=lambda asked: (asked.json["context"]["zero"], asked.json["context"]["more"]) == ("mine", "x"),
    ),
]

LEVELS: list[Row] = [
    get("2.3", "/recommend-items/outside/function/u1", asked=lambda asked: asked.json["context"] == {"country": "XX"}),
    level("of-namespace", {"level": "namespace"}),
    level("of-recommender", {"mine": "recommender"}),
    level("of-variation", {"own": "variation"}),
    level("of-nobody", None),
    level("of-null", {"level": "namespace"}),
]

FILTERS: list[Row] = [
    get("2.5", f"{FILTERED}?userId=u1", asked=chosen("for-users")),
    get("2.5", FILTERED, asked=chosen("by-country", {"DEVICES": '"Desktop"'})),
    get("2.5", FILTERED, headers={"cloudfront-viewer-country": "DE"}, asked=chosen("by-country", {"COUNTRY": '"DE"'})),
    get("2.4", FILTERED, headers={"cloudfront-viewer-metro-code": "501"}, asked=chosen("by-country", {"METRO": "501"})),
    get("2.4", FILTERED, headers=BOTH, asked=chosen("by-country", {"DEVICES": '"Phone","Tablet"'})),
    get("2.4", FILTERED, headers=PHONES, asked=chosen("by-country", {"DEVICES": '"Phone"'})),
    get(
        "2.4",
        f"{FILTERED}{query(filterValues=FRANCE)}",
        headers={"cloudfront-viewer-country": "DE"},
        asked=chosen("by-country", {"COUNTRY": '"FR"'}),
    ),
    get(
        "2.4",
        FILTERED,
        headers={"cloudfront-viewer-country": 'x" OR "y\\'},
        asked=chosen("by-country", {"COUNTRY": '"x OR y"'}),
    ),
    get("2.5", f"{FILTERED}{query(filter=f'{ARN}/mine')}", asked=chosen("mine")),
    get(
        "2.5",
        f"{FILTERED}{query(filter=f'{ARN}/mine', filterValues={'A': '1'})}",
        headers={"cloudfront-viewer-country": "DE"},
        asked=lambda asked: asked.json["filterValues"] == {"A": "1"},
    ),
    get("2.5", f"{FILTERED}?filter=mine", asked=lambda asked: asked.json["filter"] == "mine"),
    get("2.5", "/related-items/outside/only-for-users/i1", asked=chosen(None)),
    get("2.5", f"/related-items/outside/only-for-users/i1{query(filterValues={'A': '1'})}", asked=chosen(None)),
    get("2.5", "/related-items/outside/only-for-users/i1?userId=u1", asked=chosen("for-users")),
    get(
        "2.5",
        "/related-items/outside/old-filter/i1",
        headers={"cloudfront-viewer-country": "DE"},
        asked=chosen("by-country", {"COUNTRY": '"DE"'}),
    ),
    get(
        "2.5",
        "/related-items/shop/guarded/i2",
        body=lambda body: all(int(each["itemId"][1:]) % 2 == 0 for each in body["itemList"]),
    ),
    get("2.5", "/related-items/shop/guarded/i2?userId=u2", body=lambda body: "itemList" in body),
]

ROWS = [*RULES, *LEVELS, *FILTERS]
