"""Shopify: signed webhooks of orders, products and customers, the web pixel of the storefront, and the signature of its
app proxy.

A webhook is signed over its raw body. Shopify sends one again that it has no 200 for, and may send one twice: orders
are stored once by their own ids, all else by the ids that the headers have. One that was late does not overwrite a
newer row. An order that the pixel has told of, too, is one order.
"""

from __future__ import annotations

import base64
import hmac
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from engine import Event
from gateway.document.values import Line, Secret
from gateway.errors import Invalid, Problem, Unauthenticated
from gateway.intake.base import (
    Endpoint,
    PartnerAccount,
    PartnerAccounts,
    PartnerDelivery,
    PartnerPart,
    PartnerReply,
    PartnerRequest,
    PartnerType,
)
from gateway.intake.mapping import EventMapping, PartnerMapping, by_now, epoch_of, id_of, like, number_of, object_of
from gateway.intake.records import Dropped, ErasedShop, ErasedUser, MappedEvent, PartnerRecord, WithdrawnItem

LARGEST_WEBHOOK = 5 << 20
LARGEST_PIXEL = 256 << 10
MOST_PIXEL_EVENTS = 100
PATIENCE_S = 90  # how old a signed question of the app proxy may be, as Shopify's own library has it
GLOBAL_ID = "gid://shopify/"
STORED = PartnerReply(b"{}")
ORDERS = frozenset({"orders/create", "orders/paid"})
BY_HAND = "customers/data_request"  # a privacy topic that an operator has to see to

NOTHING = "`{}`"
LINE = "{variantId: variant_id, quantity: quantity}"
TAGGED = "properties[?name=='_recommendationId'].value | [0]"
BOUGHT = EventMapping(
    type="Purchase",
    each="line_items",
    item_id="product_id",
    value="[price, quantity]",
    properties=LINE,
    recommendation_id=TAGGED,
)
PIXEL_LINES = EventMapping(
    each="data.checkout.lineItems",
    item_id="variant.product.id",
    value="[variant.price.amount, quantity]",
    properties="{variantId: variant.id, quantity: quantity}",
    recommendation_id="properties[?key=='_recommendationId'].value | [0]",
)
IN_CART = EventMapping(
    each="data.cartLine",
    item_id="merchandise.product.id",
    value="[merchandise.price.amount, quantity]",
    properties="{variantId: merchandise.id, quantity: quantity}",
)
PRODUCT = EventMapping(
    operation="putItems",
    item_id="id",
    updated_at="updated_at",
    properties="{name: title, title: title, vendor: vendor, category: product_type, tags: tags, price: price,"
    " status: status, shop: shop, creationTimestamp: created_at}",
)
CUSTOMER = EventMapping(
    operation="putUsers",
    updated_at="updated_at",
    properties="{ordersCount: orders_count, totalSpent: total_spent, state: state, tags: tags,"
    " country: default_address.country_code, shop: shop, creationTimestamp: created_at}",
)


TABLE = PartnerMapping(
    user_id="customer.id || data.checkout.order.customer.id",
    session_id="clientId || session",
    event_id="eventId || id",
    properties=NOTHING,
    others="drop",
    events={
        "orders/create": BOUGHT,
        "orders/cancelled": like(BOUGHT, type="CancelOrder"),
        "refunds/create": EventMapping(
            type="Refund",
            each="refund_line_items",
            item_id="line_item.product_id",
            value="[line_item.price, quantity]",
            properties="{variantId: line_item.variant_id, quantity: quantity}",
        ),
        "products/create": PRODUCT,
        "products/update": PRODUCT,
        "customers/create": CUSTOMER,
        "customers/update": CUSTOMER,
        "product_viewed": EventMapping(
            type="View",
            each="data.productVariant",
            item_id="product.id",
            value="price.amount",
            properties="{variantId: id}",
        ),
        "collection_viewed": EventMapping(type="Impression", impression="data.collection.productVariants[].product.id"),
        "search_submitted": EventMapping(type="Search", impression="data.searchResult.productVariants[].product.id"),
        "product_added_to_cart": like(IN_CART, type="AddToCart"),
        "product_removed_from_cart": like(IN_CART, type="RemoveFromCart"),
        "cart_viewed": like(IN_CART, type="ViewCart", each="data.cart.lines"),
        "checkout_started": like(PIXEL_LINES, type="StartCheckout"),
        "checkout_completed": like(PIXEL_LINES, type="Purchase"),
    },
)


class ShopifyPart(PartnerPart, frozen=True, kw_only=True):
    """Shopify: `signingSecrets` are the app's secrets, several while one replaces another. With them webhooks may come
    to `/shopify/webhook/NAMESPACE`, and the app proxy may ask `/shopify/proxy/NAMESPACE/RECOMMENDER`. Of `shops`, where
    some are listed, and no others. `keys` are for the web pixel, which sends to `/shopify/pixel`."""

    signing_secrets: tuple[Secret, ...] = ()
    shops: tuple[Line, ...] = ()


# ---- webhooks


def read_webhook(request: PartnerRequest, accounts: PartnerAccounts) -> PartnerDelivery:
    account = accounts.of_namespace(request.segments["namespace"])
    _check_signature(request, account.part.signing_secrets)
    check_shop(account.part, _header(request, "shop-domain"))
    topic, body = _topic(request), _plain(request.members())
    mapped = list(_webhook_records(account, topic, body, request))
    return PartnerDelivery(account=account, mapped=mapped, reply=STORED)


def _header(request: PartnerRequest, name: str) -> str:
    """A header of webhooks, whose names have begun with X- until there were Shopify's "events"."""
    return request.headers.get(f"shopify-{name}") or request.headers.get(f"x-shopify-{name}") or ""


def _check_signature(request: PartnerRequest, secrets: Sequence[str]) -> None:
    """Raises `Unauthenticated`."""
    signature = _header(request, "hmac-sha256").encode()
    digests = [base64.b64encode(hmac.digest(secret.encode(), request.body, sha256)) for secret in secrets]
    if not any(hmac.compare_digest(digest, signature) for digest in digests):
        message = "X-Shopify-Hmac-Sha256 is missing or not of this body"
        raise Unauthenticated("InvalidSignature", message, "X-Shopify-Hmac-Sha256")


def check_shop(part: ShopifyPart, shop: str) -> None:
    """Raises `Unauthenticated`: all shops that have installed an app share its secret."""
    if part.shops and shop not in part.shops:
        raise Unauthenticated("InvalidShop", "the shop is not one of this namespace's", "X-Shopify-Shop-Domain")


def _topic(request: PartnerRequest) -> str:
    topic, action = _header(request, "topic").lower(), _header(request, "action").lower()
    if not topic:
        raise Invalid("MissingHeader", "X-Shopify-Topic says what a webhook is about, and is missing")
    return topic if "/" in topic or not action else f"{topic}/{action}"


def _webhook_records(
    account: PartnerAccount, topic: str, body: dict[str, Any], request: PartnerRequest
) -> Iterator[PartnerRecord | Dropped]:
    match topic:
        case "customers/redact":
            customer = id_of(object_of(body.get("customer")).get("id"))
            yield Dropped("noUser", topic) if customer is None else ErasedUser(customer)
        case "products/delete":
            item = id_of(body.get("id"))
            yield Dropped("noItem", topic) if item is None else WithdrawnItem(item)
        case "shop/redact":
            yield ErasedShop(_header(request, "shop-domain"), topic)
        case _ if topic == BY_HAND:
            yield Dropped("byHand", topic)
        case _:
            message, at = _message(topic, body, request), _webhook_time(body, request)
            yield from _of_order(account, message, topic, at)


def _message(topic: str, body: dict[str, Any], request: PartnerRequest) -> dict[str, Any]:
    """The body with what its headers say, and all that the table's expressions can't make of it."""
    event_id = _header(request, "event-id") or _header(request, "webhook-id")
    message = {**body, "topic": topic, "shop": _header(request, "shop-domain")}
    if event_id:
        message["eventId"] = f"{topic}/{event_id}"  # several topics tell of one event
    if isinstance(tags := body.get("tags"), str):
        message["tags"] = "|".join(each.strip() for each in tags.split(",") if each.strip())
    kind = topic.partition("/")[0]
    if kind == "customers":
        message["customer"] = {"id": body.get("id")}
    elif kind == "products":
        variants = body.get("variants")
        prices = [number_of(object_of(each).get("price")) for each in variants] if isinstance(variants, list) else []
        message["price"] = min((price for price in prices if price is not None), default=None)
    else:
        message["session"] = _order_session(body.get("order_id") or body.get("id"))
    return message


def _of_order(
    account: PartnerAccount, message: Mapping[str, Any], topic: str, at: float
) -> Iterator[PartnerRecord | Dropped]:
    """The records of a message. Those of an order also say whose its session is, and that of its visitor."""
    mapped = account.mapper.map(message, topic, at)
    if topic not in ORDERS:
        yield from mapped
        return
    order, user = id_of(message.get("id")), account.mapper.user(message)
    yield from _by_order(account, order, mapped)
    attributes = message.get("note_attributes")
    for each in attributes if isinstance(attributes, list) else []:
        if object_of(each).get("name") == "_clientId" and (visitor := id_of(each.get("value"))) is not None:
            yield from _links(visitor, user, topic, at, f"order-{order}-visitor")
    yield from _links(_order_session(order), user, topic, at, f"order-{order}-session")


def _by_order(account: PartnerAccount, order: str | None, mapped: Sequence[Any]) -> Iterator[PartnerRecord | Dropped]:
    """Name a purchase's events by the order and its items, in which webhook and pixel agree."""
    if order is None or account.part.mapping.event_id is not None:
        yield from mapped
        return
    counts: Counter[str | None] = Counter()
    for each in mapped:
        if isinstance(each, MappedEvent):
            item = each.event.item_id
            event_id = f"order-{order}-{item}-{counts[item]}"
            counts[item] += 1
            each = each._replace(event=msgspec.structs.replace(each.event, event_id=event_id))
        yield each


def _links(session: str | None, user: str | None, name: str, at: float, event_id: str) -> Iterator[PartnerRecord]:
    if session is not None and user is not None:
        yield MappedEvent(session, user, Event(event_type=name, sent_at=at, event_id=event_id))


def _order_session(order: Any) -> str | None:
    """The session of an order, which its refunds have, too: they do not say whose they are."""
    text = id_of(order)
    return None if text is None else f"order-{text}"


def _webhook_time(body: Mapping[str, Any], request: PartnerRequest) -> float:
    moments = (body.get("cancelled_at"), body.get("created_at"), _header(request, "triggered-at"))
    at = next((moment for each in moments if (moment := epoch_of(each)) is not None), request.received_at)
    return by_now(at, request.received_at)


# ---- the web pixel


def read_pixel(request: PartnerRequest, accounts: PartnerAccounts) -> PartnerDelivery:
    """An event of the storefront, or a list of them, as a web pixel is handed them."""
    sent = request.json()
    first = sent[0] if isinstance(sent, list) and sent else sent
    key = object_of(first).get("key")
    account = accounts.of_key(request.query.get("key"), key if isinstance(key, str) else None, request.basic()[0])
    events = sent if isinstance(sent, list) else [sent]
    if len(events) > MOST_PIXEL_EVENTS:
        raise Invalid("BatchTooLarge", f"a request has at most {MOST_PIXEL_EVENTS} events, not {len(events)}")
    mapped = [each for event in events for each in _pixel_records(account, event, request)]
    return PartnerDelivery(account=account, mapped=mapped, reply=STORED)


def _pixel_records(account: PartnerAccount, event: Any, request: PartnerRequest) -> Iterator[PartnerRecord | Dropped]:
    name = event.get("name") if isinstance(event, dict) else None
    if not isinstance(name, str) or not name:
        yield Dropped("invalid", "event")
        return
    message = _plain(event)
    at = min(epoch_of(message.get("timestamp")) or request.received_at, request.received_at)
    navigator = object_of(object_of(message.get("context")).get("navigator"))
    sender = request.sender(navigator.get("userAgent"), "", navigator.get("language"))
    for each in _pixel_mapped(account, message, name, at):
        yield each._replace(sender=sender) if isinstance(each, MappedEvent) else each


def _pixel_mapped(
    account: PartnerAccount, message: Mapping[str, Any], name: str, at: float
) -> Iterator[PartnerRecord | Dropped]:
    mapped = account.mapper.map(message, name, at)
    if name != "checkout_completed":
        yield from mapped
        return
    order = id_of(object_of(object_of(object_of(message.get("data")).get("checkout")).get("order")).get("id"))
    user, session = account.mapper.user(message), account.mapper.session(message)
    yield from _by_order(account, order, mapped)
    # though the order's webhook was first, whose events these are then
    yield from _links(session, user, name, at, f"order-{order}-visitor")


# ---- the app proxy


def check_proxied(raw_query: bytes, part: ShopifyPart, now: float) -> dict[str, list[str]]:
    """The parameters of a question that a shop has handed on and signed. Raises `Unauthenticated`."""
    parameters: dict[str, list[str]] = {}
    for name, value in parse_qsl(raw_query.decode("latin-1"), keep_blank_values=True):
        parameters.setdefault(name, []).append(value)
    signature = ",".join(parameters.pop("signature", [])).lower().encode()
    joined = [(name, ",".join(values)) for name, values in parameters.items()]
    texts = {
        "".join(f"{name}={value}" for name, value in sorted(joined)),
        "".join(sorted(f"{name}={value}" for name, value in joined)),  # one name may begin with another
    }
    digests = [
        hmac.new(secret.encode(), text.encode(), sha256).hexdigest().encode()
        for secret in part.signing_secrets
        for text in texts
    ]
    if not any(hmac.compare_digest(digest, signature) for digest in digests):
        raise Unauthenticated("InvalidSignature", "signature is missing or not of this query", "signature")
    at = number_of(parameters.get("timestamp", [""])[-1])
    if at is None or abs(now - at) > PATIENCE_S:
        raise Unauthenticated("InvalidTimestamp", f"timestamp is not within {PATIENCE_S} seconds of now", "timestamp")
    check_shop(part, parameters.get("shop", [""])[-1])
    return parameters


# ---- common


def _plain(value: Any) -> Any:
    """The value with the plain ids of global ones: gid://shopify/Product/1 is 1."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, str) and value.startswith(GLOBAL_ID):
        return value.rpartition("/")[2].partition("?")[0]
    return value


def refused(problem: Problem) -> PartnerReply:
    return PartnerReply(msgspec.json.encode({"code": problem.code, "errors": problem.message}), problem.status)


PARTNER = PartnerType(
    name="shopify",
    part=ShopifyPart,
    table=TABLE,
    endpoints=(
        Endpoint("/shopify/webhook/{namespace:str}", read_webhook, LARGEST_WEBHOOK),
        Endpoint("/shopify/pixel", read_pixel, LARGEST_PIXEL),
    ),
    refused=refused,
    place=20,
)
