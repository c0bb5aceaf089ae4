"""Snowplow's protocol, and Adobe's storefronts in it: to the field, once, and no tracker sends for ever."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.gateway.config.documents import faults_of
from tests.gateway.intake.world import CONFIG, NOW, IntakeShop, intake_shop

SNOWPLOW = "snowplow: {keys: [app, env-1]}"
TP2 = "/com.snowplowanalytics.snowplow/tp2"
UNIT = "5ea2bcde-2c59-4ef0-9d7e-cb70c3d9e6c4"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[IntakeShop]:
    with intake_shop(tmp_path, SNOWPLOW) as shop:
        yield shop


def described(name: str, data: Any) -> dict[str, Any]:
    return {"schema": f"iglu:com.adobe.magento.entity/{name}/jsonschema/1-0-0", "data": data}


def packed(name: str, data: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(described(name, data)).encode()).decode().rstrip("=")


def event(number: int, **more: Any) -> dict[str, Any]:
    usual = {"aid": "app", "eid": f"e{number}", "duid": "d1", "tv": "js-3", "p": "web"}
    return {**usual, "dtm": str(int(NOW * 1000 - 60_000)), "stm": str(int(NOW * 1000 - 55_000)), **more}


def adobe(number: int, action: str, *contexts: dict[str, Any]) -> dict[str, Any]:
    """An event as Adobe's collector sends it."""
    category, _, name = action.partition("/")
    usual = [described("storefront-instance", {"environmentId": "env-1"}), described("shopper", {"shopperId": "u1"})]
    cx = packed("contexts", [*usual, *contexts])
    aid = "magento-storefront-event-collector"
    return event(number, e="se", se_ca=category, se_ac=name, aid=aid, cx=cx)


def payload(*events: Any) -> dict[str, Any]:
    return {"schema": "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4", "data": list(events)}


PRODUCT = described("product", {"sku": "i1", "productId": 7, "pricing": {"regularPrice": 10, "specialPrice": 8.5}})
CART = described(
    "shopping-cart",
    {"items": [{"productSku": "i1", "offerPrice": 8.5, "qty": 2}, {"productSku": "i2", "offerPrice": 3, "qty": 1}]},
)
UNITS = described("recommendation-unit", {"unitId": UNIT, "name": "home"})
ITEMS = [described("recommended-item", {"unitId": UNIT, "sku": sku}) for sku in ("i1", "i2")]


def test_a_visit_to_an_adobe_storefront_is_stored_to_the_field(shop: IntakeShop):
    sent = payload(
        adobe(0, "product/view", PRODUCT),
        adobe(1, "product/add-to-cart", PRODUCT, CART),
        adobe(2, "checkout/place-order", CART),
        adobe(3, "recommendation-unit/impression-render", UNITS, *ITEMS),
        adobe(4, "recommendation-unit/rec-click", UNITS, ITEMS[0]),
        adobe(5, "recommendation-unit/api-request-sent"),
    )
    for path in ("/collector/tp2", TP2):  # sent again
        answer = shop.post(path, json.dumps(sent).encode(), headers={"Content-Type": "text/plain"})
        assert (answer.status_code, answer.text) == (200, "ok")
    stored = [
        (e.user, e.session, e.item, e.event_type, e.value, e.recommendation_id, e.impression) for e in shop.events()
    ]
    who = ("u1", "d1")
    assert stored == [
        (*who, "i1", "View", 8.5, None, ()),
        (*who, "i1", "AddToCart", 8.5, None, ()),
        (*who, "i1", "Purchase", 17.0, None, ()),
        (*who, "i2", "Purchase", 3.0, None, ()),
        (*who, None, "Impression", None, UNIT, ("i1", "i2")),
        (*who, "i1", "Click", None, UNIT, ()),
    ]
    assert {each.time for each in shop.events()} == {NOW - 5}
    assert shop.dropped("snowplow") == {("noItem", "recommendation-unit/api-request-sent"): 2}


def test_structured_and_self_describing_events_and_page_views(shop: IntakeShop):
    ue = {"schema": "iglu:com.shop/play/jsonschema/1-0-0", "data": {"item_id": "i2", "value": 3, "unitId": "rid-1"}}
    sent = payload(
        event(0, e="se", se_ca="video", se_ac="play", se_la="i1", se_va="1.5", ttm=str(int(NOW * 1000 - 9000))),
        event(1, e="ue", ue_pr=json.dumps(described("unstruct_event", ue))),
        event(2, e="ue", ue_px=packed("unstruct_event", {**ue, "data": {"sku": "i3"}})),
        event(3, e="pv", uid="u1"),
        event(4, e="ti", ti_sk="i4", ti_pr="2.5", ti_qu="2", uid="u1"),
    )
    assert shop.post(TP2, sent).status_code == 200
    assert sorted(
        (each.event_id, each.user, each.item, each.event_type, each.value, each.recommendation_id)
        for each in shop.events()
        if each.item
    ) == [
        ("e0", None, "i1", "video/play", 1.5, None),
        ("e1", None, "i2", "play", 3.0, "rid-1"),
        ("e2", None, "i3", "play", None, None),
        ("e4", "u1", "i4", "Purchase", 5.0, None),
    ]
    assert next(each.time for each in shop.events() if each.event_id == "e0") == NOW - 9
    shop.shop.engine.feed.catch_up()
    assert len(shop.shop.history("u1")) == 4  # the page view has said whose the device is


def test_one_event_may_come_in_a_query(shop: IntakeShop):
    sent = event(0, e="se", se_ca="video", se_ac="play", se_la="i1")
    for _ in range(2):
        answer = shop.client.get(f"/i?{urlencode(sent)}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
        assert answer.content.startswith(b"GIF89a")
    assert [(each.session, each.item, each.event_type) for each in shop.events()] == [("d1", "i1", "video/play")]


def test_what_is_no_event_is_dropped_and_counted(shop: IntakeShop):
    sent = payload(
        event(0, e="se", se_ca="a", se_ac="b", se_la="i1", cx="!", ue_px=7),
        7,
        event(1, e="zz"),
        event(2, e="ue", ue_px="AAAA"),
        event(3, e="se", se_ca="a", se_ac="b", se_la="i2", aid="another"),
    )
    assert shop.post(TP2, sent).status_code == 200
    assert [each.item for each in shop.events()] == ["i1"]
    assert shop.dropped("snowplow") == {
        ("invalid", "event"): 2,
        ("noItem", "event"): 1,
        ("otherApplication", "a/b"): 1,
    }


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (payload(), 200),
        (payload(event(0, e="se", aid="nobody")), 401),
        (payload(event(0, e="se", aid=None)), 401),
        (payload(*[event(0)] * 501), 400),
        ({"data": 7}, 400),
        (b"{", 400),
        (payload(event(0, e="se", se_la="x" * 1_100_000)), 413),
    ],
)
def test_what_is_refused(shop: IntakeShop, body: Any, status: int):
    assert shop.post(TP2, body).status_code == status


def test_the_table_may_be_replaced(tmp_path: Path):
    mapping = "mapping: {userId: domain_user, events: {video/play: {type: Watch, itemId: property}}}"
    with intake_shop(tmp_path, f"snowplow: {{keys: [app], {mapping}}}") as shop:
        sent = event(0, e="se", se_ca="video", se_ac="play", se_pr="i9", domain_user="u7")
        assert shop.post(TP2, payload(sent)).status_code == 200
        assert [(each.user, each.item, each.event_type) for each in shop.events()] == [("u7", "i9", "Watch")]
    assert faults_of(CONFIG.replace("INTAKE", "snowplow: {mapping: {itemId: 'a['}}"))
