"""Adobe Commerce's webhooks: products, customers, carts and orders, signed by the shop.

A webhook is about the hook that its URL names, or its body. Its signature is of the body in base64. What is taken is
answered by `{"op": "success"}`: any other operation would change or end what the shop is about to do.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from gateway.document.report import Report, checks, inside
from gateway.document.values import Text
from gateway.errors import Invalid, Unauthenticated
from gateway.intake.base import (
    Endpoint,
    PartnerAccounts,
    PartnerDelivery,
    PartnerPart,
    PartnerReply,
    PartnerRequest,
    PartnerType,
    plain_refusal,
)
from gateway.intake.mapping import EventMapping, Mapper, PartnerMapping, by_now, epoch_of, id_of, like, object_of
from gateway.intake.records import Dropped, ErasedUser, MappedEvent, PartnerRecord, WithdrawnItem
from gateway.intake.rsa_keys import check_public_keys, is_signed

LARGEST_WEBHOOK = 5 << 20
SIGNATURE = "x-adobe-commerce-webhook-signature"
SUCCESS = PartnerReply(b'{"op":"success"}')
SUBJECTS = {"catalog_product": "product", "customer": "customer", "sales_order": "order", "order": "order"}  # by hook
DELETED_PRODUCT = "observer.catalog_product_delete_after"
DELETED_CUSTOMER = "observer.customer_delete_after"
PLACED = "observer.sales_order_place_after"
ORDERS = frozenset({PLACED, "observer.order_cancel_after"})

PRODUCT = EventMapping(
    operation="putItems",
    item_id="sku",
    updated_at="updated_at",
    properties="{name: name, title: name, price: price, status: status, type: type_id, category: category_ids,"
    " creationTimestamp: created_at}",
)
CUSTOMER = EventMapping(
    operation="putUsers",
    updated_at="updated_at",
    properties="{groupId: group_id, websiteId: website_id, storeId: store_id, creationTimestamp: created_at}",
)
BOUGHT = EventMapping(
    type="Purchase", each="items[?parent_item_id == `null`]", item_id="sku", value="[price, qty_ordered]"
)
TABLE = PartnerMapping(
    user_id="customer_id || data.customer_id || data.quote_item.customer_id",
    session_id="session",
    event_id="eventId",
    properties="`{}`",
    others="drop",
    events={
        "observer.catalog_product_save_after": PRODUCT,
        "observer.customer_save_after": CUSTOMER,
        "observer.customer_register_success": CUSTOMER,
        "observer.checkout_cart_product_add_after": EventMapping(
            type="AddToCart", item_id="sku", value="[data.quote_item.price || price, data.quote_item.qty || `1`]"
        ),
        PLACED: BOUGHT,
        "observer.order_cancel_after": like(BOUGHT, type="CancelOrder"),
    },
)


class CommercePart(PartnerPart, frozen=True, kw_only=True):
    """Adobe Commerce: with the `publicKeys` of the shop (PEM), several while one replaces another, its webhooks may
    come to `/commerce/webhook/NAMESPACE`."""

    public_keys: tuple[Text, ...] = ()


@checks
def check_commerce(part: CommercePart, place: str, report: Report) -> None:
    check_public_keys(part.public_keys, place, report)
    if part.keys:
        report.warn(inside(place, "keys"), "says nothing here: webhooks are known by their signature")


# ---- webhooks


def read_webhook(request: PartnerRequest, accounts: PartnerAccounts) -> PartnerDelivery:
    account = accounts.of_namespace(request.segments["namespace"])
    if not is_signed(base64.b64encode(request.body), request.headers.get(SIGNATURE, ""), account.part.public_keys):
        raise Unauthenticated("InvalidSignature", f"{SIGNATURE} is missing or not of this body", SIGNATURE)
    body = request.members()
    hook = request.query.get("hook") or f"observer.{body.get('eventName') or ''}"
    if hook == "observer.":
        raise Invalid("MissingHook", "neither ?hook= nor 'eventName' says what the webhook is about")
    data = object_of(body.get("data")) or body
    mapped = list(records_of(account.mapper, hook, data, None, request.received_at))
    return PartnerDelivery(account=account, mapped=mapped, reply=SUCCESS)


def records_of(
    mapper: Mapper, hook: str, data: Mapping[str, Any], event_id: str | None, received_at: float
) -> Iterator[PartnerRecord | Dropped]:
    """The records of what a hook tells of: a thing, or an object that has it under its own name."""
    name = hook.replace("_commit_after", "_after")
    thing = _subject(name, data)
    order = id_of(thing.get("increment_id"))
    match name:
        case _ if name == DELETED_PRODUCT:
            item = id_of(thing.get("sku"))
            yield Dropped("noItem", hook) if item is None else WithdrawnItem(item)
        case _ if name == DELETED_CUSTOMER:
            user = id_of(thing.get("entity_id") or thing.get("id"))
            yield Dropped("noUser", hook) if user is None else ErasedUser(user)
        case _ if name in ORDERS and order is not None:
            cart = id_of(thing.get("quote_id"))
            message = {**thing, "data": data, "session": f"order-{order}" if cart is None else f"cart-{cart}"}
            moment = epoch_of(thing.get("created_at" if name == PLACED else "updated_at"))
            at = received_at if moment is None else by_now(moment, received_at)
            yield from _of_order(mapper.map(message, name, at), f"{name.rpartition('.')[2]}-{order}")
        case _:
            yield from mapper.map(_message(name, thing, data, event_id), name, received_at)


def _subject(name: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
    kind = next((kind for start, kind in SUBJECTS.items() if name.startswith(f"observer.{start}")), "product")
    return object_of(data.get(kind)) or data


def _message(name: str, thing: Mapping[str, Any], data: Mapping[str, Any], event_id: str | None) -> dict[str, Any]:
    message = {**thing, "data": data, "eventId": event_id}
    if name.startswith("observer.customer_"):
        message["customer_id"] = thing.get("entity_id") or thing.get("id")
    cart = id_of(object_of(data.get("quote_item")).get("quote_id") or data.get("quote_id"))
    message["session"] = None if cart is None else f"cart-{cart}"
    if isinstance(categories := thing.get("category_ids"), list):
        message["category_ids"] = "|".join(str(each) for each in categories)
    return message


def _of_order(mapped: Sequence[PartnerRecord | Dropped], prefix: str) -> Iterator[PartnerRecord | Dropped]:
    """Name an order's events by it and its items, in which all who tell of it agree."""
    counts: Counter[str | None] = Counter()
    for each in mapped:
        if isinstance(each, MappedEvent):
            item = each.event.item_id
            named = msgspec.structs.replace(each.event, event_id=f"{prefix}-{item}-{counts[item]}")
            counts[item] += 1
            each = each._replace(event=named)
        yield each


PARTNER = PartnerType(
    name="commerce",
    part=CommercePart,
    table=TABLE,
    endpoints=(Endpoint("/commerce/webhook/{namespace:str}", read_webhook, LARGEST_WEBHOOK),),
    refused=plain_refusal,
    place=22,
)
