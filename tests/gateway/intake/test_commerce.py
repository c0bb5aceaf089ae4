"""Adobe Commerce: signed webhooks become items, users and events."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key as elliptic_key
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.config import ConfigError, parse
from tests.gateway.intake.world import NOW, IntakeShop, intake_shop

KEY, OTHER = generate_private_key(65537, 2048), generate_private_key(65537, 2048)
WEBHOOK = "/commerce/webhook/shop"
AT = "2023-11-15 22:00:00"  # 800 s before NOW, in UTC as Commerce has it
USERS = [{"name": "USER_ID", "type": "string"}, {"name": "GROUP_ID", "type": ["null", "int"]}]
ORDER = {
    "increment_id": "000000008",
    "quote_id": "17",
    "customer_id": "5",
    "created_at": AT,
    "items": [
        {"item_id": 1, "sku": "shirt-m", "price": 20, "qty_ordered": 2},
        {"item_id": 2, "sku": "shirt-m", "price": 0, "qty_ordered": 2, "parent_item_id": 1},
        {"item_id": 3, "sku": "hat", "price": "9.50", "qty_ordered": "1.0000", "parent_item_id": None},
    ],
}
PRODUCT = {"entity_id": "1", "sku": "hat", "name": "Hat", "price": "9.50", "category_ids": ["3", "4"]}


def pem(key: Any = KEY) -> str:
    return str(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


def signature_of(message: bytes, key: RSAPrivateKey = KEY) -> str:
    return base64.b64encode(key.sign(message, PKCS1v15(), SHA256())).decode()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IntakeShop]:
    intake = f"commerce: {{publicKeys: [{json.dumps(pem(OTHER))}, {json.dumps(pem())}]}}"
    with intake_shop(tmp_path_factory.mktemp("shop"), intake, users=USERS) as shop:
        yield shop


def hook(shop: IntakeShop, body: Any, query: str = "") -> Any:
    text = json.dumps(body).encode()
    signature = signature_of(base64.b64encode(text))
    return shop.post(WEBHOOK + query, text, headers={"x-adobe-commerce-webhook-signature": signature})


def test_an_order_is_a_purchase_of_each_of_its_lines_once(shop: IntakeShop):
    cart = {"product": PRODUCT, "quote_item": {"quote_id": "17", "price": "9.50", "qty": 1}}
    answer = hook(shop, {"eventName": "checkout_cart_product_add_after", "data": cart})
    assert (answer.status_code, answer.json()) == (200, {"op": "success"})
    assert hook(shop, {"eventName": "sales_order_place_after", "data": {"order": ORDER}}).status_code == 200
    fields = {
        "order": {name: ORDER[name] for name in ("increment_id", "quote_id", "customer_id", "items", "created_at")}
    }
    assert hook(shop, fields, "?hook=observer.sales_order_place_after").json() == {"op": "success"}
    cancelled = {**ORDER, "updated_at": "2023-11-15 22:05:00", "items": ORDER["items"][:1]}  # type: ignore[index]
    assert hook(shop, {"eventName": "order_cancel_after", "data": {"order": cancelled}}).status_code == 200
    stored = [(e.user, e.session, e.item, e.event_type, e.value, e.time) for e in shop.events()]
    assert stored == [
        (None, "cart-17", "hat", "AddToCart", 9.5, NOW),
        ("5", "cart-17", "shirt-m", "Purchase", 40.0, NOW - 800),
        ("5", "cart-17", "hat", "Purchase", 9.5, NOW - 800),
        ("5", "cart-17", "shirt-m", "CancelOrder", 40.0, NOW - 500),
    ]


def test_products_are_items_and_customers_users(shop: IntakeShop):
    assert hook(shop, {"eventName": "catalog_product_save_after", "data": {"product": PRODUCT}}).status_code == 200
    assert [name for name, _ in shop.rows("item")] == ["hat"]
    customer = {"customer": {"id": "6", "email": "john@example.com", "group_id": "1"}}
    assert hook(shop, customer, "?hook=observer.customer_save_commit_after").status_code == 200
    assert shop.rows("user") == [("6", {"GROUP_ID": 1})]
    assert hook(shop, customer, "?hook=observer.customer_delete_after").status_code == 200
    shop.shop.work()
    assert shop.rows("user") == []
    assert hook(shop, {"product": {"sku": "hat"}}, "?hook=observer.catalog_product_delete_after").status_code == 200
    tags = shop.shop.do("ListTagsForResource", resourceArn=shop.shop.group)["tags"]
    assert next(each["tagValue"] for each in tags if each["tagKey"] == "recgate:hiddenItems") == '["hat"]'


def test_what_has_no_place_is_counted(shop: IntakeShop):
    for query, body in (
        ("observer.catalog_product_delete_after", {"product": {}}),
        ("observer.customer_delete_after", {"customer": {}}),
        ("observer.sales_order_save_after", {"order": ORDER}),
        ("observer.sales_order_place_after", {"order": {**ORDER, "increment_id": "9", "items": []}}),
    ):
        assert hook(shop, body, f"?hook={query}").json() == {"op": "success"}
    dropped = shop.dropped("commerce")
    assert dropped["noItem", "observer.catalog_product_delete_after"] == 1
    assert dropped["noUser", "observer.customer_delete_after"] == 1
    assert dropped["unmapped", "observer.sales_order_save_after"] == 1
    assert dropped["noItem", "observer.sales_order_place_after"] == 1


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "no base64!",
        signature_of(b"{}"),  # not of the body in base64
        signature_of(base64.b64encode(b"{} ")),
        signature_of(base64.b64encode(b"{}"), generate_private_key(65537, 2048)),
    ],
    ids=["none", "garbled", "of the body itself", "of another body", "by another key"],
)
def test_what_is_not_signed_is_refused(shop: IntakeShop, signature: str):
    answer = shop.post(WEBHOOK, b"{}", headers={"x-adobe-commerce-webhook-signature": signature})
    assert (answer.status_code, answer.json()["code"]) == (401, "InvalidSignature")


def test_a_webhook_says_what_it_is_about(shop: IntakeShop):
    answer = hook(shop, {"product": PRODUCT})
    assert (answer.status_code, answer.json()["code"]) == (400, "MissingHook")
    body = base64.b64encode(b"[]")
    answer = shop.post(WEBHOOK, b"[]", headers={"x-adobe-commerce-webhook-signature": signature_of(body)})
    assert (answer.status_code, answer.json()["code"]) == (400, "ValidationError")


@pytest.mark.parametrize(
    ("part", "fault"),
    [
        ("{}", "publicKeys: is missing"),
        ("{publicKeys: [x]}", r"publicKeys\[0\]: is no public key"),
        (f"{{publicKeys: [{json.dumps(pem(elliptic_key(SECP256R1())))}]}}", r"publicKeys\[0\]: is no public key"),
    ],
)
def test_keys_that_can_verify_nothing_are_refused(part: str, fault: str):
    targets = "eventTargets: [{type: personalize-event-tracker, trackingId: t}]"
    with pytest.raises(ConfigError, match=fault):
        parse(f"namespaces: {{shop: {{{targets}, intake: {{commerce: {part}}}}}}}", "shop.yaml", {})
