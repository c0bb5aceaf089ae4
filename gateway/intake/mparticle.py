"""mParticle: batches from servers and browsers, the browser's identity calls, and batches that mParticle passes on.

A batch is acknowledged with 202. One that breaks a rule of the wire is refused as a whole with 400, before any of it is
stored; an event of a type that has no use here is dropped, and counted.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from engine import Event
from gateway.document.values import Secret
from gateway.errors import Invalid, Problem, Unauthenticated
from gateway.intake.base import (
    Endpoint,
    PartnerAccount,
    PartnerAccounts,
    PartnerDelivery,
    PartnerPart,
    PartnerRefusal,
    PartnerReply,
    PartnerRequest,
    PartnerType,
)
from gateway.intake.mapping import EventMapping, PartnerMapping, by_now, id_of, number_of, object_of
from gateway.intake.records import Dropped, MappedEvent, MappedRow, PartnerRecord

LARGEST_BATCH = 256 << 10
LARGEST_BULK = 20 << 20
MOST_BATCHES = 100
ACCEPTED = PartnerReply(b"", 202)
IDENTITIES = ("customerid", "customer_id")  # as servers and browsers spell it
CHANGES = ("session_start", "user_attribute_change", "user_identity_change")  # after these a page's user is another
SHOWN = EventMapping(
    type="Impression",
    each="data.product_impressions",
    impression="products[].id",
    recommendation_id="product_impression_list",
    properties="message.data.custom_attributes",
)

TABLE = PartnerMapping(
    user_id="user_identities.customerid || user_identities.customer_id || mpid",
    session_id="data.session_uuid || data.session_id || mp_deviceid",
    event_id="data.source_message_id || data.event_id",
    each="things",
    item_id="itemId || item_id || productId || product_id || sku || id",
    value="value || total_product_amount || [price, quantity || `1`]",
    recommendation_id="recommendationId || recommendation_id",
    others="pass",
    events={
        "view_detail": "View",
        "click": "Click",
        "add_to_cart": "AddToCart",
        "remove_from_cart": "RemoveFromCart",
        "add_to_wishlist": "AddToWishlist",
        "remove_from_wish_list": "RemoveFromWishlist",
        "checkout": "StartCheckout",
        "checkout_option": EventMapping(operation="drop"),
        "purchase": "Purchase",
        "refund": "Refund",
        "product_impressions": SHOWN,
    },
)


class MparticlePart(PartnerPart, frozen=True, kw_only=True):
    """mParticle: `keys` are the inputs' keys, which pages have, too. With `secrets` a server must bring one of them.
    With `webhookAuthorization` mParticle's webhook output may send to `/mparticle/webhook/NAMESPACE`: its
    Authorization header has one of these values."""

    secrets: tuple[Secret, ...] = ()
    webhook_authorization: tuple[Secret, ...] = ()


# ---- requests


def read_events(request: PartnerRequest, accounts: PartnerAccounts) -> PartnerDelivery:
    account = _server(request, accounts)
    return _delivery(account, request, [request.members()])


def read_bulk(request: PartnerRequest, accounts: PartnerAccounts) -> PartnerDelivery:
    account = _server(request, accounts)
    batches = request.json()
    if not isinstance(batches, list):
        raise Invalid("BAD_REQUEST", "the body is a list of batches")
    if len(batches) > MOST_BATCHES:
        raise Invalid("BAD_REQUEST", f"a request has at most {MOST_BATCHES} batches, not {len(batches)}")
    return _delivery(account, request, batches)


def read_page(request: PartnerRequest, accounts: PartnerAccounts) -> PartnerDelivery:
    """A browser's batch. A visitor whom nobody has identified is a session, and no user."""
    account = accounts.of_key(request.segments["key"])
    batch = request.members()
    if id_of(batch.get("mpid")) == mpid_of(account, {"device": batch.get("mp_deviceid")}):
        batch = {**batch, "mpid": None}
    if not any(event.get("event_type") in CHANGES for event in _events(batch)):
        batch = {**batch, "user_attributes": None}
    return _delivery(account, request, [batch])


def read_webhook(request: PartnerRequest, accounts: PartnerAccounts) -> PartnerDelivery:
    """Take what mParticle passes on: a batch, or a list of them."""
    account = accounts.of_namespace(request.segments["namespace"])
    _check_secret(request.headers.get("authorization", ""), account.part.webhook_authorization)
    batches = request.json()
    return _delivery(account, request, batches if isinstance(batches, list) else [batches])


def read_identity(request: PartnerRequest, accounts: PartnerAccounts) -> PartnerReply:
    """The browser's identify, login and logout: the mpid of the customer, or else of the device."""
    account, members = _identity(request, accounts)
    identities = object_of(members.get("known_identities"))
    customer = customer_of(identities)
    matched = {} if customer is None else {"customer_id": customer}
    body = {
        "context": None,
        "mpid": mpid_of(account, matched or {"device": identities.get("device_application_stamp")}),
        "matched_identities": matched,
        "is_ephemeral": False,
        "is_logged_in": customer is not None,
    }
    return PartnerReply(msgspec.json.encode(body))


def read_modified(request: PartnerRequest, accounts: PartnerAccounts) -> PartnerReply:
    """Changed identities of a user, who stays the same: what the events then say counts."""
    _, members = _identity(request, accounts)
    changes = members.get("identity_changes")
    types = [object_of(change).get("identity_type") for change in changes] if isinstance(changes, list) else []
    results = [{"identity_type": each, "modified_mpid": request.segments["mpid"]} for each in types]
    return PartnerReply(msgspec.json.encode({"change_results": results}))


def read_alias(request: PartnerRequest, accounts: PartnerAccounts) -> PartnerDelivery:
    """An alias joins two mpids; here a session joins a visitor's events to the customer's."""
    account = accounts.of_key(request.segments["key"])
    return PartnerDelivery(account=account, mapped=[Dropped("unmapped", "alias")], reply=ACCEPTED)


def read_page_config(request: PartnerRequest, accounts: PartnerAccounts) -> PartnerReply:
    """The browser's client asks for it where it is not told `requestConfig: false`."""
    account = accounts.of_key(request.segments["key"])
    flags = {"eventsV3": "100", "eventBatchingIntervalMillis": "1000", "offlineStorage": "100"}
    body = {"appName": account.namespace, "flags": flags, "kitConfigs": [], "pixelConfigs": []}
    return PartnerReply(msgspec.json.encode(body))


def refused(problem: Problem) -> PartnerReply:
    code = "BAD_REQUEST" if problem.status == 400 else problem.code
    return PartnerReply(msgspec.json.encode({"errors": [{"code": code, "message": problem.message}]}), problem.status)


def _server(request: PartnerRequest, accounts: PartnerAccounts) -> PartnerAccount:
    key, secret = request.basic()
    account = accounts.of_key(key)
    if account.part.secrets:
        _check_secret(secret, account.part.secrets)
    return account


def _check_secret(text: str, secrets: Sequence[str]) -> None:
    """Raises `Unauthenticated`."""
    if not any(hmac.compare_digest(text.encode(), secret.encode()) for secret in secrets):
        raise Unauthenticated("InvalidSecret", "the secret is missing or wrong", "Basic")


def _identity(request: PartnerRequest, accounts: PartnerAccounts) -> tuple[PartnerAccount, dict[str, Any]]:
    """Whose identities, and the body. Its errors have another shape than those of events."""
    account = accounts.of_key(request.headers.get("x-mp-key"))
    try:
        return account, request.members()
    except Invalid as error:
        errors = {"Errors": [{"code": "BAD_REQUEST", "message": error.message}], "StatusCode": 400}
        raise PartnerRefusal(PartnerReply(msgspec.json.encode(errors), 400), error.code, error.message) from error


def customer_of(identities: Mapping[str, Any]) -> str | None:
    return next((user for name in IDENTITIES if (user := id_of(identities.get(name))) is not None), None)


def mpid_of(account: PartnerAccount, identity: Mapping[str, Any]) -> str:
    """The same for the same identity wherever it is asked for: 63 bits of a digest."""
    text = msgspec.json.encode([account.namespace, identity])
    return str(int.from_bytes(sha256(text).digest()[:8]) >> 1)


# ---- batches


def _delivery(account: PartnerAccount, request: PartnerRequest, batches: Sequence[Any]) -> PartnerDelivery:
    for batch in batches:
        _check_batch(batch)
    mapped = [each for batch in batches for each in _mapped(account, batch, request)]
    return PartnerDelivery(account=account, mapped=mapped, reply=ACCEPTED)


def _check_batch(batch: Any) -> None:
    """Raises `Invalid`, in the words that mParticle has for it."""
    if not isinstance(batch, dict):
        raise Invalid("BAD_REQUEST", "a batch is a JSON object")
    events = batch.get("events")
    if not isinstance(events, list | None):
        raise Invalid("BAD_REQUEST", "'events' is a list")
    for event in events or ():
        if not isinstance(event, dict) or not isinstance(event.get("event_type"), str) or not event["event_type"]:
            raise Invalid("BAD_REQUEST", 'Required event field "event_type" is missing or empty.')
        if not isinstance(event.get("data"), dict):
            raise Invalid("BAD_REQUEST", 'Required event field "data" is missing or empty.')


def _events(batch: Mapping[str, Any]) -> list[dict[str, Any]]:
    events = batch.get("events")
    return [each for each in events if isinstance(each, dict)] if isinstance(events, list) else []


def _mapped(
    account: PartnerAccount, batch: dict[str, Any], request: PartnerRequest
) -> Iterator[PartnerRecord | Dropped]:
    if len(request.body) > LARGEST_BATCH and len(msgspec.json.encode(batch)) > LARGEST_BATCH:
        yield Dropped("tooLarge", "batch")
        return
    device = object_of(batch.get("device_info"))
    sender = request.sender(device.get("http_header_user_agent"), batch.get("ip"), device.get("locale_language"))
    yield from _user(account, batch)
    for place, event in enumerate(_events(batch)):
        for each in _read(account, _message(batch, event, place), request.received_at):
            yield each._replace(sender=sender) if isinstance(each, MappedEvent) else each


def _user(account: PartnerAccount, batch: Mapping[str, Any]) -> Iterator[PartnerRecord | Dropped]:
    """The row of the batch's user. Attributes that were deleted become null."""
    deleted = batch.get("deleted_user_attributes")
    names = [name for name in deleted if isinstance(name, str)] if isinstance(deleted, list) else []
    columns = {**dict.fromkeys(names), **object_of(batch.get("user_attributes"))}
    if not columns:
        return
    user = account.mapper.user(batch)
    if user is None:
        yield Dropped("noUser", "user_attributes")
        return
    firsts = (object_of(event.get("data")).get("source_message_id") for event in _events(batch)[:1])
    once = id_of(batch.get("source_request_id")) or next(map(id_of, firsts), None)
    yield MappedRow("USERS", user, columns, once)


def _message(batch: dict[str, Any], event: Mapping[str, Any], place: int) -> dict[str, Any]:
    """The batch with one event of it. An event without an id has the batch's, and its place in it."""
    data = event["data"]
    request_id = id_of(batch.get("source_request_id"))
    if request_id is not None and not (data.get("source_message_id") or data.get("event_id")):
        data = {**data, "source_message_id": f"{request_id}-{place}"}
    return {**batch, "events": None, "event_type": event["event_type"], "data": data}


def _read(account: PartnerAccount, message: dict[str, Any], received_at: float) -> Iterator[PartnerRecord | Dropped]:
    data, kind = message["data"], message["event_type"]
    at = _time(data, received_at)
    attributes = object_of(data.get("custom_attributes"))
    match kind:
        case "commerce_event":
            yield from _commerce(account, message, at)
        case "custom_event" if isinstance(data.get("event_name"), str) and data["event_name"]:
            yield from account.mapper.map({**message, "things": attributes}, data["event_name"], at)
        case "screen_view":
            yield from account.mapper.map({**message, "things": attributes}, kind, at)
        case "user_identity_change":
            yield _linked(account, message, at)
        case _:
            yield Dropped("unmapped", kind)


def _commerce(account: PartnerAccount, message: dict[str, Any], at: float) -> Iterator[PartnerRecord | Dropped]:
    """A product action is an event a product, an impression an event a list; promotions have no item."""
    data = message["data"]
    action = object_of(data.get("product_action"))
    name = action.get("action")
    if isinstance(name, str) and name:
        products = action.get("products")
        attributes = object_of(data.get("custom_attributes"))
        things = [_thing(attributes, product) for product in products] if isinstance(products, list) else []
        yield from account.mapper.map({**message, "things": things}, name, at)
    if data.get("product_impressions"):
        yield from account.mapper.map({**message, "things": []}, "product_impressions", at)
    if data.get("promotion_action"):
        yield Dropped("unmapped", "promotion_action")


def _thing(attributes: Mapping[str, Any], product: Any) -> dict[str, Any]:
    """A product with its own attributes and the event's."""
    members = dict(object_of(product))
    own = object_of(members.pop("custom_attributes", None))
    return {**attributes, **own, **members, "itemId": members.get("id")}


def _linked(account: PartnerAccount, message: Mapping[str, Any], at: float) -> PartnerRecord | Dropped:
    """An event without an item: it says that the session is the user's."""
    user, session = account.mapper.user(message), account.mapper.session(message)
    if user is None or session is None:
        return Dropped("noUser", str(message["event_type"]))
    return MappedEvent(
        session, user, Event(event_type="identify", sent_at=at, event_id=account.mapper.event_id(message))
    )


def _time(data: Mapping[str, Any], received_at: float) -> float:
    """A batch does not say when it was sent, so its clock is trusted; the future is now."""
    stamp = number_of(data.get("timestamp_unixtime_ms"))
    return received_at if stamp is None else by_now(stamp / 1000, received_at)


PAGES = ("", "/webevents")  # paths of a page's client, bare or below the one `domain` that it is told
PARTNER = PartnerType(
    name="mparticle",
    part=MparticlePart,
    table=TABLE,
    endpoints=(
        Endpoint("/v2/events", read_events, LARGEST_BATCH),
        Endpoint("/v2/bulkevents", read_bulk, LARGEST_BULK),
        *(Endpoint(f"{start}/v3/JS/{{key:str}}/events", read_page, LARGEST_BATCH) for start in PAGES),
        *(Endpoint(f"{start}/v1/identity/{{key:str}}/Alias", read_alias, LARGEST_BATCH) for start in PAGES),
        *(Endpoint(f"/identity/v1/{call}", read_identity, LARGEST_BATCH) for call in ("identify", "login", "logout")),
        Endpoint("/identity/v1/{mpid:str}/modify", read_modified, LARGEST_BATCH),
        *(
            Endpoint(f"{start}/JS/v2/{{key:str}}/config", read_page_config, LARGEST_BATCH, ("GET",))
            for start in ("", "/tags")
        ),
        Endpoint("/mparticle/webhook/{namespace:str}", read_webhook, LARGEST_BULK),
    ),
    refused=refused,
    place=10,
)
