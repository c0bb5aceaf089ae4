"""Segment and RudderStack: what their clients send is stored to the field, once, whoever sends it and however often."""

from __future__ import annotations

import gzip
import hmac
import json
from collections.abc import Iterator
from hashlib import sha1, sha256
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.config.documents import faults_of
from tests.gateway.intake.world import CONFIG, NOW, IntakeShop, intake_shop
from tests.gateway.targets.world import until
from tests.gateway.upstreams.origin import small_origin

KEY = "write-key-1"
SEGMENT = f"segment: {{keys: [{KEY}, write-key-2], signingSecrets: [s3cret], groupColumn: TIER}}"
AT = "2023-11-15T22:00:00.000Z"  # 800 s before NOW


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IntakeShop]:
    with intake_shop(tmp_path_factory.mktemp("shop"), SEGMENT) as shop:
        yield shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[IntakeShop]:
    with intake_shop(tmp_path, SEGMENT) as shop:
        yield shop


def track(event: str, properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    usual = {"type": "track", "userId": "u1", "anonymousId": "a1", "messageId": f"m-{event}", "timestamp": AT}
    return {**usual, "event": event, "properties": properties, **more}


def batch(*messages: Any, **more: Any) -> dict[str, Any]:
    return {"batch": list(messages), "writeKey": KEY, **more}


def test_a_batch_is_stored_to_the_field(shop: IntakeShop):
    products = [{"product_id": "i1", "price": 19, "quantity": 2}, {"sku": "i2", "price": "5.5"}]
    sent = batch(
        track("Product Viewed", {"product_id": "i1", "shelf": "top", "colour": "red"}),
        track("Order Completed", {"order_id": "o1", "products": products}),
        track("Product Reviewed", {"product_id": 17, "rating": 4}),
        track("Product List Viewed", {"list_id": "rid-1", "products": products}),
    )
    answer = shop.post("/v1/batch", sent)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    stored = [(e.user, e.session, e.item, e.event_type, e.value, e.event_id, e.properties) for e in shop.events()]
    assert stored == [
        ("u1", "a1", "i1", "View", None, "m-Product Viewed", {"SHELF": "top"}),
        ("u1", "a1", "i1", "Purchase", 38.0, "m-Order Completed-0", {}),
        ("u1", "a1", "i2", "Purchase", 5.5, "m-Order Completed-1", {}),
        ("u1", "a1", "17", "Rate", 4.0, "m-Product Reviewed", {}),
        ("u1", "a1", None, "Impression", None, "m-Product List Viewed", {}),
    ]
    listed = shop.events()[-1]
    assert (listed.impression, listed.recommendation_id, listed.time) == (("i1", "i2"), "rid-1", 1_700_085_600.0)
    assert shop.dropped()["unknownProperty", "colour"] == 1


def test_what_is_sent_again_is_stored_once_by_whichever_server(tmp_path: Path):
    sent = batch(
        track("Order Completed", {"products": [{"product_id": "i1"}, {"product_id": "i2"}]}),
        {"type": "identify", "userId": "u1", "anonymousId": "a1", "messageId": "m1", "traits": {"tier": "gold"}},
    )
    for _ in range(2):  # a restart between them
        with intake_shop(tmp_path, SEGMENT) as shop:
            assert shop.post("/v1/batch", sent).status_code == 200
            assert shop.post("/v1/batch", sent).status_code == 200
            events, rows = shop.events(), shop.rows("user")
    assert [(each.item, each.event_id) for each in events] == [
        ("i1", "m-Order Completed-0"),
        ("i2", "m-Order Completed-1"),
        (None, "m1"),
    ]
    assert rows == [("u1", {"TIER": "gold"})]


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        ("/v1/track", {"writeKey": KEY}, {}),
        ("/v1/t", {}, {"Authorization": "Basic d3JpdGUta2V5LTE6"}),
        ("/v1/track?writeKey=write-key-1", {}, {"Content-Type": "text/plain"}),
        ("/v1/t", {"writeKey": "write-key-2"}, {"Authorization": "Bearer token"}),
    ],
)
def test_a_key_may_stand_wherever_clients_put_it(shop: IntakeShop, path: str, body: Any, headers: dict[str, str]):
    message = {**track("Product Clicked", {"productId": "i1"}), **body}
    del message["type"]
    assert shop.post(path, json.dumps(message).encode(), headers=headers).status_code == 200
    assert [(each.event_type, each.item) for each in shop.events()] == [("Click", "i1")]


def test_what_says_that_it_is_a_form_and_is_compressed_json_is_read(shop: IntakeShop):
    body = gzip.compress(json.dumps(batch(track("Product Added", {"product_id": "i1"}))).encode())
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/x-www-form-urlencoded"}
    assert shop.post("/v1/batch", body, headers=headers).status_code == 200
    assert [each.event_type for each in shop.events()] == ["AddToCart"]


def test_identify_alias_and_group(shop: IntakeShop):
    sent = batch(
        track("Product Viewed", {"product_id": "i1"}, userId=None, messageId="m0"),
        {"type": "identify", "userId": "u1", "anonymousId": "a1", "messageId": "m1", "traits": {"age": 31}},
        {"type": "identify", "userId": "u2", "messageId": "m2", "context": {"traits": {"Tier": "silver"}}},
        {"type": "alias", "userId": "u2", "previousId": "old", "messageId": "m3"},
        {"type": "group", "userId": "u3", "groupId": "team", "messageId": "m4"},
        {"type": "identify", "anonymousId": "a9", "traits": {"tier": "x"}},
    )
    assert shop.post("/v1/batch", sent).status_code == 200
    assert shop.rows("user") == [("u1", {}), ("u2", {"TIER": "silver"}), ("u3", {"TIER": "team"})]
    links = [(each.session, each.user, each.item) for each in shop.events()]
    assert sorted(links, key=str) == [("a1", "u1", None), ("a1", None, "i1"), ("old", "u2", None)]
    shop.shop.engine.feed.catch_up()
    assert shop.shop.history("u1") == ["i1"]
    assert shop.dropped() == {("unknownTrait", "age"): 1, ("noUser", "identify"): 1}


def test_traits_that_a_later_call_omits_stay(tmp_path: Path):
    users = [
        {"name": "USER_ID", "type": "string"},
        {"name": "TIER", "type": ["null", "string"], "categorical": True},
        {"name": "AGE", "type": ["null", "int"]},
    ]
    with intake_shop(tmp_path, SEGMENT, users=users) as shop:
        for traits in ({"tier": "gold", "age": "31"}, {"age": 32}, {"age": "many"}):
            message = {"userId": "u1", "traits": traits, "writeKey": KEY, "messageId": json.dumps(traits)}
            assert shop.post("/v1/identify", message).status_code == 200
        assert [values for _, values in shop.rows("user")] == [
            {"TIER": "gold", "AGE": 31},
            {"TIER": "gold", "AGE": 32},
            {"TIER": "gold", "AGE": 32},
        ]
        assert shop.dropped() == {("unfitTrait", "age"): 1}


@pytest.mark.parametrize(
    ("times", "ago"),
    [
        ({}, 0),
        ({"timestamp": AT}, 800),
        ({"timestamp": "2023-11-15T21:00:00Z", "sentAt": "2023-11-15T21:00:05Z"}, 5),  # a clock an hour late
        ({"originalTimestamp": "2030-01-01T00:00:00Z", "sentAt": "2030-01-01T00:01:00Z"}, 60),
        ({"timestamp": "2030-01-01T00:00:00Z"}, 0),  # the future is now
        ({"timestamp": AT, "receivedAt": "2023-11-15T21:00:00Z", "sentAt": "2029-01-01T00:00:00Z"}, 800),
        ({"timestamp": "yesterday"}, 0),
    ],
)
def test_a_wrong_clock_is_corrected(shared: IntakeShop, times: dict[str, str], ago: int):
    message = {**track("Product Viewed", {"product_id": "i1"}), "messageId": str(times), "timestamp": None, **times}
    assert shared.post("/v1/track", {**message, "writeKey": KEY}).status_code == 200
    (event,) = [each for each in shared.events() if each.event_id == str(times)]
    assert event.time == NOW - ago


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "InvalidJSON"),
        (b"[]", 400, "ValidationError"),
        (b'{"writeKey":"write-key-1"}', 400, "InvalidBatch"),
        (json.dumps(batch(*[{}] * 2501)).encode(), 400, "BatchTooLarge"),
        (json.dumps(batch({"type": "track", "event": "x" * 600_000})).encode(), 400, "RequestTooLarge"),
        (b'{"batch":[]}', 401, "MissingKey"),
        (b'{"batch":[],"writeKey":"nobody"}', 401, "InvalidKey"),
    ],
)
def test_what_is_refused_has_a_code_and_a_message(shared: IntakeShop, body: bytes, status: int, code: str):
    answer = shared.post("/v1/batch", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert set(answer.json()) == {"code", "message"}


def test_messages_that_are_none_are_dropped_and_counted(shop: IntakeShop):
    sent = batch(
        7,
        {"type": "dance"},
        track("Song Played", {"name": "Fallin for You"}),
        track("Product Viewed", {"product_id": "i1"}, userId=None, anonymousId=None),
        track("Product Viewed", {"product_id": "i1", "text": "x" * 40_000}),
        track("Product Viewed", {"product_id": "i1", "shelf": "y" * 1001}),
        track("Product Viewed", {"product_id": "i1"}, messageId="m9"),
    )
    assert shop.post("/v1/batch", sent).status_code == 200
    assert [(each.item, each.properties) for each in shop.events()] == [("i1", {}), ("i1", {})]
    assert shop.dropped() == {
        ("invalid", "message"): 1,
        ("invalid", "dance"): 1,
        ("noItem", "Song Played"): 1,
        ("noUser", "Product Viewed"): 1,
        ("tooLarge", "Product Viewed"): 1,
        ("unfitProperty", "shelf"): 1,
    }


@pytest.mark.parametrize("number", [0, 1])
def test_of_a_signed_batch_no_more_than_its_first_message_is_trusted(shop: IntakeShop, number: int):
    messages = [track("Product Viewed", {"product_id": f"i{place}"}, messageId=f"m{place}") for place in range(2)]
    texts = [json.dumps(each, separators=(",", ":")).encode() for each in messages]
    body = b"[%b,%b]" % (texts[0], texts[1])
    signature = hmac.new(b"s3cret", texts[number], sha1).hexdigest()
    answer = shop.post("/segment/webhook/shop", body, headers={"X-Signature": signature})
    assert answer.status_code == (200 if number == 0 else 401)
    assert [each.item for each in shop.events()] == (["i0"] if number == 0 else [])
    if number == 0:
        assert shop.dropped() == {("unsigned", "Product Viewed"): 1}


@pytest.mark.parametrize(
    ("path", "signature", "status"),
    [
        ("/segment/webhook/shop", hmac.new(b"s3cret", b"{}", sha1).hexdigest(), 200),
        ("/segment/webhook/shop", "", 401),
        ("/segment/webhook/shop", "schön", 401),
        ("/segment/webhook/other", hmac.new(b"s3cret", b"{}", sha1).hexdigest(), 401),
        ("/segment/webhook/nowhere", hmac.new(b"", b"{}", sha1).hexdigest(), 401),
    ],
)
def test_a_webhook_is_signed(shared: IntakeShop, path: str, signature: str, status: int):
    headers = {b"X-Signature": signature.encode()}
    assert shared.client.put(path, content=b"{}", headers=headers).status_code == status


def test_rudderstacks_browser_client_finds_its_source(shared: IntakeShop):
    answer = shared.client.get(f"/sourceConfig/?p=npm&writeKey={KEY}").json()
    assert (answer["source"]["writeKey"], answer["source"]["enabled"]) == (KEY, True)
    assert shared.client.get("/sourceConfig/?writeKey=nobody").status_code == 401
    assert shared.post("/v1/m", {"series": []}).json() == {"success": True}


def test_who_has_no_partner_has_no_such_route(tmp_path: Path):
    with intake_shop(tmp_path, "") as shop:
        assert shop.post("/v1/batch", batch()).status_code == 404


def test_who_asks_too_often_is_told_when_to_come_again(tmp_path: Path):
    with intake_shop(tmp_path, SEGMENT, CONFIG + "rateLimits: {perKey: 1/minute}\n") as shop:
        answers = [shop.post("/v1/batch", batch()) for _ in range(2)]
        assert [each.status_code for each in answers] == [200, 429]
        assert 1 <= int(answers[1].headers["Retry-After"]) <= 60
        assert answers[1].json()["code"] == "TooManyRequests"


def test_the_configuration_overrides_any_part_of_the_table(tmp_path: Path):
    mapping = """mapping: {others: drop, sessionId: context.visit, events: {
        Song Played: {type: Watch, itemId: "title"}, Product Viewed: Look, Order Completed: {value: quantity},
        Product Clicked: {operation: drop},
        Stock Changed: {operation: putItems, itemId: sku, properties: "{price: cost, year: made}"}}}"""
    with intake_shop(tmp_path, f"segment: {{keys: [{KEY}], {mapping}}}") as shop:
        context = {"context": {"visit": 7}}
        sent = batch(
            track("Song Played", {"title": "i1", "name": "x"}, **context),
            track("Product Viewed", {"sku": "i2"}, **context),
            track("Order Completed", {"products": [{"sku": "i3", "price": 9, "quantity": 3}]}, **context),
            track("Product Clicked", {"sku": "i4"}),
            track("Other", {"sku": "i5"}),
            track("Stock Changed", {"sku": "i6", "cost": "2.5", "made": 1999}),
        )
        assert shop.post("/v1/batch", sent).status_code == 200
        assert [(e.session, e.event_type, e.item, e.value) for e in shop.events()] == [
            ("7", "Watch", "i1", None),
            ("7", "Look", "i2", None),
            ("7", "Purchase", "i3", 3.0),
        ]
        assert shop.rows("item") == [("i6", {"PRICE": 2.5, "YEAR": 1999})]
        assert shop.dropped() == {
            ("configured", "Product Clicked"): 1,
            ("unmapped", "Other"): 1,
            ("unknownProperty", "name"): 1,
            ("unknownProperty", "price"): 1,
        }


def test_a_publishable_key_is_a_write_key_too(tmp_path: Path):
    published = "auth: {type: api_key, keys: [{name: page, sha256: DIGEST, namespaces: [shop], publishable: true}]}\n"
    config = CONFIG + published.replace("DIGEST", sha256(b"page-key").hexdigest())
    with intake_shop(tmp_path, SEGMENT, config) as shop:
        for key, status in (("page-key", 200), (KEY, 200), ("other", 401)):
            assert shop.post(f"/v1/b?writeKey={key}", {"batch": []}).status_code == status


def test_operators_see_what_is_stored_and_what_is_not(tmp_path: Path):
    admin = f"admin: {{keys: [{{name: ops, sha256: {sha256(b'op').hexdigest()}}}]}}\n"
    names = [f"Song {number} Played" for number in range(102)]
    played = [track(name, {}) for name in (*names, "Song 1 Played")]
    with intake_shop(tmp_path, SEGMENT, CONFIG + admin) as shop:
        assert shop.post("/v1/batch", batch(track("Product Viewed", {"sku": "i1"}), *played)).status_code == 200
        headers = {"X-Api-Key": "op"}
        (view,) = shop.client.get("/admin/partners", headers=headers).json()["partners"]
        shown = shop.client.get("/admin/configuration", headers=headers).text
    assert KEY not in shown and "s3cret" not in shown and '"name":"ops"' in shown
    assert (view["namespace"], view["partner"], view["keys"], view["stored"]) == ("shop", "segment", 2, {"event": 1})
    assert "/v1/batch" in view["paths"]
    assert view["dropped"][:2] == [
        {"name": "(others)", "reason": "noItem", "count": 2},
        {"name": "Song 1 Played", "reason": "noItem", "count": 2},
    ]
    assert len(view["dropped"]) == 101


EXPERIMENT = """
namespaces:
  shop:
    autoContext:
      device: {type: string, rules: [{type: header-value, header: x-device}]}
    recommenders:
      recommend-items:
        home:
          variations: {a: {type: engine, model: home}, b: {type: engine, model: home}}
          experiments: {row: {method: builtin, metrics: {sales: {eventType: Purchase, valueKey: eventValue}}}}
    eventTargets:
      - {type: personalize-event-tracker, trackingId: TRACKING}
      - {type: http, url: "URL"}
    intake: {INTAKE}
"""


def test_events_enter_as_those_of_the_events_route(tmp_path: Path):
    """With automatic context, an experiment's outcomes, and targets beside the engine."""
    with small_origin() as origin, intake_shop(tmp_path, SEGMENT, EXPERIMENT.replace("URL", origin.url)) as shop:
        sent = batch(track("Order Completed", {"products": [{"sku": "i1", "price": 4, "quantity": 2}]}))
        for _ in range(2):
            assert shop.post("/v1/batch", sent, headers={"X-Device": "phone"}).status_code == 200
        assert [each.properties for each in shop.events()] == [{"DEVICE": "phone"}]
        assert len(shop.shop.engine.experiments.outcomes("shop")) == 1
        record = until(lambda: origin.asked and origin.asked[0].json)
        event = {"eventType": "Purchase", "sentAt": 1_700_085_600, "eventId": "m-Order Completed-0"}
        events = [{**event, "itemId": "i1", "eventValue": 8.0}]
        assert record["body"] == {"sessionId": "a1", "userId": "u1", "eventList": events}


AGENT = "    autoContext: {device: {type: string, rules: [{type: header-value, header: user-agent}]}}\n"
DEVICES = CONFIG.replace("  shop:\n", f"  shop:\n{AGENT}", 1)


@pytest.mark.parametrize(
    ("context", "agent", "stored"),
    [
        ({"userAgent": "Mozilla/5.0 (phone)"}, "analytics-python/2.4.0", {"DEVICE": "Mozilla/5.0 (phone)"}),
        ({}, "analytics-python/2.4.0", {}),  # a server is nobody's device
        ({}, "Mozilla/5.0 (desktop)", {"DEVICE": "Mozilla/5.0 (desktop)"}),
    ],
)
def test_automatic_context_is_of_the_device_that_a_message_is_of(
    tmp_path: Path, context: dict[str, str], agent: str, stored: dict[str, str]
):
    with intake_shop(tmp_path, SEGMENT, DEVICES) as shop:
        sent = batch(track("Product Viewed", {"sku": "i1"}, context=context))
        assert shop.post("/v1/batch", sent, headers={"User-Agent": agent}).status_code == 200
        assert [each.properties for each in shop.events()] == [stored]


@pytest.mark.parametrize(
    ("intake", "more", "fault"),
    [
        ("segment: {keys: [k, k]}", "", "namespaces.shop.intake.segment.keys: has a key twice"),
        ("segment: {keys: [k]}", "    intake: {segment: {keys: [k]}}\n", "keys[0]: is a key of namespace 'shop', too"),
        ("segment: {mapping: {itemId: 'a['}}", "", "namespaces.shop.intake.segment.mapping.itemId: is no JMESPath"),
        ("segment: {mapping: {events: {X: {value: '||'}}}}", "", "mapping.events.X.value: is no JMESPath expression"),
        ("segmet: {}", "", "unknown key 'segmet'; one of: "),
        ("segment: {}", "  third:\n    intake: {segment: {}}\n", "third.intake.segment: needs 'eventTargets'"),
    ],
)
def test_a_configuration_that_can_not_work_is_refused(intake: str, more: str, fault: str):
    faults = faults_of(CONFIG.replace("INTAKE", intake) + more)
    assert any(fault in each for each in faults), faults
