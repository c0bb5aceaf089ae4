"""mParticle: batches of servers, pages and webhooks are stored to the field, once; identity calls are answered."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.intake.test_segment import DEVICES
from tests.gateway.intake.world import CONFIG, NOW, IntakeShop, intake_shop

KEY = "input-key"
MPARTICLE = f"mparticle: {{keys: [{KEY}], secrets: [s3cret, older], webhookAuthorization: [Token t0]}}"
MS = 1_700_085_600_000  # 800 s before NOW
PRODUCTS = [{"id": "i1", "price": 19, "quantity": 2}, {"id": "i2", "price": "5.5"}, {"id": "i3", "name": "Lace"}]
VIEWED = {"action": "view_detail", "products": [{"id": "i1", "price": 19.0, "quantity": 1}]}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IntakeShop]:
    with intake_shop(tmp_path_factory.mktemp("shop"), MPARTICLE) as shop:
        yield shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[IntakeShop]:
    with intake_shop(tmp_path, MPARTICLE) as shop:
        yield shop


def basic(key: str = KEY, secret: str = "s3cret") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode()}


def event(kind: str, message_id: str | None = None, **data: Any) -> dict[str, Any]:
    usual = {"timestamp_unixtime_ms": MS, "session_uuid": "s1", "source_message_id": message_id}
    return {"event_type": kind, "data": {**usual, **data}}


def batch(*events: Any, **more: Any) -> dict[str, Any]:
    return {"environment": "production", "user_identities": {"customerid": "u1"}, "events": list(events), **more}


def test_a_purchase_of_three_products_is_three_events(shop: IntakeShop):
    action = {"action": "purchase", "transaction_id": "t1", "total_amount": 41, "products": PRODUCTS}
    bought = event("commerce_event", "m1", product_action=action, custom_attributes={"shelf": "top", "colour": "red"})
    answer = shop.post("/v2/events", batch(bought), headers=basic())
    assert (answer.status_code, answer.content) == (202, b"")
    assert [(e.event_type, e.item, e.value, e.event_id, e.properties) for e in shop.events()] == [
        ("Purchase", "i1", 38.0, "m1-0", {"SHELF": "top"}),
        ("Purchase", "i2", 5.5, "m1-1", {"SHELF": "top"}),
        ("Purchase", "i3", None, "m1-2", {"SHELF": "top"}),
    ]
    assert {(e.user, e.session, e.time) for e in shop.events()} == {("u1", "s1", MS / 1000)}
    assert shop.dropped("mparticle") == {("unknownProperty", "colour"): 3, ("unknownProperty", "name"): 1}


def test_actions_impressions_and_custom_events(shop: IntakeShop):
    impressions = [{"product_impression_list": "rid-1", "products": PRODUCTS}]
    sent = batch(
        event("commerce_event", "m1", product_action=VIEWED),
        event("commerce_event", "m2", product_action={"action": "add_to_cart", "products": PRODUCTS[:1]}),
        event("commerce_event", "m3", product_impressions=impressions, custom_attributes={"shelf": "top"}),
        event("custom_event", "m4", event_name="Song Played", custom_attributes={"itemId": "i4", "value": 3}),
        event("screen_view", "m5", screen_name="shelf", custom_attributes={"product_id": "i5"}),
        event("custom_event", "m6", event_name="Page Left", custom_attributes=None),
        event("commerce_event", "m7", promotion_action={"action": "view"}),
        event("session_start", "m8"),
        event("commerce_event", "m9", product_action={"action": "checkout_option", "products": PRODUCTS}),
    )
    assert shop.post("/v2/bulkevents", [sent], headers=basic(secret="older")).status_code == 202
    assert [(e.event_type, e.item, e.value, e.event_id) for e in shop.events()] == [
        ("View", "i1", 19.0, "m1-0"),
        ("AddToCart", "i1", 38.0, "m2-0"),
        ("Impression", None, None, "m3-0"),
        ("Song Played", "i4", 3.0, "m4"),
        ("screen_view", "i5", None, "m5"),
    ]
    shown = shop.events()[2]
    assert (shown.impression, shown.recommendation_id, shown.properties) == (
        ("i1", "i2", "i3"),
        "rid-1",
        {"SHELF": "top"},
    )
    assert shop.dropped("mparticle") == {
        ("noItem", "Page Left"): 1,
        ("unmapped", "promotion_action"): 1,
        ("unmapped", "session_start"): 1,
        ("configured", "checkout_option"): 1,
    }


def test_what_is_sent_again_is_stored_once_by_whichever_server(tmp_path: Path):
    """Events without an id are known by that of their batch."""
    sent = batch(
        event("commerce_event", product_action={"action": "purchase", "products": PRODUCTS[:2]}),
        event("custom_event", event_name="Watch", custom_attributes={"itemId": "i1"}),
        source_request_id="r1",
        user_attributes={"tier": "gold"},
    )
    for _ in range(2):
        with intake_shop(tmp_path, MPARTICLE) as shop:
            for _ in range(2):
                assert shop.post("/v2/events", sent, headers=basic()).status_code == 202
            events, rows = shop.events(), shop.rows("user")
    assert [e.event_id for e in events] == ["r1-0-0", "r1-0-1", "r1-1"]
    assert rows == [("u1", {"TIER": "gold"})]


def test_deleted_attributes_and_users_without_a_customer_id(shop: IntakeShop):
    attributes = {"tier": "gold", "colour": "red"}
    for number, more in enumerate(
        (
            {"user_attributes": attributes},
            {"deleted_user_attributes": ["tier"]},
            {"user_attributes": attributes, "user_identities": {}, "mpid": 600868121729048600},
            {"user_attributes": attributes, "user_identities": None},
        )
    ):
        sent = batch(**{"source_request_id": f"r{number}", **more})
        assert shop.post("/v2/events", sent, headers=basic()).status_code == 202
    assert shop.rows("user") == [
        ("u1", {"TIER": "gold"}),
        ("u1", {"TIER": None}),
        ("600868121729048600", {"TIER": "gold"}),
    ]
    assert shop.dropped("mparticle") == {("unknownTrait", "colour"): 2, ("noUser", "user_attributes"): 1}


@pytest.mark.parametrize(
    ("stamp", "ago"), [(MS, 800), (str(MS), 800), (9_999_999_999_999, 0), (-5, NOW), (None, 0), ("soon", 0)]
)
def test_the_time_is_the_senders_but_for_the_future(shared: IntakeShop, stamp: Any, ago: float):
    viewed = event("commerce_event", f"at-{stamp}", product_action=VIEWED, timestamp_unixtime_ms=stamp)
    assert shared.post("/v2/events", batch(viewed), headers=basic()).status_code == 202
    (stored,) = [each for each in shared.events() if each.event_id == f"at-{stamp}-0"]
    assert stored.time == NOW - ago


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/v2/events", [], "the body is a JSON object"),
        ("/v2/events", b"{", "the body is not JSON"),
        ("/v2/events", {"events": 7}, "'events' is a list"),
        ("/v2/events", batch({"data": {}}), 'Required event field "event_type" is missing or empty.'),
        ("/v2/events", batch(7), 'Required event field "event_type" is missing or empty.'),
        ("/v2/events", batch({"event_type": "custom_event"}), 'Required event field "data" is missing or empty.'),
        ("/v2/bulkevents", {}, "the body is a list of batches"),
        ("/v2/bulkevents", [7], "a batch is a JSON object"),
        ("/v2/bulkevents", [{}] * 101, "a request has at most 100 batches, not 101"),
    ],
)
def test_what_is_refused_is_refused_as_a_whole(shop: IntakeShop, path: str, body: Any, message: str):
    answer = shop.post(path, body, headers=basic())
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["code"] == "BAD_REQUEST" and error["message"].startswith(message)
    good = event("commerce_event", "m1", product_action=VIEWED)
    assert shop.post("/v2/bulkevents", [batch(good), batch(7)], headers=basic()).status_code == 400
    assert shop.events() == []


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/v2/events", {}, 401),
        ("/v2/events", basic("nobody"), 401),
        ("/v2/events", basic(secret="wrong"), 401),
        ("/v3/JS/nobody/events", {}, 401),
        (f"/v3/JS/{KEY}/events", {}, 202),
        (f"/webevents/v3/JS/{KEY}/events", {}, 202),
        ("/mparticle/webhook/shop", {"Authorization": "Token t0"}, 202),
        ("/mparticle/webhook/shop", {"Authorization": "Token t1"}, 401),
        ("/mparticle/webhook/shop", basic(), 401),
        ("/mparticle/webhook/other", {"Authorization": "Token t0"}, 401),
        ("/identity/v1/identify", {"x-mp-key": "nobody"}, 401),
        ("/identity/v1/identify", {"x-mp-key": KEY}, 200),
    ],
)
def test_who_may_send(shared: IntakeShop, path: str, headers: dict[str, str], status: int):
    assert shared.post(path, batch(), headers=headers).status_code == status


def test_batches_that_are_too_large(shop: IntakeShop):
    large = batch(event("custom_event", event_name="x" * 300_000, custom_attributes={"itemId": "i1"}))
    assert shop.post("/v2/events", large, headers=basic()).status_code == 413
    viewed = batch(event("commerce_event", "m1", product_action=VIEWED))
    assert shop.post("/v2/bulkevents", [large, viewed], headers=basic()).status_code == 202
    assert [each.item for each in shop.events()] == ["i1"]
    assert shop.dropped("mparticle") == {("tooLarge", "batch"): 1}


def test_a_webhook_brings_one_batch_or_several(shop: IntakeShop):
    headers = {"Authorization": "Token t0"}
    first, second = (batch(event("commerce_event", f"m{n}", product_action=VIEWED), mpid="7") for n in range(2))
    for body in (first, [first, second]):
        assert shop.post("/mparticle/webhook/shop", body, headers=headers).status_code == 202
    assert [each.event_id for each in shop.events()] == ["m0-0", "m1-0"]


# ---- pages


def identity(shop: IntakeShop, call: str, **identities: str) -> Any:
    body = {"known_identities": {"device_application_stamp": "d1", **identities}}
    return shop.post(f"/identity/v1/{call}", body, headers={"x-mp-key": KEY}).json()


def test_identity_calls_find_one_user_by_customer_or_device(shared: IntakeShop):
    anonymous, customer = identity(shared, "identify"), identity(shared, "login", customerid="u1")
    assert anonymous == {**anonymous, "matched_identities": {}, "is_logged_in": False, "is_ephemeral": False}
    assert customer == {**customer, "matched_identities": {"customer_id": "u1"}, "is_logged_in": True}
    assert anonymous["mpid"] != customer["mpid"]
    assert 0 < int(anonymous["mpid"]) < 1 << 63
    assert identity(shared, "logout") == anonymous
    assert identity(shared, "identify", customer_id="u1", email="a@b.example") == customer
    changes = {"identity_changes": [{"identity_type": "email", "new_value": "a@b.example"}]}
    headers = {"x-mp-key": KEY}
    modified = shared.post(f"/identity/v1/{customer['mpid']}/modify", changes, headers=headers).json()
    assert modified == {"change_results": [{"identity_type": "email", "modified_mpid": customer["mpid"]}]}
    broken = shared.post("/identity/v1/identify", b"[]", headers=headers)
    assert (broken.status_code, broken.json()["Errors"][0]["code"]) == (400, "BAD_REQUEST")


def test_a_visitor_becomes_a_customer_within_the_session(shop: IntakeShop):
    """Whom nobody has identified is a session; its events are the customer's from the login on."""
    device = {"mp_deviceid": "d1", "mpid": identity(shop, "identify")["mpid"], "user_identities": {}}
    customer = {**device, "mpid": identity(shop, "login", customerid="u1")["mpid"]}
    viewed = event("commerce_event", "m1", product_action=VIEWED)
    known = {**customer, "user_identities": {"customer_id": "u1"}, "user_attributes": {"tier": "gold"}}
    batches = (
        batch(viewed, **device, source_request_id="r1", user_attributes={"tier": "silver"}),
        batch(event("user_identity_change", "m2"), **known, source_request_id="r2"),
        batch(event("custom_event", "m3", event_name="x", custom_attributes={"itemId": "i2"}), **known),
    )
    for sent in batches:
        body = json.dumps(sent).encode()
        answer = shop.post(f"/v3/JS/{KEY}/events", body, headers={"Content-Type": "text/plain;charset=UTF-8"})
        assert answer.status_code == 202
    assert [(e.session, e.user, e.item) for e in shop.events()] == [
        ("s1", None, "i1"),
        ("s1", "u1", None),
        ("s1", "u1", "i2"),
    ]
    assert shop.rows("user") == [("u1", {"TIER": "gold"})]  # once a change, and not with each event
    shop.shop.engine.feed.catch_up()
    assert shop.shop.history("u1") == ["i1", "i2"]


def test_a_page_gets_its_configuration(shared: IntakeShop):
    for start in ("", "/tags"):
        answer = shared.client.get(f"{start}/JS/v2/{KEY}/config?env=0").json()
        assert (answer["appName"], answer["flags"]["eventsV3"], answer["kitConfigs"]) == ("shop", "100", [])
    assert shared.client.get("/JS/v2/nobody/config").status_code == 401
    assert shared.post(f"/webevents/v1/identity/{KEY}/Alias", {}).status_code == 202


# ---- configuration


def test_the_user_may_be_an_attribute_and_any_event_be_mapped(tmp_path: Path):
    mapping = """mapping: {userId: user_attributes.amazonPersonalizeId, others: drop,
        events: {Song Played: {type: Watch, itemId: title}, view_detail: {value: "`1`"}}}"""
    with intake_shop(tmp_path, f"mparticle: {{keys: [{KEY}], {mapping}}}") as shop:
        sent = batch(
            event("custom_event", "m1", event_name="Song Played", custom_attributes={"title": "i1"}),
            event("custom_event", "m2", event_name="Other", custom_attributes={"itemId": "i2"}),
            event("commerce_event", "m3", product_action=VIEWED),
            user_attributes={"amazonPersonalizeId": 77},
        )
        assert shop.post("/v2/events", sent, headers=basic(secret="")).status_code == 202  # no secret is configured
        assert [(e.user, e.event_type, e.item, e.value) for e in shop.events()] == [
            ("77", "Watch", "i1", None),
            ("77", "View", "i1", 1.0),
        ]


def test_automatic_context_is_of_the_batchs_device(tmp_path: Path):
    with intake_shop(tmp_path, MPARTICLE, DEVICES) as shop:
        for number, info in enumerate(({"http_header_user_agent": "Mozilla/5.0 (phone)"}, None)):
            sent = batch(event("commerce_event", f"m{number}", product_action=VIEWED), device_info=info)
            headers = {"User-Agent": "mParticle Python client/0.16.0", **basic()}
            assert shop.post("/v2/events", sent, headers=headers).status_code == 202
        assert [each.properties for each in shop.events()] == [{"DEVICE": "Mozilla/5.0 (phone)"}, {}]


def test_who_asks_too_often_is_told_when_to_come_again(tmp_path: Path):
    with intake_shop(tmp_path, MPARTICLE, CONFIG + "rateLimits: {perKey: 1/minute}\n") as shop:
        answers = [shop.post("/v2/events", batch(), headers=basic()) for _ in range(2)]
        assert [each.status_code for each in answers] == [202, 429]
        assert 1 <= int(answers[1].headers["Retry-After"]) <= 60
        assert answers[1].json()["errors"][0]["code"] == "TooManyRequests"
