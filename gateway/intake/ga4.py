"""Google Analytics 4's Measurement Protocol: `POST /mp/collect`, and `/debug/mp/collect`, which says what is wrong.

As at Google, `/mp/collect` answers 204 whatever a request says; what is wrong with one is in the log and counted. Only
who has to come again hears so: 429 and 503. An event has no id: `event_id` among its parameters is one, and of a
purchase its `transaction_id`; else an event with a time is the same as another that says the same at that microsecond.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from gateway.document.values import Text
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
from gateway.intake.mapping import EventMapping, PartnerMapping, by_now, id_of, number_of
from gateway.intake.records import Dropped, MappedEvent, MappedRow, PartnerRecord

LARGEST_BODY = 130 << 10
MOST_EVENTS = 25
TAKEN = PartnerReply(status=204)
TOO_MANY = 429  # from this status on a sender hears of a failure
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
RESERVED = ("ga_", "google_", "gtag_", "firebase_")
BOUGHT = ("purchase", "refund")

TABLE = PartnerMapping(
    user_id="user_id",
    session_id="client_id || app_instance_id",
    event_id="eventId",
    each="params.items",
    item_id="item_id",
    value="[price, quantity || `1`]",
    recommendation_id="recommendation_id || item_list_id || message.params.item_list_id",
    others="pass",
    events={
        "view_item": "View",
        "select_item": "Click",
        "add_to_cart": "AddToCart",
        "remove_from_cart": "RemoveFromCart",
        "add_to_wishlist": "AddToWishlist",
        "begin_checkout": "StartCheckout",
        "purchase": "Purchase",
        "refund": "Refund",
        "view_item_list": EventMapping(type="Impression", each="params", impression="items[].item_id", value="`null`"),
    },
)


class Ga4Part(PartnerPart, frozen=True, kw_only=True):
    """Google Analytics 4: `keys` are API secrets. Where `measurementIds` are listed, each request has to name one of
    them (`measurement_id`, or an app's `firebase_app_id`)."""

    measurement_ids: tuple[Text, ...] = ()


# ---- requests


def read_events(request: PartnerRequest, accounts: PartnerAccounts) -> PartnerDelivery:
    account = _account(request, accounts)
    body = request.members()
    events = body.get("events")
    if not isinstance(events, list):
        raise Invalid("InvalidEvents", "'events' is a list")
    mapped = [*_user(account, body), *_mapped(account, body, events[:MOST_EVENTS], request)]
    mapped += [Dropped("tooMany", "event")] * len(events[MOST_EVENTS:])
    return PartnerDelivery(account=account, mapped=mapped, reply=TAKEN)


def read_debug(request: PartnerRequest, accounts: PartnerAccounts) -> PartnerReply:
    """List the faults of a request, of which nothing is stored."""
    messages = [
        {"fieldPath": path, "description": description, "validationCode": code}
        for path, description, code in _faults(request, accounts)
    ]
    return PartnerReply(msgspec.json.encode({"validationMessages": messages}))


def refused(problem: Problem) -> PartnerReply:
    if problem.status < TOO_MANY:
        return TAKEN
    return plain_refusal(problem)


def _account(request: PartnerRequest, accounts: PartnerAccounts) -> PartnerAccount:
    account = accounts.of_key(request.query.get("api_secret"))
    wanted = account.part.measurement_ids
    if wanted and (request.query.get("measurement_id") or request.query.get("firebase_app_id")) not in wanted:
        raise Unauthenticated("InvalidKey", "the measurement id is not this secret's", "Basic")
    return account


# ---- events


def _mapped(
    account: PartnerAccount, body: Mapping[str, Any], events: list[Any], request: PartnerRequest
) -> Iterator[PartnerRecord | Dropped]:
    device = body.get("device")
    language = device.get("language") if isinstance(device, dict) else ""
    sender = request.sender(body.get("user_agent"), body.get("ip_override"), language)
    common = {name: value for name, value in body.items() if name != "events"}
    for event in events:
        name = event.get("name") if isinstance(event, dict) else None
        if not isinstance(name, str) or not name:
            yield Dropped("invalid", "event")
            continue
        micros = number_of(event.get("timestamp_micros")) or number_of(body.get("timestamp_micros"))
        at = request.received_at if micros is None else by_now(micros / 1e6, request.received_at)
        message = {**common, **event, "eventId": _event_id(body, event, micros)}
        for record in account.mapper.map(message, name, at):
            yield record._replace(sender=sender) if isinstance(record, MappedEvent) else record


def _event_id(body: Mapping[str, Any], event: Mapping[str, Any], micros: float | None) -> str | None:
    parameters = event.get("params")
    said = parameters if isinstance(parameters, dict) else {}
    if own := id_of(said.get("event_id")):
        return own
    if event["name"] in BOUGHT and (transaction := id_of(said.get("transaction_id"))):
        return f"{event['name']}-{transaction}"
    return None if micros is None else _digest([_whose(body), event["name"], micros, said])


def _user(account: PartnerAccount, body: Mapping[str, Any]) -> Iterator[PartnerRecord | Dropped]:
    """A row of Users from the user's properties, each of which is an object with its `value`."""
    properties = body.get("user_properties")
    if not isinstance(properties, dict) or not properties:
        return
    user = account.mapper.user(body)
    if user is None:
        yield Dropped("noUser", "user_properties")
        return
    columns = {name: each["value"] for name, each in properties.items() if isinstance(each, dict) and "value" in each}
    micros = number_of(body.get("timestamp_micros"))
    yield MappedRow("USERS", user, columns, None if micros is None else _digest([_whose(body), micros, columns]))


def _whose(body: Mapping[str, Any]) -> list[Any]:
    return [body.get("user_id"), body.get("client_id"), body.get("app_instance_id")]


def _digest(parts: list[Any]) -> str:
    return hashlib.blake2b(msgspec.json.encode(parts, order="deterministic"), digest_size=16).hexdigest()


# ---- what is wrong

Fault = tuple[str, str, str]  # the field, in words, and a code of Google's


def _faults(request: PartnerRequest, accounts: PartnerAccounts) -> Iterator[Fault]:
    try:
        _account(request, accounts)
    except Unauthenticated as problem:
        yield "api_secret", problem.message, "VALUE_INVALID"
    try:
        body = request.members()
    except Invalid as problem:
        yield "", problem.message, "VALUE_INVALID"
        return
    if not (id_of(body.get("client_id")) or id_of(body.get("app_instance_id"))):
        yield "client_id", "client_id (or an app's app_instance_id) is required, a text", "VALUE_REQUIRED"
    yield from _time_faults(body, "timestamp_micros")
    events = body.get("events")
    if not isinstance(events, list) or not events:
        yield "events", "events is required, a list with one event at least", "VALUE_REQUIRED"
        return
    if len(events) > MOST_EVENTS:
        yield "events", f"a request has at most {MOST_EVENTS} events, not {len(events)}", "EXCEEDED_MAX_ENTITIES"
    for place, event in enumerate(events):
        yield from _event_faults(event, f"events[{place}]")


def _event_faults(event: Any, place: str) -> Iterator[Fault]:
    if not isinstance(event, dict):
        yield place, "an event is an object", "VALUE_INVALID"
        return
    name = event.get("name")
    if not isinstance(name, str) or not name:
        yield f"{place}.name", "an event has a name", "VALUE_REQUIRED"
    elif name.startswith(RESERVED):
        yield f"{place}.name", f"{name!r} begins as names of Google's do", "NAME_RESERVED"
    elif not NAME.fullmatch(name):
        yield f"{place}.name", f"{name!r} is not 1 to 40 letters, digits and _, a letter first", "NAME_INVALID"
    if not isinstance(event.get("params", {}), dict):
        yield f"{place}.params", "params is an object", "VALUE_INVALID"
    yield from _time_faults(event, f"{place}.timestamp_micros")


def _time_faults(message: Mapping[str, Any], place: str) -> Iterator[Fault]:
    if "timestamp_micros" in message and number_of(message["timestamp_micros"]) is None:
        yield place, "timestamp_micros is a number, microseconds since 1970", "VALUE_INVALID"


PARTNER = PartnerType(
    name="ga4",
    part=Ga4Part,
    table=TABLE,
    endpoints=(
        Endpoint("/mp/collect", read_events, LARGEST_BODY),
        Endpoint("/debug/mp/collect", read_debug, LARGEST_BODY),
    ),
    refused=refused,
)
