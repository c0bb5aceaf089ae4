"""Segment and RudderStack, which speak one protocol: their servers' and browsers' calls, and Segment's signed webhooks.

A batch is acknowledged with exactly 200. A message that is none is dropped, as Segment does, and counted; a body that
can't be read, or is too large, is refused with 400, which clients do not send again.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha1
from typing import Any

import msgspec

from engine import Event
from gateway.document.values import Column, Secret
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
    plain_refusal,
)
from gateway.intake.mapping import EventMapping, PartnerMapping, by_now, epoch_of, id_of, object_of
from gateway.intake.records import Dropped, MappedEvent, MappedRow, PartnerRecord

LARGEST_BATCH = 500 << 10
LARGEST_MESSAGE = 32 << 10
MOST_MESSAGES = 2500
CALLS = {"t": "track", "i": "identify", "p": "page", "s": "screen", "g": "group", "a": "alias"}
SUCCESS = PartnerReply(b'{"success":true}')
PRODUCTS = "properties.products"
PRODUCT = "product_id || productId || sku || itemId || asset_id || content_asset_id"
PAID = "[price, quantity || `1`]"
LISTED = EventMapping(type="Impression", impression="products[].[product_id || productId || sku][]")

TABLE = PartnerMapping(
    user_id="userId",
    session_id="anonymousId || context.sessionId",
    event_id="messageId",
    each="properties",
    item_id=PRODUCT,
    value=f"revenue || value || {PAID}",
    recommendation_id="recommendationId || recommendation_id || list_id",
    others="pass",
    events={
        "Product Viewed": "View",
        "Product Clicked": "Click",
        "Product Added": "AddToCart",
        "Product Removed": "RemoveFromCart",
        "Product Added to Wishlist": "AddToWishlist",
        "Product Removed from Wishlist": "RemoveFromWishlist",
        "Product Shared": "Share",
        "Product Reviewed": EventMapping(type="Rate", value="rating"),
        "Product List Viewed": LISTED,
        "Product List Filtered": LISTED,
        "Checkout Started": EventMapping(type="StartCheckout", each=PRODUCTS, value=PAID),
        "Order Completed": EventMapping(type="Purchase", each=PRODUCTS, value=PAID),
        "Order Refunded": EventMapping(type="Refund", each=PRODUCTS, value=PAID),
        "Video Content Playing": "Watch",
        "Video Playback Completed": "Watch",
    },
)


class SegmentPart(PartnerPart, frozen=True, kw_only=True):
    """Segment or RudderStack: `keys` are write keys. With `signingSecrets` Segment's webhook destination may send to
    `/segment/webhook/NAMESPACE`. `groupColumn` is the column of Users that `group` calls fill."""

    signing_secrets: tuple[Secret, ...] = ()
    group_column: Column | None = None


# ---- requests


def read_batch(request: PartnerRequest, accounts: PartnerAccounts) -> PartnerDelivery:
    batch = request.members()
    account = accounts.of_key(*_keys(request, batch))
    messages = batch.get("batch")
    if not isinstance(messages, list):
        raise Invalid("InvalidBatch", "'batch' is a list of messages")
    if len(messages) > MOST_MESSAGES:
        raise Invalid("BatchTooLarge", f"a batch has at most {MOST_MESSAGES} messages, not {len(messages)}")
    common = {name: batch[name] for name in ("context", "integrations") if isinstance(batch.get(name), dict)}
    mapped = [
        each
        for message in messages
        for each in _mapped(account, _merged(common, message), request, batch.get("sentAt"))
    ]
    return PartnerDelivery(account=account, mapped=mapped, reply=SUCCESS)


def read_call(request: PartnerRequest, accounts: PartnerAccounts) -> PartnerDelivery:
    """One message, of the type that the path's last word names."""
    message = request.members()
    account = accounts.of_key(*_keys(request, message))
    if len(request.body) > LARGEST_MESSAGE:
        raise Invalid("MessageTooLarge", f"a message has at most {LARGEST_MESSAGE} bytes, not {len(request.body)}")
    word = request.path.rpartition("/")[2]
    typed = {**message, "type": CALLS.get(word, word)}
    return PartnerDelivery(account=account, mapped=[*_mapped(account, typed, request)], reply=SUCCESS)


def read_webhook(request: PartnerRequest, accounts: PartnerAccounts) -> PartnerDelivery:
    """Take what Segment has signed: the body, or of a batch its first message alone."""
    account = accounts.of_namespace(request.segments["namespace"])
    signed, rest = _signed(request, account.part.signing_secrets)
    mapped = [each for message in signed for each in _mapped(account, message, request)]
    unsigned = [Dropped("unsigned", name_of(message)) for message in rest]
    return PartnerDelivery(account=account, mapped=[*mapped, *unsigned], reply=SUCCESS)


def read_metrics(request: PartnerRequest, accounts: PartnerAccounts) -> PartnerReply:
    """The clients' numbers about themselves, which nobody here reads."""
    return SUCCESS


def read_source_config(request: PartnerRequest, accounts: PartnerAccounts) -> PartnerReply:
    """RudderStack's browser client asks for it before it sends anything."""
    key = request.query.get("writeKey") or request.basic()[0]
    name = accounts.of_key(key).namespace
    quiet = {"errors": {"enabled": False}, "metrics": {"enabled": False}}
    source = {
        "id": name,
        "name": name,
        "writeKey": key,
        "enabled": True,
        "config": {"statsCollection": quiet},
        "dataplanes": [],
        "destinations": [],
        "connections": [],
    }
    updated = datetime.fromtimestamp(request.received_at, UTC).isoformat()
    return PartnerReply(msgspec.json.encode({"source": source, "updatedAt": updated}))


def refused(problem: Problem) -> PartnerReply:
    status = 400 if problem.status in (413, 415) else problem.status
    return plain_refusal(problem, status)


def _keys(request: PartnerRequest, body: Mapping[str, Any]) -> Iterator[str | None]:
    key = body.get("writeKey")
    yield key if isinstance(key, str) else None
    yield request.basic()[0]
    yield request.query.get("writeKey")


def _signed(request: PartnerRequest, secrets: Sequence[str]) -> tuple[list[Any], list[Any]]:
    """The messages that are signed, and the others. Raises `Unauthenticated`."""
    messages = request.json()
    if _is_signed(request, request.body, secrets):
        return (messages, []) if isinstance(messages, list) else ([messages], [])
    if isinstance(messages, list) and messages:
        first = bytes(msgspec.json.decode(request.body, type=list[msgspec.Raw])[0])
        if _is_signed(request, first, secrets):
            return messages[:1], messages[1:]
    raise Unauthenticated("InvalidSignature", "X-Signature is missing or not of this body", "X-Signature")


def _is_signed(request: PartnerRequest, text: bytes, secrets: Sequence[str]) -> bool:
    signature = request.headers.get("x-signature", "").lower().encode()
    digests = [hmac.new(secret.encode(), text, sha1).hexdigest().encode() for secret in secrets]
    return any(hmac.compare_digest(digest, signature) for digest in digests)


# ---- messages


def name_of(message: Any) -> str:
    """The name by which a message is counted."""
    if not isinstance(message, dict):
        return "message"
    return str(message.get("event") or message.get("type") or "message")


def _merged(common: Mapping[str, Any], message: Any) -> Any:
    if not common or not isinstance(message, dict):
        return message
    return {**message, **{name: {**value, **object_of(message.get(name))} for name, value in common.items()}}


def _mapped(
    account: PartnerAccount, message: Any, request: PartnerRequest, sent_at: Any = None
) -> Iterator[PartnerRecord | Dropped]:
    if not isinstance(message, dict):
        yield Dropped("invalid", "message")
        return
    if len(msgspec.json.encode(message)) > LARGEST_MESSAGE:
        yield Dropped("tooLarge", name_of(message))
        return
    at, context = _time(message, request.received_at, sent_at), object_of(message.get("context"))
    sender = request.sender(context.get("userAgent"), context.get("ip"), context.get("locale"))
    for each in _read(account, message, at):
        yield each._replace(sender=sender) if isinstance(each, MappedEvent) else each


def _read(account: PartnerAccount, message: Mapping[str, Any], at: float) -> Iterator[PartnerRecord | Dropped]:
    match message.get("type"):
        case "track" if isinstance(message.get("event"), str) and message["event"]:
            yield from account.mapper.map(message, message["event"], at)
        case "page" | "screen" as kind:
            yield from account.mapper.map(message, kind, at)
        case "identify":
            yield from _identified(account, message, at)
        case "alias":
            yield _linked(account, id_of(message.get("previousId")), message, at)
        case "group":
            yield _grouped(account, message)
        case _:
            yield Dropped("invalid", name_of(message))


def _identified(account: PartnerAccount, message: Mapping[str, Any], at: float) -> Iterator[PartnerRecord | Dropped]:
    user, session = account.mapper.user(message), account.mapper.session(message)
    if user is None:
        yield Dropped("noUser", "identify")
        return
    traits = {**object_of(object_of(message.get("context")).get("traits")), **object_of(message.get("traits"))}
    if traits:
        yield MappedRow("USERS", user, traits, account.mapper.event_id(message))
    if session is not None:
        yield _linked(account, session, message, at)


def _linked(account: PartnerAccount, session: str | None, message: Mapping[str, Any], at: float) -> Any:
    """An event without an item: it says that a session, or a former id, is the user's."""
    user, kind = account.mapper.user(message), str(message["type"])
    if user is None or session is None:
        return Dropped("noUser", kind)
    return MappedEvent(session, user, Event(event_type=kind, sent_at=at, event_id=account.mapper.event_id(message)))


def _grouped(account: PartnerAccount, message: Mapping[str, Any]) -> PartnerRecord | Dropped:
    column, group = account.part.group_column, id_of(message.get("groupId"))
    user = account.mapper.user(message)
    if column is None:
        return Dropped("unmapped", "group")
    if user is None or group is None:
        return Dropped("noUser" if user is None else "invalid", "group")
    return MappedRow("USERS", user, {column: group}, account.mapper.event_id(message))


def _time(message: Mapping[str, Any], received_at: float, sent_at: Any) -> float:
    """The time of a message by our clock: the sender's may be wrong, but it knows how long ago it was."""
    original = epoch_of(message.get("originalTimestamp")) or epoch_of(message.get("timestamp"))
    if message.get("receivedAt"):  # Segment has corrected it
        original, sent = epoch_of(message.get("timestamp")) or original, None
    else:
        sent = epoch_of(message.get("sentAt")) or epoch_of(sent_at)
    if original is None:
        return received_at
    at = original if sent is None else received_at - (sent - original)
    return by_now(at, received_at)


BATCHES = ("/v1/batch", "/v1/import", "/v1/b", "/beacon/v1/batch")
PARTNER = PartnerType(
    name="segment",
    part=SegmentPart,
    table=TABLE,
    endpoints=(
        *(Endpoint(path, read_batch, LARGEST_BATCH) for path in BATCHES),
        *(Endpoint(f"/v1/{word}", read_call, LARGEST_BATCH) for pair in CALLS.items() for word in pair),
        Endpoint("/v1/m", read_metrics, LARGEST_BATCH),
        Endpoint("/sourceConfig", read_source_config, LARGEST_BATCH, ("GET",)),
        Endpoint("/segment/webhook/{namespace:str}", read_webhook, LARGEST_BATCH, ("POST", "PUT", "PATCH")),
    ),
    refused=refused,
    place=0,
)
