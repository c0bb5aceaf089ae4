"""Snowplow's tracker protocol 2, which its trackers speak, and the collector of Adobe Commerce's storefronts.

An event is named by what it is: a structured one `CATEGORY/ACTION`, a self-describing one by the name of its schema, a
page view `page_view`. Whatever is no event is dropped and counted; trackers give up what has 400 or 401.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from engine import Event
from gateway.errors import Invalid, Unauthenticated
from gateway.intake.base import (
    Endpoint,
    PartnerAccount,
    PartnerAccounts,
    PartnerDelivery,
    PartnerPart,
    PartnerReply,
    PartnerRequest,
    PartnerType,
    plain_refusal,
)
from gateway.intake.mapping import EventMapping, PartnerMapping, by_now, id_of, like, number_of
from gateway.intake.records import Dropped, MappedEvent, PartnerRecord

LARGEST_PAYLOAD = 1 << 20
MOST_EVENTS = 500
PIXEL = PartnerReply(
    base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"), media_type=b"image/gif"
)
DONE = PartnerReply(b"ok", media_type=b"text/plain")
NAMES = {"pv": "page_view", "pp": "page_ping", "tr": "transaction", "ti": "transaction_item"}  # by `e`
GUEST = "guest"  # Adobe's shopper without an id
PRICE = "pricing.specialPrice || pricing.regularPrice"
UNIT = 'message.contexts."recommendation-unit"[0].unitId'
PRODUCT = EventMapping(each="contexts.product", item_id="sku || productId", value=PRICE)
CART = EventMapping(
    each='contexts."shopping-cart"[0].items', item_id="productSku || sku", value="[offerPrice, qty || quantity]"
)
RECOMMENDED = EventMapping(each='contexts."recommended-item"', item_id="sku", recommendation_id=UNIT)


TABLE = PartnerMapping(
    user_id="uid || shopper",
    session_id="duid || sid || nuid",
    event_id="eid",
    each="data",
    item_id="itemId || item_id || sku || productId || product_id || id",
    value="value",
    properties="`{}`",
    recommendation_id="recommendationId || recommendation_id || unitId",
    others="pass",
    events={
        "product/view": like(PRODUCT, type="View"),
        "product/add-to-cart": like(PRODUCT, type="AddToCart"),
        "shopping-cart/view": like(CART, type="ViewCart"),
        "shopping-cart/initiate-checkout": like(CART, type="StartCheckout"),
        "checkout/place-order": like(CART, type="Purchase"),
        "recommendation-unit/rec-click": like(RECOMMENDED, type="Click"),
        "recommendation-unit/rec-add-to-cart-click": like(RECOMMENDED, type="AddToCart"),
        "recommendation-unit/impression-render": EventMapping(
            type="Impression",
            impression='message.contexts."recommended-item"[].sku',
            recommendation_id=UNIT,
        ),
        "transaction_item": EventMapping(type="Purchase", item_id="ti_sk", value="[ti_pr, ti_qu]"),
    },
)


class SnowplowPart(PartnerPart, frozen=True, kw_only=True):
    """Snowplow, and Adobe Commerce's storefronts: `keys` are application ids (`aid`), of Adobe's collector the
    `environmentId` of its storefront."""


# ---- requests


def read_post(request: PartnerRequest, accounts: PartnerAccounts) -> PartnerDelivery | PartnerReply:
    """Events in a payload, which is self-describing."""
    payload = request.members().get("data")
    if not isinstance(payload, list):
        raise Invalid("InvalidPayload", "'data' is a list of events")
    if len(payload) > MOST_EVENTS:
        raise Invalid("PayloadTooLarge", f"a payload has at most {MOST_EVENTS} events, not {len(payload)}")
    if not payload:
        return DONE
    return _delivery([_message(each) for each in payload], request, accounts, DONE)


def read_get(request: PartnerRequest, accounts: PartnerAccounts) -> PartnerDelivery:
    """One event in the query, answered by an image."""
    return _delivery([_message(request.query)], request, accounts, PIXEL)


def _delivery(
    messages: list[dict[str, Any] | None], request: PartnerRequest, accounts: PartnerAccounts, reply: PartnerReply
) -> PartnerDelivery:
    first = next((message for message in messages if message is not None), {})
    account = _account(first, accounts)
    mapped = [each for message in messages for each in _records(account, message, request, accounts)]
    return PartnerDelivery(account=account, mapped=mapped, reply=reply)


def _account(message: Mapping[str, Any], accounts: PartnerAccounts) -> PartnerAccount:
    """Raises `Unauthenticated`."""
    return accounts.of_key(id_of(_storefront(message).get("environmentId")), id_of(message.get("aid")))


def _records(
    account: PartnerAccount, message: dict[str, Any] | None, request: PartnerRequest, accounts: PartnerAccounts
) -> Iterator[PartnerRecord | Dropped]:
    if message is None:
        yield Dropped("invalid", "event")
        return
    try:
        is_own = _account(message, accounts) is account
    except Unauthenticated:
        is_own = False
    if not is_own:
        yield Dropped("otherApplication", message["name"])
        return
    at = _time(message, request.received_at)
    sender = request.sender(message.get("ua"), message.get("ip"), message.get("lang"))
    user, session = account.mapper.user(message), account.mapper.session(message)
    for each in account.mapper.map(message, message["name"], at):
        yield each._replace(sender=sender) if isinstance(each, MappedEvent) else each
    if message["name"] == "page_view" and user is not None and session is not None:
        event = Event(event_type="page_view", sent_at=at, event_id=account.mapper.event_id(message))
        yield MappedEvent(session, user, event, sender)


# ---- events


def _message(sent: Any) -> dict[str, Any] | None:
    """The event's parameters, with its `name`, `data` of its own, and `contexts` by the names of their schemas."""
    if not isinstance(sent, Mapping):
        return None
    kind = sent.get("e")
    contexts: dict[str, list[Any]] = {}
    for each in _list(_json_of(sent, "co", "cx").get("data")):
        if isinstance(each, dict):
            contexts.setdefault(_schema_name(each), []).append(each.get("data"))
    described = _json_of(sent, "ue_pr", "ue_px").get("data")
    event = described if isinstance(described, dict) else {}
    match kind:
        case "se":
            name = f"{sent.get('se_ca')}/{sent.get('se_ac')}"
            own: Any = {"id": sent.get("se_la"), "property": sent.get("se_pr"), "value": number_of(sent.get("se_va"))}
        case "ue":
            name, own = _schema_name(event), event.get("data")
        case str() if kind in NAMES:
            name, own = NAMES[kind], dict(sent)
        case _:
            return None
    return {**sent, "name": name, "data": own, "contexts": contexts, "shopper": _shopper(contexts)}


def _json_of(sent: Mapping[str, Any], plain: str, encoded: str) -> dict[str, Any]:
    """A parameter that is JSON, or JSON in base64 for URLs; {} for what is neither."""
    text = sent.get(plain)
    try:
        if text is None and isinstance(packed := sent.get(encoded), str):
            text = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
        found = msgspec.json.decode(text) if isinstance(text, str | bytes) else text
    except (binascii.Error, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _schema_name(described: Mapping[str, Any]) -> str:
    """iglu:VENDOR/NAME/jsonschema/1-0-0 is NAME."""
    parts = str(described.get("schema") or "").removeprefix("iglu:").split("/")
    return parts[1] if len(parts) == 4 else "event"


def _shopper(contexts: Mapping[str, list[Any]]) -> str | None:
    found = [id_of(each.get("shopperId")) for each in contexts.get("shopper", []) if isinstance(each, dict)]
    return next((shopper for shopper in found if shopper and shopper != GUEST), None)


def _storefront(message: Mapping[str, Any]) -> Mapping[str, Any]:
    found = [each for each in message.get("contexts", {}).get("storefront-instance", []) if isinstance(each, dict)]
    return found[0] if found else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _time(message: Mapping[str, Any], received_at: float) -> float:
    """The time by our clock: the device's own may be wrong, but it knows how long ago it was."""
    true = number_of(message.get("ttm"))
    happened, sent = number_of(message.get("dtm")), number_of(message.get("stm"))
    if true is not None:
        at = true / 1000
    elif happened is None:
        return received_at
    else:
        at = happened / 1000 if sent is None else received_at - (sent - happened) / 1000
    return by_now(at, received_at)


PARTNER = PartnerType(
    name="snowplow",
    part=SnowplowPart,
    table=TABLE,
    endpoints=(
        Endpoint("/com.snowplowanalytics.snowplow/tp2", read_post, LARGEST_PAYLOAD),
        Endpoint("/collector/tp2", read_post, LARGEST_PAYLOAD),
        Endpoint("/i", read_get, LARGEST_PAYLOAD, ("GET",)),
    ),
    refused=plain_refusal,
    place=21,
)
