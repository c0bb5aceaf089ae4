"""Adobe I/O Events: the challenge, the signatures, and what events of Adobe Commerce become."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.gateway.intake.test_commerce import KEY, ORDER, OTHER, PRODUCT, USERS, pem, signature_of
from tests.gateway.intake.world import NOW, IntakeShop, intake_shop

EVENTS = "/adobe/events"
CLIENT = "client-1"
FIRST, SECOND = "x-adobe-digital-signature-1", "x-adobe-digital-signature-2"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IntakeShop]:
    intake = f"adobeio: {{keys: [{CLIENT}], publicKeys: [{json.dumps(pem())}]}}"
    with intake_shop(tmp_path_factory.mktemp("shop"), intake, users=USERS) as shop:
        yield shop


def event(name: str, value: dict[str, Any], event_id: str = "e1", **more: Any) -> dict[str, Any]:
    """As Adobe sends it to a webhook."""
    usual = {"specversion": "1.0", "source": "urn:uuid:1", "datacontenttype": "application/json", "id": event_id}
    data = {"key": "k", "value": value, "source": "demo.demo", "_metadata": {"websiteId": "1"}}
    kind = f"com.adobe.commerce.{name}"
    return {
        **usual,
        "type": kind,
        "time": "2023-11-15T22:10:00Z",
        "data": data,
        "recipient_client_id": CLIENT,
        **more,
    }


def send(shop: IntakeShop, sent: Any, header: str = FIRST) -> Any:
    text = json.dumps(sent).encode()
    return shop.post(EVENTS, text, headers={FIRST: signature_of(text, OTHER), header: signature_of(text)})


def test_the_challenge_comes_back(shop: IntakeShop):
    answer = shop.client.get(EVENTS, params={"challenge": "8ec8d794-e0ab"})
    assert (answer.status_code, answer.json()) == (200, {"challenge": "8ec8d794-e0ab"})
    assert answer.headers["content-type"].startswith("application/json")
    for wrong in ("", "x" * 513):
        answer = shop.client.get(EVENTS, params={"challenge": wrong})
        assert (answer.status_code, answer.json()["code"]) == (400, "MissingChallenge")


def test_events_are_stored_once(shop: IntakeShop):
    placed = event("observer.sales_order_place_after", {"order": ORDER})
    flat = event("observer.sales_order_place_after", ORDER, "e2")  # as other hooks have their thing
    added = event(
        "observer.checkout_cart_product_add_after", {"product": PRODUCT, "quote_item": {"quote_id": 17}}, "e3"
    )
    wrapped = {"position": "p", "event": added}
    for sent in (placed, placed, [flat, wrapped], [wrapped]):
        assert send(shop, sent, SECOND).status_code == 200
    stored = [(e.user, e.session, e.item, e.event_type, e.value, e.time) for e in shop.events()]
    assert stored == [
        ("5", "cart-17", "shirt-m", "Purchase", 40.0, NOW - 800),
        ("5", "cart-17", "hat", "Purchase", 9.5, NOW - 800),
        (None, "cart-17", "hat", "AddToCart", 9.5, NOW - 200),
    ]


def test_rows_are_stored_once_and_what_has_no_place_is_counted(shop: IntakeShop):
    product = event("tenant-1.observer.catalog_product_save_commit_after", PRODUCT, "p1")
    customer = event("observer.customer_save_commit_after", {"entity_id": "6", "group_id": 1}, "c1")
    others = [
        {"no": "event"},
        3,
        event("observer.customer_login", {"entity_id": 6}),
        {**product, "recipient_client_id": "x"},
    ]
    for sent in (product, [product, customer, *others]):
        assert send(shop, sent).status_code == 200
    assert [name for name, _ in shop.rows("item")] == ["hat"]
    assert shop.rows("user") == [("6", {"GROUP_ID": 1})]
    dropped = shop.dropped("adobeio")
    assert dropped["invalid", "event"] == 2 and dropped["unmapped", "observer.customer_login"] == 1
    assert dropped["otherClient", "observer.catalog_product_save_commit_after"] == 1


@pytest.mark.parametrize(
    ("sent", "signature", "code"),
    [
        (event("observer.x", PRODUCT), "", "InvalidSignature"),
        (event("observer.x", PRODUCT), signature_of(b"{}", KEY), "InvalidSignature"),
        (event("observer.x", PRODUCT, recipient_client_id="nobody"), "", "InvalidKey"),
        (event("observer.x", PRODUCT, recipient_client_id=None), "", "MissingKey"),
        ({}, "", "MissingKey"),
    ],
)
def test_what_is_not_signed_for_a_client_is_refused(shop: IntakeShop, sent: Any, signature: str, code: str):
    answer = shop.post(EVENTS, json.dumps(sent).encode(), headers={FIRST: signature})
    assert (answer.status_code, answer.json()["code"]) == (401, code)


def test_an_empty_list_is_refused(shop: IntakeShop):
    assert (send(shop, []).status_code, send(shop, []).json()["code"]) == (400, "BatchTooLarge")
