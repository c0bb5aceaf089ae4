"""Amplitude: what its clients send is stored to the field, once; of a request with faulty events its clients give up
those alone; exposures and conversions end in the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.intake.test_segment import DEVICES
from tests.gateway.intake.world import CONFIG, NOW, IntakeShop, intake_shop

KEY = "api-key-1"
AMPLITUDE = f"amplitude: {{keys: [{KEY}, api-key-2]}}"
MS = 1_700_085_600_000  # 800 s before NOW
USERS = [
    {"name": "USER_ID", "type": "string"},
    {"name": "TIER", "type": ["null", "string"], "categorical": True},
    {"name": "AGE", "type": ["null", "int"]},
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IntakeShop]:
    with intake_shop(tmp_path_factory.mktemp("shop"), AMPLITUDE) as shop:
        yield shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[IntakeShop]:
    with intake_shop(tmp_path, AMPLITUDE, users=USERS) as shop:
        yield shop


def event(name: str, properties: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    usual = {"user_id": "u1", "device_id": "d1", "session_id": MS, "time": MS, "insert_id": f"m-{name}"}
    return {**usual, "event_type": name, "event_properties": properties or {}, **more}


def upload(*events: Any, **more: Any) -> dict[str, Any]:
    return {"api_key": KEY, "events": list(events), **more}


@pytest.mark.parametrize("path", ["/2/httpapi", "/batch"])
def test_events_are_stored_to_the_field(shop: IntakeShop, path: str):
    products = [{"sku": "i2", "price": 5.5, "quantity": 2}, {"product_id": "i3", "price": 3, "shelf": "low"}]
    sent = upload(
        event("Product Viewed", {"product_id": "i1", "shelf": "top", "colour": "red"}),
        event("Order Completed", {"products": products, "revenue": 14, "shelf": "top"}),
        event("revenue_amount", {"$productId": "i4", "$price": 2.5, "$quantity": 2}),
        event("Played", productId="i5", price=4, quantity=3),
        event("Product List Viewed", {"products": products, "list_id": "rid-1"}),
        event("session_start"),
    )
    answer = shop.post(path, sent)
    assert answer.status_code == 200
    assert answer.json() == {
        "code": 200,
        "events_ingested": 6,
        "payload_size_bytes": int(answer.request.headers["content-length"]),
        "server_upload_time": int(NOW * 1000),
    }
    assert [(e.event_type, e.item, e.value, e.event_id, e.properties) for e in shop.events()] == [
        ("View", "i1", None, "m-Product Viewed", {"SHELF": "top"}),
        ("Purchase", "i2", 11.0, "m-Order Completed-0", {"SHELF": "top"}),
        ("Purchase", "i3", 3.0, "m-Order Completed-1", {"SHELF": "low"}),
        ("Purchase", "i4", 5.0, "m-revenue_amount", {}),
        ("Played", "i5", 12.0, "m-Played", {}),
        ("Impression", None, None, "m-Product List Viewed", {}),
    ]
    assert {(e.user, e.session, e.time) for e in shop.events()} == {("u1", "d1", MS / 1000)}
    shown = shop.events()[-1]
    assert (shown.impression, shown.recommendation_id) == (("i2", "i3"), "rid-1")
    assert shop.dropped("amplitude")["noItem", "session_start"] == 1


def test_what_is_sent_again_is_stored_once_by_whichever_server(tmp_path: Path):
    sent = upload(
        event("Order Completed", {"products": [{"sku": "i1"}, {"sku": "i2"}]}),
        event("$identify", user_properties={"$add": {"age": 1}, "$set": {"tier": "gold"}}),
    )
    for _ in range(2):
        with intake_shop(tmp_path, AMPLITUDE, users=USERS) as shop:
            for _ in range(2):
                assert shop.post("/2/httpapi", sent).status_code == 200
            events, rows = shop.events(), shop.rows("user")
    assert [each.event_id for each in events] == ["m-Order Completed-0", "m-Order Completed-1", "m-$identify"]
    assert rows == [("u1", {"TIER": "gold", "AGE": 1})]


def test_operations_on_users(shop: IntakeShop):
    operations = (
        {"$set": {"tier": "gold"}, "$setOnce": {"age": 30}},
        {"$setOnce": {"age": 50, "tier": "none"}, "$append": {"tier": "loud"}},
        {"$add": {"age": 2}, "$prepend": {"tier": ["new"]}},
        {"$preInsert": {"tier": "gold"}, "$postInsert": {"tier": "late"}, "$remove": {"tier": "loud"}},
        {"$unset": {"tier": "-"}, "$clearAll": "-", "$add": {"visits": 1}},
        {"tier": "plain", "age": "40"},
    )
    for number, each in enumerate(operations):
        sent = event("$identify", user_properties=each, insert_id=f"m{number}")
        assert shop.post("/2/httpapi", upload(sent)).status_code == 200
    assert [values for _, values in shop.rows("user")] == [
        {"TIER": "gold", "AGE": 30},
        {"TIER": "gold|loud", "AGE": 30},
        {"TIER": "new|gold|loud", "AGE": 32},
        {"TIER": "new|gold|late", "AGE": 32},
        {"TIER": None, "AGE": 32},
        {"TIER": "plain", "AGE": 40},
    ]
    assert {(each.session, each.user, each.item) for each in shop.events()} == {("d1", "u1", None)}
    nobody = event("$identify", user_id=None, user_properties={"$set": {"tier": "x"}})
    assert shop.post("/2/httpapi", upload(nobody)).status_code == 200
    assert shop.dropped("amplitude") == {
        ("unknownTrait", "visits"): 1,
        ("unmapped", "$clearAll"): 1,
        ("noUser", "user_properties"): 1,
    }


def test_a_device_becomes_a_user(shop: IntakeShop):
    sent = upload(
        event("Product Viewed", {"sku": "i1"}, user_id=None, session_id=-1),
        event("$identify", user_properties={"$set": {"tier": "gold"}}),
        event("Product Viewed", {"sku": "i2"}, user_id=None, device_id="d2", insert_id="m9"),
        event("Product Viewed", {"sku": "i3"}, device_id=None, session_id=-1, insert_id="m10"),
    )
    assert shop.post("/2/httpapi", sent).status_code == 200
    seen = sorted((each.session, each.user, each.item) for each in shop.events() if each.item)
    assert seen == [("d1", None, "i1"), ("d2", None, "i2"), ("u1", "u1", "i3")]
    shop.shop.engine.feed.catch_up()
    assert sorted(shop.shop.history("u1")) == ["i1", "i3"]


@pytest.mark.parametrize(
    ("more", "sent_at", "ago"),
    [
        ({}, None, 800),
        ({"time": None}, None, 0),
        ({"time": MS + 9_999_999}, None, 0),  # the future is now
        ({"time": MS - 3_600_000}, "2023-11-15T21:00:05.000Z", 5),  # a clock an hour late
        ({"time": str(MS)}, "yesterday", 800),
    ],
)
def test_a_wrong_clock_is_corrected(shared: IntakeShop, more: dict[str, Any], sent_at: str | None, ago: int):
    sent = event("Product Viewed", {"sku": "i1"}, insert_id=f"{more}{sent_at}", **more)
    assert shared.post("/2/httpapi", upload(sent, client_upload_time=sent_at)).status_code == 200
    (stored,) = [each for each in shared.events() if each.event_id == f"{more}{sent_at}"]
    assert stored.time == NOW - ago


# ---- refusals


def test_faulty_events_are_named_by_index_and_none_is_stored(shop: IntakeShop):
    sent = upload(
        event("Product Viewed", {"sku": "i1"}),
        event(""),
        event("Product Viewed", user_id=None, device_id=None),
        event("Product Viewed", time="soon", session_id="s", user_id=[7]),
        7,
        {"user_id": "u1", "event_type": "x", "event_properties": [], "user_properties": "y", "insert_id": {}},
        event("$groupidentify", user_id=None, device_id=None),
    )
    answer = shop.post("/2/httpapi", sent)
    assert answer.status_code == 400
    assert answer.json() == {
        "code": 400,
        "error": "Request missing required field",
        "events_with_missing_fields": {"event_type": [1], "user_id": [2], "device_id": [2]},
        "events_with_invalid_fields": {
            "user_id": [3],
            "time": [3],
            "session_id": [3],
            "event": [4],
            "event_properties": [5],
            "user_properties": [5],
            "insert_id": [5],
        },
    }
    assert shop.events() == []
    rest = [sent["events"][0], sent["events"][6]]
    assert shop.post("/2/httpapi", upload(*rest)).status_code == 200
    assert [each.item for each in shop.events()] == ["i1"]
    assert shop.dropped("amplitude") == {("unmapped", "$groupidentify"): 1}


@pytest.mark.parametrize(
    ("options", "faults"),
    [
        (None, {"user_id": [0], "device_id": [0, 1]}),
        ({"min_id_length": 2}, None),
        ({"min_id_length": 7}, {"user_id": [0, 1], "device_id": [0, 1]}),
    ],
)
def test_strict_accounts_take_no_short_ids(tmp_path: Path, options: Any, faults: Any):
    with intake_shop(tmp_path, f"amplitude: {{keys: [{KEY}], strictIds: true}}") as shop:
        sent = (event("Product Viewed", {"sku": "i1"}), event("Product Viewed", {"sku": "i1"}, user_id="user-1"))
        answer = shop.post("/2/httpapi", upload(*sent, options=options))
        assert answer.json().get("events_with_invalid_id_lengths") == faults
        assert answer.status_code == (200 if faults is None else 400)


@pytest.mark.parametrize(
    ("path", "body", "status", "members"),
    [
        ("/2/httpapi", b"{", 400, {}),
        ("/2/httpapi", b"[]", 400, {"error": "the body is a JSON object"}),
        ("/2/httpapi", {"events": []}, 400, {"missing_field": "api_key"}),
        ("/2/httpapi", {"api_key": KEY}, 400, {"missing_field": "events"}),
        ("/2/httpapi", {"api_key": KEY, "events": {"a": 1}}, 400, {"missing_field": "events"}),
        ("/2/httpapi", {"api_key": "nobody", "events": []}, 400, {"error": "Invalid API key: the key is not known"}),
        ("/batch", {"api_key": 7, "events": []}, 400, {"error": "Invalid API key: the request brings no key"}),
        ("/batch", upload(*[{}] * 2001), 413, {"error": "a request has at most 2000 events, not 2001"}),
        ("/2/httpapi", upload(event("x" * (1 << 20))), 413, {}),
        ("/batch", upload(event("x" * 200, {"text": "y" * (1 << 20)})), 200, {}),
    ],
)
def test_requests_that_are_refused(shared: IntakeShop, path: str, body: Any, status: int, members: dict[str, Any]):
    answer = shared.post(path, body)
    assert (answer.status_code, answer.json()["code"]) == (status, status)
    assert answer.json() == {**answer.json(), **members}


def test_who_asks_too_often_is_told_when_to_come_again(tmp_path: Path):
    with intake_shop(tmp_path, AMPLITUDE, CONFIG + "rateLimits: {perKey: 1/minute}\n") as shop:
        answers = [shop.post("/2/httpapi", upload()) for _ in range(2)]
        assert [each.status_code for each in answers] == [200, 429]
        assert 1 <= int(answers[1].headers["Retry-After"]) <= 60
        refusal = answers[1].json()
        assert (refusal["code"], refusal["throttled_events"], refusal["throttled_users"]) == (429, [], {})


# ---- configuration, experiments


def test_the_configuration_overrides_any_part_of_the_table(tmp_path: Path):
    mapping = """mapping: {others: drop, sessionId: "session_id", events: {
        Song Played: {type: Watch, itemId: title}, Order Completed: {value: quantity}}}"""
    with intake_shop(tmp_path, f"amplitude: {{keys: [{KEY}], {mapping}}}") as shop:
        sent = upload(
            event("Song Played", {"title": "i1"}),
            event("Order Completed", {"sku": "i2", "price": 9, "quantity": 3}),
            event("Other", {"sku": "i3"}),
        )
        assert shop.post("/2/httpapi", sent).status_code == 200
        assert [(e.session, e.event_type, e.item, e.value) for e in shop.events()] == [
            (str(MS), "Watch", "i1", None),
            (str(MS), "Purchase", "i2", 3.0),
        ]
        assert shop.dropped("amplitude")["unmapped", "Other"] == 1


def test_automatic_context_is_of_the_events_device(tmp_path: Path):
    with intake_shop(tmp_path, AMPLITUDE, DEVICES) as shop:
        sent = event("Product Viewed", {"sku": "i1"}, user_agent="Mozilla/5.0 (phone)")
        assert shop.post("/2/httpapi", upload(sent), headers={"User-Agent": "node"}).status_code == 200
        assert [each.properties for each in shop.events()] == [{"DEVICE": "Mozilla/5.0 (phone)"}]


EXPERIMENT = """
namespaces:
  shop:
    recommenders:
      recommend-items:
        home:
          variations: {a: {type: engine, model: home}, b: {type: engine, model: home}}
          experiments:
            row: {flag: home-row, method: builtin, metrics: {sales: {eventType: Purchase, valueKey: eventValue}}}
    eventTargets: [{type: personalize-event-tracker, trackingId: TRACKING}]
    intake: {INTAKE}
"""


@pytest.mark.parametrize("name", ["$exposure", "[Experiment] Exposure"])
def test_exposures_and_conversions_end_in_the_verdict(tmp_path: Path, name: str):
    names = ("flag_key", "variant") if name == "$exposure" else ("[Experiment] Flag Key", "[Experiment] Variant")
    with intake_shop(tmp_path, AMPLITUDE, EXPERIMENT) as shop:

        def exposed(user: str, variation: str | None, flag: str | None = "home-row") -> dict[str, Any]:
            properties = dict(zip(names, (flag, variation), strict=True))
            return event(name, properties, user_id=user, insert_id=f"x-{user}")

        sent = upload(
            *(exposed(f"u{number}", "ab"[number % 2]) for number in range(8)),
            exposed("u8", None),
            exposed("u8", "c"),
            exposed("u8", "a", "other"),
            exposed("u8", "a", None),
            *(
                event("Order Completed", {"sku": "i1", "revenue": 5}, user_id=f"u{n}", insert_id=f"p{n}")
                for n in (1, 3)
            ),
        )
        for _ in range(2):
            assert shop.post("/batch", sent).status_code == 200
        verdict = shop.client.get("/experiments/shop/home/row").json()
        assert verdict["units"] == {"a": 4, "b": 4}
        assert [(row["metric"], row["arm"], row["mean"]) for row in verdict["rows"]] == [
            ("sales", "a", 0.0),
            ("sales", "b", 2.5),
        ]
        assert shop.dropped("amplitude") == {
            ("noVariation", name): 2,
            ("unknownFlag", "home-row=c"): 2,
            ("unknownFlag", "other=a"): 2,
            ("invalid", name): 2,
        }
