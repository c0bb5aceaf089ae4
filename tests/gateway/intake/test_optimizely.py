"""Optimizely's events become exposures, conversions and events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.intake.world import NOW, IntakeShop, intake_shop

CONFIG = """
namespaces:
  shop:
    recommenders:
      recommend-items:
        home:
          flag: hero
          experiments:
            look: {flag: new-look, method: builtin, bucketing: optimizely, metrics: {clicks: {}, sales: {valueKey: ""}}}
          variations: {a: {type: engine, model: home, weight: 1}, b: {type: engine, model: home, weight: 1}}
        visit:
          experiments: {look: {flag: visit, unit: session, method: builtin, metrics: {clicks: {}}}}
          variations: {a: {type: engine, model: home, weight: 1}, b: {type: engine, model: home, weight: 1}}
    eventTargets: [{type: personalize-event-tracker, trackingId: TRACKING}]
    intake: {INTAKE}
"""
KEYS = "optimizely: {keys: [sdk, '12001'], mapping: {events: {buy: Purchase, noise: {operation: drop}}}}"
EVENTS = "/v1/events"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[IntakeShop]:
    with intake_shop(tmp_path, KEYS, CONFIG) as shop:
        yield shop


def decision(flag: str, variation: str, rule: str | None = None, kind: str = "feature-test") -> dict[str, Any]:
    about = {"flag_key": flag, "rule_key": rule or flag, "rule_type": kind, "variation_key": variation, "enabled": True}
    return {"campaign_id": "1", "experiment_id": "2", "variation_id": "3", "metadata": about}


def event(key: str, place: int = 0, **more: Any) -> dict[str, Any]:
    return {"entity_id": "9", "key": key, "uuid": f"e{place}", "timestamp": int((NOW - 60) * 1000), **more}


def batch(
    *snapshots: dict[str, Any],
    visitor: str = "u1",
    account: str = "sdk",
    attributes: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    person = {"visitor_id": visitor, "attributes": attributes or [], "snapshots": list(snapshots)}
    return {"account_id": account, "project_id": "shop", "client_name": "python-sdk", "visitors": [person]}


def units(shop: IntakeShop, recommender: str = "home") -> tuple[dict[str, int], dict[tuple[str, str], float]]:
    """The exposed units by variation, and the mean by metric and variation."""
    verdict = shop.client.get(f"/experiments/shop/{recommender}/look").json()
    rows = {(row["metric"], row["arm"]): row["mean"] for row in verdict["rows"]}
    return verdict["units"], rows


def test_decisions_and_conversions_end_in_the_verdict_once(shop: IntakeShop) -> None:
    activated = event("campaign_activated", 7)
    shown = {"decisions": [decision("hero", "b", "new-look")], "events": [activated]}
    bought = {"decisions": [], "events": [event("sales", 1, revenue=4200), event("clicks", 2), event("clicks", 3)]}
    for _ in range(2):
        answer = shop.post(EVENTS, batch(shown, bought))
        assert (answer.status_code, answer.content) == (204, b"")
    exposed, rows = units(shop)
    assert exposed == {"a": 0, "b": 1}
    assert rows["sales", "b"] == 42.0
    assert rows["clicks", "b"] == pytest.approx(2)
    assert shop.events() == [] and shop.dropped("optimizely") == {}


def test_an_event_about_an_item_is_stored(shop: IntakeShop) -> None:
    tags = {"sku": "i1", "price": 4.5, "quantity": 2, "recommendationId": "RID-1"}
    session = [{"key": "sessionId", "value": "s1", "type": "custom", "entity_id": "5"}]
    sent = batch(
        {"events": [event("buy", 1, tags=tags), event("view", 2, tags={"itemId": 7}, value=3)]}, attributes=session
    )
    for _ in range(2):
        assert shop.post(EVENTS, sent).status_code == 204
    first, second = shop.events()
    assert (first.event_type, first.item, first.value, first.user, first.session) == ("Purchase", "i1", 9.0, "u1", "s1")
    assert (first.event_id, first.time, first.recommendation_id) == ("e1", NOW - 60, "RID-1")
    assert (second.event_type, second.item, second.value) == ("view", "7", 3.0)


def test_sessions_are_units_too(shop: IntakeShop) -> None:
    shown = {"decisions": [decision("visit", "a")], "events": [event("campaign_activated")]}
    shop.post(EVENTS, batch(shown, visitor="s9"))
    shop.post(EVENTS, batch({"events": [event("clicks", 4)]}, visitor="s9"))
    exposed, rows = units(shop, "visit")
    assert exposed == {"a": 1, "b": 0} and rows["clicks", "a"] == pytest.approx(1)


def test_what_is_not_stored_is_counted(shop: IntakeShop) -> None:
    decisions = [
        decision("hero", "a", "hero/everyone", "rollout"),
        decision("nobody", "a"),
        decision("new-look", "z"),
        {"campaign_id": "1"},
    ]
    events = [event("opened", 1), event("noise", 2, tags={"sku": "i1"}), {"uuid": "e3"}]
    shop.post(EVENTS, batch({"decisions": decisions, "events": events}, 7))  # type: ignore[arg-type]
    shop.post(EVENTS, {"account_id": "12001", "visitors": [{"snapshots": []}, {"visitor_id": "u1"}, 5]})
    assert shop.dropped("optimizely") == {
        ("rollout", "hero"): 1,
        ("unknownFlag", "nobody=a"): 1,
        ("unknownFlag", "new-look=z"): 1,
        ("invalid", "decision"): 1,
        ("noItem", "opened"): 1,
        ("configured", "noise"): 1,
        ("invalid", "event"): 1,
        ("invalid", "snapshot"): 1,
        ("noUser", "visitor"): 2,
        ("invalid", "visitor"): 1,
    }


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (batch(account="nobody"), 401, "InvalidKey"),
        ({"visitors": []}, 401, "MissingKey"),
        ({"account_id": "sdk"}, 400, "InvalidBatch"),
        (b"{", 400, "InvalidJSON"),
        (b'{"account_id":"' + b"x" * (5 << 20) + b'"}', 413, "RequestTooLarge"),
    ],
)
def test_refusals(body: Any, status: int, code: str, shop: IntakeShop) -> None:
    answer = shop.post(EVENTS, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_the_key_may_stand_in_the_query(shop: IntakeShop) -> None:
    assert shop.post(f"{EVENTS}?sdkKey=sdk", batch(account="of Optimizely")).status_code == 204
