"""Events of Google Analytics' Measurement Protocol become events, and its debug path says what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.intake.world import NOW, IntakeShop, intake_shop

SECRET = "?measurement_id=G-1&api_secret=secret"
COLLECT, DEBUG = f"/mp/collect{SECRET}", f"/debug/mp/collect{SECRET}"
MICROS = int((NOW - 60) * 1e6)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[IntakeShop]:
    users = [
        {"name": "USER_ID", "type": "string"},
        {"name": "TIER", "type": ["null", "string"], "categorical": True},
    ]
    with intake_shop(tmp_path, "ga4: {keys: [secret], measurementIds: [G-1]}", users=users) as shop:
        yield shop


def event(name: str, *items: dict[str, Any], **params: Any) -> dict[str, Any]:
    return {"name": name, "params": {**params, "items": list(items)}}


def batch(*events: Any, **more: Any) -> dict[str, Any]:
    return {"client_id": "c.1", "user_id": "u1", "timestamp_micros": str(MICROS), **more, "events": list(events)}


def test_events_are_stored_to_the_field_and_once(shop: IntakeShop) -> None:
    bought = event(
        "purchase",
        {"item_id": "i1", "price": 9.5, "quantity": 2},
        {"item_id": "i2", "price": 3, "item_list_id": "RID-2"},
        transaction_id="T1",
        value=22,
    )
    seen = event("view_item", {"item_id": "i3"}, item_list_id="RID-1")
    listed = event("view_item_list", {"item_id": "i1"}, {"item_id": "i2"}, item_list_id="RID-3")
    tapped = {**event("select_item", {"item_id": "i4"}, event_id="mine"), "timestamp_micros": MICROS + 1_000_000}
    for _ in range(2):
        answer = shop.post(COLLECT, batch(bought, seen, listed, tapped))
        assert (answer.status_code, answer.content) == (204, b"")
    stored = {each.event_id: each for each in shop.events()}
    assert len(stored) == len(shop.events()) == 5
    told = [(each.event_type, each.item, each.value, each.recommendation_id) for each in shop.events()]
    assert sorted(told, key=str) == sorted(
        [
            ("Purchase", "i1", 19.0, None),
            ("Purchase", "i2", 3.0, "RID-2"),
            ("View", "i3", None, "RID-1"),
            ("Impression", None, None, "RID-3"),
            ("Click", "i4", None, None),
        ],
        key=str,
    )
    assert {(each.user, each.session) for each in shop.events()} == {("u1", "c.1")}
    assert stored["purchase-T1-0"].time == NOW - 60 and stored["mine-0"].time == NOW - 59
    (impression,) = [each.impression for each in shop.events() if each.event_type == "Impression"]
    assert impression == ("i1", "i2")


def test_without_a_time_an_event_is_of_now(shop: IntakeShop) -> None:
    shop.post(COLLECT, {"client_id": "c.1", "events": [event("view_item", {"item_id": "i1"})]})
    shop.post(COLLECT, batch(event("view_item", {"item_id": "i2"}), timestamp_micros=(NOW + 3600) * 1e6))
    assert [(each.user, each.session, each.time) for each in shop.events()] == [(None, "c.1", NOW), ("u1", "c.1", NOW)]


def test_user_properties_are_columns_of_users(shop: IntakeShop) -> None:
    properties = {"tier": {"value": "gold"}, "shoe": {"value": 42}}
    for _ in range(2):
        shop.post(COLLECT, batch(user_properties=properties))
    assert shop.rows("user") == [("u1", {"TIER": "gold"})]
    shop.post(COLLECT, batch(user_id=None, user_properties=properties))
    assert shop.dropped("ga4") == {("unknownTrait", "shoe"): 2, ("noUser", "user_properties"): 1}


def test_what_is_not_stored_is_counted(shop: IntakeShop) -> None:
    views = [event("view_item", {"item_id": f"i{number}"}) for number in range(25)]
    shop.post(COLLECT, batch(*views, views[0]))
    shop.post(COLLECT, batch({"name": "page_view", "params": {}}, event("view_cart"), 7, {"params": {}}))
    assert len(shop.events()) == 25
    assert shop.dropped("ga4") == {
        ("tooMany", "event"): 1,
        ("noItem", "page_view"): 1,
        ("noItem", "view_cart"): 1,
        ("invalid", "event"): 2,
    }


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/mp/collect", batch(event("view_item", {"item_id": "i1"}))),
        ("/mp/collect?api_secret=wrong&measurement_id=G-1", batch(event("view_item", {"item_id": "i1"}))),
        ("/mp/collect?api_secret=secret&measurement_id=G-2", batch(event("view_item", {"item_id": "i1"}))),
        (COLLECT, b"{"),
        (COLLECT, {"client_id": "c"}),
        (COLLECT, b'{"client_id":"' + b"x" * (140 << 10) + b'"}'),
    ],
)
def test_what_is_wrong_is_answered_as_google_does(path: str, body: Any, shop: IntakeShop) -> None:
    answer = shop.post(path, body)
    assert (answer.status_code, answer.content) == (204, b"")
    assert shop.events() == []


def faults(shop: IntakeShop, body: Any, path: str = DEBUG) -> list[tuple[str, str]]:
    answer = shop.post(path, body)
    assert answer.status_code == 200
    return [(each["fieldPath"], each["validationCode"]) for each in answer.json()["validationMessages"]]


def test_the_debug_path_says_what_is_wrong_and_stores_nothing(shop: IntakeShop) -> None:
    assert faults(shop, batch(event("view_item", {"item_id": "i1"}))) == []
    assert shop.events() == []
    assert faults(shop, b"{") == [("", "VALUE_INVALID")]
    assert faults(shop, {}) == [("client_id", "VALUE_REQUIRED"), ("events", "VALUE_REQUIRED")]
    names = [{"name": "ga_x"}, {"name": "2nd"}, {"params": {}}, {"name": "ok", "params": []}, 7]
    assert faults(shop, batch(*names, timestamp_micros="soon")) == [
        ("timestamp_micros", "VALUE_INVALID"),
        ("events[0].name", "NAME_RESERVED"),
        ("events[1].name", "NAME_INVALID"),
        ("events[2].name", "VALUE_REQUIRED"),
        ("events[3].params", "VALUE_INVALID"),
        ("events[4]", "VALUE_INVALID"),
    ]
    assert faults(shop, batch(*[{"name": "x"}] * 26)) == [("events", "EXCEEDED_MAX_ENTITIES")]
    wrong = DEBUG.replace("secret=secret", "secret=wrong")
    assert faults(shop, batch({"name": "x"}), wrong) == [("api_secret", "VALUE_INVALID")]
