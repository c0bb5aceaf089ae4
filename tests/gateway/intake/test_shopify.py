"""Shopify: webhooks are signed, an order is one order whoever tells of it, visitors become customers."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from engine import hide_item
from tests.gateway.intake.world import NOW, IntakeShop, intake_shop

SHOPIFY = "shopify: {keys: [pixel-1], signingSecrets: [old-secret, test_secret_key], shops: [a.myshopify.com]}"
WEBHOOK, PIXEL = "/shopify/webhook/shop", "/shopify/pixel?key=pixel-1"
AT = "2023-11-15T17:00:00-05:00"  # 800 s before NOW
ITEMS: list[dict[str, Any]] = [
    {"name": "ITEM_ID", "type": "string"},
    {"name": "TITLE", "type": ["null", "string"]},
    {"name": "TAGS", "type": ["null", "string"], "categorical": True},
    {"name": "PRICE", "type": ["null", "float"]},
    {"name": "CREATION_TIMESTAMP", "type": ["null", "long"]},
]
LARGE = 788032119674292922  # of Shopify's own sample: 2**53 is less
ORDER = {
    "id": 820982911946154508,
    "created_at": AT,
    "customer": {"id": 115310627314723954, "email": "john@example.com"},
    "line_items": [
        {"id": 1, "product_id": LARGE, "variant_id": 808950810, "price": "199.00", "quantity": 2},
        {"id": 2, "product_id": 632910392, "price": "9.50", "quantity": 1},
        {"id": 3, "product_id": LARGE, "price": "1.00", "quantity": 1},
    ],
}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[IntakeShop]:
    with intake_shop(tmp_path, SHOPIFY) as shop:
        yield shop


def signature_of(body: bytes, secret: str = "test_secret_key") -> str:
    return base64.b64encode(hmac.digest(secret.encode(), body, sha256)).decode()


def headers_of(topic: str, body: bytes, event: str = "e1", style: str = "X-Shopify-", **more: str) -> dict[str, str]:
    usual = {"Topic": topic, "Shop-Domain": "a.myshopify.com", "Webhook-Id": f"w-{event}", "Event-Id": event}
    named = {**usual, "Hmac-Sha256": signature_of(body), "API-Version": "2026-04", **more}
    return {style + name.replace("_", "-"): value for name, value in named.items()}


def hook(shop: IntakeShop, topic: str, body: Any, event: str = "e1", **more: str) -> int:
    text = json.dumps(body).encode()
    return int(shop.post(WEBHOOK, text, headers=headers_of(topic, text, event, **more)).status_code)


def test_the_official_vector_is_taken(shop: IntakeShop):
    body = b'{"foo": "bar"}'
    assert signature_of(body) == "B23tXN681gZ0qIWNRrgtzBE9XSDo5yaUu6wfmhu3a7g="
    assert shop.post(WEBHOOK, body, headers=headers_of("orders/create", body)).status_code == 200
    old = headers_of("orders/create", body, Hmac_Sha256=signature_of(body, "old-secret"))
    assert shop.post(WEBHOOK, body, headers=old).status_code == 200


@pytest.mark.parametrize("style", ["X-Shopify-", "Shopify-"])
def test_an_order_is_a_purchase_of_each_of_its_lines_once(shop: IntakeShop, style: str):
    text = json.dumps(ORDER).encode()
    for event in ("e1", "e1", "e2"):  # sent again, and by a second subscription
        answer = shop.post(WEBHOOK, text, headers=headers_of("orders/create", text, event, style))
        assert (answer.status_code, answer.json()) == (200, {})
    stored = [(e.user, e.session, e.item, e.event_type, e.value, e.time, e.event_id) for e in shop.events() if e.item]
    user, session = "115310627314723954", "order-820982911946154508"
    assert stored == [
        (user, session, str(LARGE), "Purchase", 398.0, NOW - 800, f"{session}-{LARGE}-0"),
        (user, session, "632910392", "Purchase", 9.5, NOW - 800, f"{session}-632910392-0"),
        (user, session, str(LARGE), "Purchase", 1.0, NOW - 800, f"{session}-{LARGE}-1"),
    ]


def test_refunds_and_cancellations_are_of_the_orders_customer(shop: IntakeShop):
    line = {"quantity": 1, "line_item": ORDER["line_items"][1]}  # type: ignore[index]
    refund = {"id": 509562969, "order_id": ORDER["id"], "created_at": AT, "refund_line_items": [line]}
    assert hook(shop, "orders/create", ORDER) == 200
    assert [hook(shop, "refunds/create", refund, "e2") for _ in range(2)] == [200, 200]
    assert hook(shop, "orders/cancelled", {**ORDER, "cancelled_at": AT}, "e3") == 200
    later = [(e.user, e.item, e.event_type, e.value) for e in shop.events() if e.item][3:]
    customer = "115310627314723954"
    assert later[0] == (None, "632910392", "Refund", 9.5)
    assert later[1:] == [
        (customer, str(LARGE), "CancelOrder", 398.0),
        (customer, "632910392", "CancelOrder", 9.5),
        (customer, str(LARGE), "CancelOrder", 1.0),
    ]
    shop.shop.engine.feed.catch_up()
    assert len(shop.shop.history(customer)) == 7  # the refund, too, by the order's session


def test_products_are_items(tmp_path: Path):
    with intake_shop(tmp_path, SHOPIFY) as shop:
        shop.shop.do("DeleteDataset", datasetArn=shop.shop.dataset("ITEMS"))
        shop.shop.work()
        shop.shop.add_dataset("ITEMS", ITEMS)
        variants = [{"price": "24.00"}, {"price": "19.99"}, {"price": None}]
        product = {"id": LARGE, "title": "Shirt", "tags": "linen, summer", "created_at": AT, "variants": variants}
        assert [hook(shop, "products/create", product) for _ in range(2)] == [200, 200]
        assert hook(shop, "products/update", {**product, "title": "A shirt"}, "e2") == 200
        columns = {"TAGS": "linen|summer", "PRICE": 19.99, "CREATION_TIMESTAMP": int(NOW - 800)}
        assert shop.rows("item") == [
            (str(LARGE), {"TITLE": "Shirt", **columns}),
            (str(LARGE), {"TITLE": "A shirt", **columns}),
        ]


def test_a_late_product_is_not_stored_over_a_newer_one(tmp_path: Path):
    with intake_shop(tmp_path, SHOPIFY) as shop:
        shop.shop.do("DeleteDataset", datasetArn=shop.shop.dataset("ITEMS"))
        shop.shop.work()
        shop.shop.add_dataset("ITEMS", [*ITEMS, {"name": "UPDATED_AT", "type": ["null", "long"]}])
        for event, title, second in (("e1", "New", 9), ("e2", "Old", 8), ("e3", "Same", 9), ("e4", "Next", 10)):
            product = {"id": 1, "title": title, "updated_at": f"2023-11-15T17:00:{second:02}-05:00"}
            assert hook(shop, "products/update", product, event) == 200
        assert [columns["TITLE"] for _, columns in shop.rows("item")] == ["New", "Same", "Next"]
        assert shop.rows("item")[-1][1]["UPDATED_AT"] == int(NOW - 790)
        assert shop.dropped("shopify")["outdatedColumn", "UPDATED_AT"] == 1


def test_a_deleted_product_is_hidden(shop: IntakeShop):
    engine, group = shop.shop.engine, shop.shop.group
    for _ in range(2):
        assert hook(shop, "products/delete", {"id": LARGE}) == 200
    assert hidden_in(shop) == [str(LARGE)]
    for number in range(999):
        hide_item(engine, group, str(number), hidden=True)
    assert hook(shop, "products/delete", {"id": 1001}, "e2") == 200
    assert shop.dropped("shopify") == {("refused", "hidden item"): 1}


def hidden_in(shop: IntakeShop) -> list[str]:
    tags = shop.shop.do("ListTagsForResource", resourceArn=shop.shop.group)["tags"]
    return list(json.loads(next(each["tagValue"] for each in tags if each["tagKey"] == "recgate:hiddenItems")))


def test_customers_are_users_and_are_deleted_when_they_ask(tmp_path: Path):
    users = [
        {"name": "USER_ID", "type": "string"},
        {"name": "ORDERS_COUNT", "type": ["null", "int"]},
        {"name": "TOTAL_SPENT", "type": ["null", "float"]},
    ]
    with intake_shop(tmp_path, SHOPIFY, users=users) as shop:
        customer = {"id": 115310627314723954, "orders_count": 1, "total_spent": "12.50", "email": "john@example.com"}
        assert hook(shop, "customers/create", customer) == 200
        assert shop.rows("user") == [("115310627314723954", {"ORDERS_COUNT": 1, "TOTAL_SPENT": 12.5})]
        assert hook(shop, "orders/create", ORDER, "e2") == 200
        redacted = {"shop_id": 954889, "customer": {"id": customer["id"], "email": "john@example.com"}}
        assert [hook(shop, "customers/redact", redacted, "e3") for _ in range(2)] == [200, 200]
        shop.shop.work()
        assert shop.events() == [] and shop.rows("user") == []
        assert b"115310627314723954" not in b"".join(
            each.body for each in shop.shop.engine.log.read(0) if each.kind == "event"
        )


def test_a_shop_that_is_redacted_takes_its_customers_with_it(tmp_path: Path):
    users = [{"name": "USER_ID", "type": "string"}, {"name": "SHOP", "type": ["null", "string"], "categorical": True}]
    with intake_shop(tmp_path, SHOPIFY.replace("[a.my", "[b.myshopify.com, a.my"), users=users) as shop:
        for customer, place in ((1, "a"), (2, "b"), (3, "a")):
            more = {"Shop_Domain": f"{place}.myshopify.com"}
            assert hook(shop, "customers/create", {"id": customer}, f"e{customer}", **more) == 200
        assert hook(shop, "orders/create", {**ORDER, "customer": {"id": 3}}, "e4") == 200
        assert hook(shop, "shop/redact", {"shop_id": 1, "shop_domain": "a.myshopify.com"}, "e5") == 200
        shop.shop.work()
        assert shop.rows("user") == [("2", {"SHOP": "b.myshopify.com"})] and shop.events() == []
        assert ("byHand", "shop/redact") not in shop.dropped("shopify")


def test_what_an_operator_has_to_see_to_is_counted(shop: IntakeShop):
    for topic in ("customers/data_request", "shop/redact", "themes/update"):
        assert hook(shop, topic, {"shop_id": 1}) == 200
    assert shop.dropped("shopify") == {
        ("byHand", "customers/data_request"): 1,
        ("byHand", "shop/redact"): 1,
        ("unmapped", "themes/update"): 1,
    }


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"Hmac_Sha256": signature_of(b"{} ")}, 401, "InvalidSignature"),
        ({"Hmac_Sha256": ""}, 401, "InvalidSignature"),
        ({"Hmac_Sha256": signature_of(b"{}", "")}, 401, "InvalidSignature"),
        ({"Shop_Domain": "b.myshopify.com"}, 401, "InvalidShop"),
        ({"Topic": ""}, 400, "MissingHeader"),
    ],
)
def test_what_is_not_signed_or_says_nothing_is_refused(shop: IntakeShop, more: dict[str, str], status: int, code: str):
    answer = shop.post(WEBHOOK, b"{}", headers=headers_of("orders/create", b"{}", **more))
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("path", ["/shopify/webhook/other", "/shopify/webhook/nowhere"])
def test_a_namespace_without_shopify_is_as_one_with_another_secret(shop: IntakeShop, path: str):
    assert shop.post(path, b"{}", headers=headers_of("orders/create", b"{}")).status_code == 401


# ---- the pixel


def pixel(name: str, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    usual = {"id": f"sh-{name}", "type": "standard", "clientId": "visitor", "timestamp": "2023-11-15T22:00:00.000Z"}
    return {**usual, "name": name, "data": data, **more}


def variant(product: Any, amount: float) -> dict[str, Any]:
    return {"id": f"v{product}", "price": {"amount": amount, "currencyCode": "EUR"}, "product": {"id": product}}


LINES = [
    {"quantity": 2, "variant": variant(f"gid://shopify/Product/{LARGE}", 199.0)},
    {"quantity": 1, "variant": variant("632910392", 9.5)},
    {"quantity": 1, "variant": variant(str(LARGE), 1.0)},
]
DONE = pixel(
    "checkout_completed",
    {"checkout": {"token": "t1", "lineItems": LINES, "order": {"id": str(ORDER["id"])}}},
    customer={"id": "115310627314723954"},
)


def test_a_visit_is_stored_to_the_field(shop: IntakeShop):
    cart_line = {"quantity": 3, "merchandise": variant("i1", 2.5)}
    events = [
        pixel("product_viewed", {"productVariant": variant("gid://shopify/Product/123?x=1", 25)}),
        pixel("collection_viewed", {"collection": {"productVariants": [variant("i1", 1), variant("i2", 1)]}}),
        pixel("search_submitted", {"searchResult": {"query": "hat", "productVariants": [variant("i2", 1)]}}),
        pixel("product_added_to_cart", {"cartLine": cart_line}),
        pixel("cart_viewed", {"cart": {"lines": [cart_line]}}),
        pixel("checkout_started", {"checkout": {"lineItems": LINES[:1]}}),
        pixel("page_viewed", {}),
    ]
    for _ in range(2):
        assert shop.post(PIXEL, events).json() == {}
    stored = [(e.user, e.session, e.item, e.event_type, e.value, e.impression, e.event_id) for e in shop.events()]
    assert stored == [
        (None, "visitor", "123", "View", 25.0, (), "sh-product_viewed"),
        (None, "visitor", None, "Impression", None, ("i1", "i2"), "sh-collection_viewed"),
        (None, "visitor", None, "Search", None, ("i2",), "sh-search_submitted"),
        (None, "visitor", "i1", "AddToCart", 7.5, (), "sh-product_added_to_cart"),
        (None, "visitor", "i1", "ViewCart", 7.5, (), "sh-cart_viewed-0"),
        (None, "visitor", str(LARGE), "StartCheckout", 398.0, (), "sh-checkout_started-0"),
    ]
    assert {event.time for event in shop.events()} == {NOW - 800}
    assert shop.dropped("shopify")["unmapped", "page_viewed"] == 2


@pytest.mark.parametrize("pixel_first", [True, False])
def test_an_order_is_one_whether_webhook_or_pixel_is_first(shop: IntakeShop, pixel_first: bool):
    assert shop.post(PIXEL, pixel("product_viewed", {"productVariant": variant("123", 25)})).status_code == 200
    for turn in (pixel_first, not pixel_first):
        assert (shop.post(PIXEL, DONE).status_code if turn else hook(shop, "orders/create", ORDER)) == 200
    bought = [each for each in shop.events() if each.event_type == "Purchase"]
    assert [each.event_id for each in bought] == [
        f"order-820982911946154508-{LARGE}-0",
        "order-820982911946154508-632910392-0",
        f"order-820982911946154508-{LARGE}-1",
    ]
    shop.shop.engine.feed.catch_up()
    assert len(shop.shop.history("115310627314723954")) == 4  # what the visitor has viewed, too


def test_an_order_may_name_its_visitor(shop: IntakeShop):
    """Where the pixel knows no customer: the theme has put the visitor into the cart's attributes."""
    assert shop.post(PIXEL, pixel("product_viewed", {"productVariant": variant("123", 25)})).status_code == 200
    attributes = [{"name": "gift", "value": "yes"}, {"name": "_clientId", "value": "visitor"}]
    assert hook(shop, "orders/create", {**ORDER, "note_attributes": attributes}) == 200
    shop.shop.engine.feed.catch_up()
    assert "123" in shop.shop.history("115310627314723954")


def test_a_line_may_name_the_list_that_it_is_from(shop: IntakeShop):
    line = {"product_id": 1, "properties": [{"name": "_recommendationId", "value": "rid-1"}]}
    assert hook(shop, "orders/create", {**ORDER, "line_items": [line]}) == 200
    assert [each.recommendation_id for each in shop.events() if each.item] == ["rid-1"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/shopify/pixel", {**DONE, "key": "pixel-1"}, 200),
        ("/shopify/pixel", [{**DONE, "key": "pixel-1"}], 200),
        ("/shopify/pixel", DONE, 401),
        ("/shopify/pixel?key=nobody", DONE, 401),
        (PIXEL, [7, {"name": ""}], 200),
        (PIXEL, [DONE] * 101, 400),
        (PIXEL, b"{", 400),
        (PIXEL, {**DONE, "text": "x" * 300_000}, 413),
    ],
)
def test_a_pixel_has_a_key(shop: IntakeShop, path: str, body: Any, status: int):
    assert shop.post(path, body).status_code == status


def test_variants_may_be_the_items(tmp_path: Path):
    mapping = "mapping: {userId: customer.email, events: {orders/create: {itemId: variant_id}}}"
    with intake_shop(tmp_path, f"shopify: {{signingSecrets: [test_secret_key], {mapping}}}") as shop:
        assert hook(shop, "orders/create", ORDER) == 200
        stored = [(each.user, each.item) for each in shop.events() if each.item]
        assert stored == [("john@example.com", "808950810")]
        assert shop.dropped("shopify")["noItem", "orders/create"] == 2
