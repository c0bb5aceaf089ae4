"""Adobe I/O Events of Adobe Commerce: products, customers, carts and orders, signed by Adobe.

An event is a CloudEvent, alone or in a list, and names the client that it is for. Adobe signs the body by two keys, of
which one is enough: it replaces one at a time. A receiver proves that it is one by a challenge, which it sends back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from gateway.document.report import Report, checks
from gateway.document.values import Text
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
from gateway.intake.commerce import TABLE, records_of
from gateway.intake.mapping import by_now, epoch_of, id_of, object_of
from gateway.intake.records import Dropped, PartnerRecord
from gateway.intake.rsa_keys import check_public_keys, is_signed

LARGEST_DELIVERY = 5 << 20
MOST_EVENTS = 2000
LONGEST_CHALLENGE = 512
SIGNATURES = ("x-adobe-digital-signature-1", "x-adobe-digital-signature-2")
HOOK = re.compile(r"(?:^|\.)((?:observer|plugin)\..+)")  # at the end of a type: com.adobe.commerce.observer.…


class AdobeIoPart(PartnerPart, frozen=True, kw_only=True):
    """Adobe I/O Events of Adobe Commerce, at `/adobe/events`: `keys` are client ids of projects in its console,
    `publicKeys` (PEM) those that Adobe signs by."""

    public_keys: tuple[Text, ...] = ()


@checks
def check_adobe_io(part: AdobeIoPart, place: str, report: Report) -> None:
    check_public_keys(part.public_keys, place, report)


def read_challenge(request: PartnerRequest, accounts: PartnerAccounts) -> PartnerReply:
    challenge = request.query.get("challenge", "")
    if not 0 < len(challenge) <= LONGEST_CHALLENGE:
        raise Invalid("MissingChallenge", f"challenge: a text of at most {LONGEST_CHALLENGE} characters")
    return PartnerReply(msgspec.json.encode({"challenge": challenge}))


def read_events(request: PartnerRequest, accounts: PartnerAccounts) -> PartnerDelivery:
    sent = request.json()
    events = sent if isinstance(sent, list) else [sent]
    if not events or len(events) > MOST_EVENTS:
        raise Invalid("BatchTooLarge", f"a request has 1 to {MOST_EVENTS} events, not {len(events)}")
    account = accounts.of_key(_client(events[0]))
    if not any(is_signed(request.body, request.headers.get(name, ""), account.part.public_keys) for name in SIGNATURES):
        raise Unauthenticated("InvalidSignature", f"neither of {', '.join(SIGNATURES)} is of this body", SIGNATURES[0])
    mapped = [each for event in events for each in _records(account, event, request, accounts)]
    return PartnerDelivery(account=account, mapped=mapped, reply=PartnerReply(b"{}"))


def _client(event: Any) -> str | None:
    """The client that an event is for."""
    inner = _cloud_event(event)
    return id_of(inner.get("recipient_client_id") or object_of(event).get("recipient_client_id"))


def _cloud_event(event: Any) -> Mapping[str, Any]:
    """The event itself, which may be in an envelope."""
    return object_of(object_of(event).get("event")) or object_of(event)


def _records(
    account: PartnerAccount, event: Any, request: PartnerRequest, accounts: PartnerAccounts
) -> Iterator[PartnerRecord | Dropped]:
    inner = _cloud_event(event)
    kind = inner.get("type")
    hook = HOOK.search(kind) if isinstance(kind, str) else None
    data = object_of(inner.get("data"))
    if hook is None or not data:
        yield Dropped("invalid", kind if isinstance(kind, str) and kind else "event")
        return
    try:
        is_own = accounts.of_key(_client(event)) is account
    except Unauthenticated:
        is_own = False
    if not is_own:
        yield Dropped("otherClient", hook[1])
        return
    event_id = id_of(inner.get("event_id") or inner.get("id") or object_of(event).get("event_id"))
    at = by_now(epoch_of(inner.get("time")) or request.received_at, request.received_at)
    yield from records_of(account.mapper, hook[1], object_of(data.get("value")) or data, event_id, at)


PARTNER = PartnerType(
    name="adobeio",
    part=AdobeIoPart,
    table=TABLE,
    endpoints=(
        Endpoint("/adobe/events", read_challenge, 0, ("GET",)),
        Endpoint("/adobe/events", read_events, LARGEST_DELIVERY),
    ),
    refused=plain_refusal,
    place=23,
)
