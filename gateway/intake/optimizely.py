"""Optimizely: the events that its SDKs send (`POST /v1/events`): decisions are exposures, tracked events conversions.

The SDKs find no credential in their own protocol but `account_id`, which is what the datafile says. Ours says the SDK
key. Who mirrors events of an account at Optimizely lists that account's id among the keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.errors import Invalid
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
from gateway.intake.mapping import PartnerMapping, by_now, id_of, number_of
from gateway.intake.records import Dropped, MappedConversion, MappedEvent, MappedExposure, PartnerRecord

LARGEST_BATCH = 4 << 20
CENTS = 100  # of a unit of currency: `revenue` is in cents
DEFAULTS = ("rollout", "holdout")  # rules that are no experiments
ACTIVATION = "campaign_activated"  # the event that comes with a decision
TAKEN = PartnerReply(status=204)

TABLE = PartnerMapping(
    user_id="visitorId",
    session_id="attributes.sessionId",
    event_id="uuid",
    each="tags",
    item_id="itemId || item_id || sku || product_id || productId",
    value="message.revenue || message.value || [price, quantity || `1`]",
    recommendation_id="recommendationId || recommendation_id",
    others="pass",
)


class OptimizelyPart(PartnerPart, frozen=True, kw_only=True):
    """Optimizely's SDKs: `keys` are SDK keys, by which they get the datafile, too, or ids of accounts. By the datafile
    clients may track the names in `mapping.events`, and those of metrics."""


def read_events(request: PartnerRequest, accounts: PartnerAccounts) -> PartnerDelivery:
    batch = request.members()
    account = accounts.of_key(request.query.get("sdkKey"), id_of(batch.get("account_id")))
    visitors = batch.get("visitors")
    if not isinstance(visitors, list):
        raise Invalid("InvalidBatch", "'visitors' is a list")
    mapped = [each for visitor in visitors for each in _of_visitor(account, visitor, request)]
    return PartnerDelivery(account=account, mapped=mapped, reply=TAKEN)


def _of_visitor(account: PartnerAccount, visitor: Any, request: PartnerRequest) -> Iterator[PartnerRecord | Dropped]:
    snapshots = visitor.get("snapshots") if isinstance(visitor, dict) else None
    unit = id_of(visitor.get("visitor_id")) if isinstance(visitor, dict) else None
    if unit is None or not isinstance(snapshots, list):
        yield Dropped("noUser" if unit is None else "invalid", "visitor")
        return
    whose: dict[str, Any] = {"visitorId": unit, "attributes": _attributes(visitor.get("attributes"))}
    sender = request.sender(whose["attributes"].get("$opt_user_agent"))
    for snapshot in snapshots:
        if not isinstance(snapshot, dict):
            yield Dropped("invalid", "snapshot")
            continue
        events = [each for each in snapshot.get("events") or () if isinstance(each, dict)]
        at = min((_time(each, request.received_at) for each in events), default=request.received_at)
        for decision in snapshot.get("decisions") or ():
            yield _exposure(account, whose, decision, at)
        for event in events:
            for record in _of_event(account, {**whose, **_normal(event)}, request.received_at):
                yield record._replace(sender=sender) if isinstance(record, MappedEvent) else record


def _attributes(attributes: Any) -> dict[str, Any]:
    entries = attributes if isinstance(attributes, list) else []
    return {str(each.get("key")): each.get("value") for each in entries if isinstance(each, dict)}


def _exposure(account: PartnerAccount, whose: Mapping[str, Any], decision: Any, at: float) -> MappedExposure | Dropped:
    about = decision.get("metadata") if isinstance(decision, dict) else None
    if not isinstance(about, dict):  # of SDKs from before flags, which say ids alone
        return Dropped("invalid", "decision")
    flag, rule, variation = (about.get(name) or "" for name in ("flag_key", "rule_key", "variation_key"))
    if not all(isinstance(each, str) for each in (flag, rule, variation)):
        return Dropped("invalid", "decision")
    if about.get("rule_type") in DEFAULTS or not variation:
        return Dropped(str(about.get("rule_type")), flag)
    user, session = _owner(account, whose)
    return MappedExposure(flag or rule, session, user, variation, at, rule)


def _of_event(
    account: PartnerAccount, event: Mapping[str, Any], received_at: float
) -> Iterator[PartnerRecord | Dropped]:
    """An event about an item is stored as one; what metrics of its name count is a conversion."""
    name = event.get("key")
    if name == ACTIVATION:
        return
    if not isinstance(name, str) or not name:
        yield Dropped("invalid", "event")
        return
    at = _time(event, received_at)
    mapped = account.mapper.map(event, name, at)
    stored = [each for each in mapped if not (isinstance(each, Dropped) and each.reason == "noItem")]
    yield from stored
    if any(isinstance(each, Dropped) for each in stored):  # so the configuration says
        return
    is_stored = any(isinstance(each, MappedEvent) for each in stored)
    value = number_of(event.get("value")) if event["revenue"] is None else event["revenue"]
    user, session = _owner(account, event)
    event_id = account.mapper.event_id(event)
    yield MappedConversion(name, session, user, value, at, event_id, is_alone=not is_stored)


def _normal(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event with its revenue in units of currency, and with tags in any case."""
    cents, tags = number_of(event.get("revenue")), event.get("tags")
    revenue = None if cents is None else cents / CENTS
    return {**event, "revenue": revenue, "tags": tags if isinstance(tags, dict) else {}}


def _owner(account: PartnerAccount, message: Mapping[str, Any]) -> tuple[str | None, str]:
    """User and session: the unit of an experiment of sessions may be who decides are made for."""
    user = account.mapper.user(message)
    return user, account.mapper.session(message) or user or str(message["visitorId"])


def _time(event: Mapping[str, Any], received_at: float) -> float:
    """The time of an event; the SDKs do not say when they have sent it."""
    milliseconds = number_of(event.get("timestamp"))
    return received_at if milliseconds is None else by_now(milliseconds / 1000, received_at)


PARTNER = PartnerType(
    name="optimizely",
    part=OptimizelyPart,
    table=TABLE,
    endpoints=(Endpoint("/v1/events", read_events, LARGEST_BATCH),),
    refused=plain_refusal,
)
