"""Amplitude: events of its servers' and browsers' clients, with what they say of users and of experiments.

A request with a faulty event is refused as a whole with 400, which names the events' indexes: the clients then give up
those alone, and send the others again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from engine import ColumnChange, Event
from gateway.document.values import Secret
from gateway.errors import Problem, TooLarge
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
from gateway.intake.mapping import EventMapping, PartnerMapping, by_now, epoch_of, id_of, number_of, object_of
from gateway.intake.records import Dropped, MappedEvent, MappedExposure, MappedRow, PartnerRecord

LARGEST_REQUEST, LARGEST_BATCH = 1 << 20, 20 << 20
MOST_EVENTS = 2000
FAULTY = "InvalidEvents"  # in the log; the answer says more
SHORTEST_ID = 5  # of a strict account, unless a request says otherwise
EXPOSURES = {  # the properties that have the flag and its variation
    "$exposure": ("flag_key", "variant"),
    "[Experiment] Exposure": ("[Experiment] Flag Key", "[Experiment] Variant"),
}

Operation = Literal["setOnce", "add", "append", "prepend", "union", "remove"]
CHANGES: Mapping[str, Operation] = {
    "$setOnce": "setOnce",
    "$add": "add",
    "$append": "append",
    "$prepend": "prepend",
    "$postInsert": "union",
    "$preInsert": "union",
    "$remove": "remove",
}

TABLE = PartnerMapping(
    user_id="user_id",
    session_id="device_id || session_id",
    event_id="insert_id",
    each="things",
    item_id='itemId || item_id || product_id || productId || sku || "$productId"',
    value='value || revenue || "$revenue" || [price || "$price", quantity || "$quantity" || `1`]',
    impression="impression",
    recommendation_id="recommendationId || recommendation_id",
    others="pass",
    events={
        "Product Viewed": "View",
        "Product Clicked": "Click",
        "Product Added": "AddToCart",
        "Product Removed": "RemoveFromCart",
        "Product Added to Wishlist": "AddToWishlist",
        "Product List Viewed": EventMapping(
            type="Impression",
            each="event_properties",
            impression="products[].[product_id || productId || sku || itemId][]",
            recommendation_id="recommendationId || list_id",
        ),
        "Checkout Started": "StartCheckout",
        "Order Completed": "Purchase",
        "revenue_amount": "Purchase",
    },
)


class AmplitudePart(PartnerPart, frozen=True, kw_only=True):
    """Amplitude: `keys` are API keys and deployment keys. With `strictIds` ids of fewer than 5 characters are refused,
    as Amplitude does, or of fewer than a request's `min_id_length`. A server with one of the `secretKeys` may read
    user profiles, with their recommendations."""

    secret_keys: tuple[Secret, ...] = ()
    strict_ids: bool = False


# ---- requests


def read_upload(request: PartnerRequest, accounts: PartnerAccounts) -> PartnerDelivery:
    body = request.members()
    for name in ("api_key", "events"):
        if not body.get(name) and body.get(name) != []:
            raise invalid("Request missing required field", missing_field=name)
    key, events = body["api_key"], body["events"]
    account = accounts.of_key(key if isinstance(key, str) else None)
    if not isinstance(events, list):
        raise invalid("Request missing required field", missing_field="events")
    if len(events) > MOST_EVENTS:
        raise TooLarge(f"a request has at most {MOST_EVENTS} events, not {len(events)}")
    _check_events(events, _shortest(account, body.get("options")))
    late = _delay(body.get("client_upload_time"), request.received_at)
    mapped = [each for event in events for each in _mapped(account, event, request, late)]
    return PartnerDelivery(account=account, mapped=mapped, reply=_ingested(len(events), request))


def _ingested(count: int, request: PartnerRequest) -> PartnerReply:
    body = {
        "code": 200,
        "events_ingested": count,
        "payload_size_bytes": len(request.body),
        "server_upload_time": int(request.received_at * 1000),
    }
    return PartnerReply(msgspec.json.encode(body))


def refused(problem: Problem) -> PartnerReply:
    """Clients read all fields of a status. They know an unknown key by how its message begins."""
    members: dict[str, Any] = {"error": problem.message}
    match problem.status:
        case 401:
            return _error(400, {"error": f"Invalid API key: {problem.message}"})
        case 415:
            return _error(400, members)
        case 429:
            nobody: dict[str, Any] = {"throttled_devices": {}, "throttled_users": {}, "throttled_events": []}
            return _error(429, {**members, "eps_threshold": 0, **nobody})
        case status:
            return _error(status, members)


def _error(status: int, members: Mapping[str, Any]) -> PartnerReply:
    return PartnerReply(msgspec.json.encode({"code": status, **members}), status)


def invalid(message: str, **members: Any) -> PartnerRefusal:
    return PartnerRefusal(_error(400, {"error": message, **members}), FAULTY, message)


# ---- faulty events


def _shortest(account: PartnerAccount, options: Any) -> int:
    """The fewest characters that an id has."""
    if not account.part.strict_ids:
        return 1
    shortest = object_of(options).get("min_id_length")
    return shortest if isinstance(shortest, int) and shortest > 0 else SHORTEST_ID


def _check_events(events: Sequence[Any], shortest: int) -> None:
    """Raises a refusal that names each faulty event by its index, under the field that is at fault."""
    faults: dict[str, defaultdict[str, list[int]]] = {}
    for index, event in enumerate(events):
        for kind, name in _faults(event, shortest):
            faults.setdefault(f"events_with_{kind}", defaultdict(list))[name].append(index)
    if faults:
        words = {
            "events_with_missing_fields": "Request missing required field",
            "events_with_invalid_fields": "Invalid field values on some events",
            "events_with_invalid_id_lengths": "Invalid id length for user_id or device_id",
        }
        raise invalid(words[next(iter(faults))], **faults)


def _faults(event: Any, shortest: int) -> Iterator[tuple[str, str]]:
    """Kinds of fault, with the fields."""
    if not isinstance(event, dict):
        yield "invalid_fields", "event"
        return
    if event.get("event_type") in (None, ""):
        yield "missing_fields", "event_type"
    ids = [name for name in ("user_id", "device_id") if event.get(name) not in (None, "")]
    if not ids and event.get("event_type") != "$groupidentify":
        yield "missing_fields", "user_id"
        yield "missing_fields", "device_id"
    for name in (*ids, "event_type"):
        if event.get(name) not in (None, "") and id_of(event[name]) is None:
            yield "invalid_fields", name
    for name in ids:
        if len(str(event[name])) < shortest:
            yield "invalid_id_lengths", name
    for name, fits in FIELDS.items():
        if event.get(name) is not None and not fits(event[name]):
            yield "invalid_fields", name


FIELDS: Mapping[str, Callable[[Any], bool]] = {
    "time": lambda value: number_of(value) is not None,
    "session_id": lambda value: number_of(value) is not None,
    "insert_id": lambda value: id_of(value) is not None,
    "event_properties": lambda value: isinstance(value, dict),
    "user_properties": lambda value: isinstance(value, dict),
}


# ---- events


def _mapped(
    account: PartnerAccount, event: dict[str, Any], request: PartnerRequest, late: float
) -> Iterator[PartnerRecord | Dropped]:
    if number_of(event.get("session_id")) == -1:  # which says that there is none
        event = {**event, "session_id": None}
    sender = request.sender(event.get("user_agent"), event.get("ip"), event.get("language"))
    yield from _user(account, event)
    for each in _read(account, event, _time(event, request.received_at, late)):
        yield each._replace(sender=sender) if isinstance(each, MappedEvent) else each


def _read(account: PartnerAccount, event: dict[str, Any], at: float) -> Iterator[PartnerRecord | Dropped]:
    name = str(event["event_type"])
    if name == "$identify":
        link = _linked(account, event, at)
        if link is not None:
            yield link
    elif name == "$groupidentify":
        yield Dropped("unmapped", name)
    elif name in EXPOSURES:
        yield _exposed(account, event, at)
    else:
        yield from account.mapper.map({**event, "things": _things(event)}, name, at)


def _things(event: Mapping[str, Any]) -> Any:
    """The properties that an event is about, with those of the event itself; of several products a list."""
    own = {name: event[name] for name in ("productId", "price", "quantity", "revenue") if event.get(name) is not None}
    properties = {**own, **object_of(event.get("event_properties"))}
    products = properties.get("products")
    if not isinstance(products, list):
        return properties
    shared = {name: value for name, value in properties.items() if name not in ("products", "revenue", "value")}
    return [{**shared, **object_of(product)} for product in products]


def _exposed(account: PartnerAccount, event: Mapping[str, Any], at: float) -> PartnerRecord | Dropped:
    """The exposure of a user or device to a variation; without one, the client takes it back."""
    name = str(event["event_type"])
    flag, variation = (id_of(object_of(event.get("event_properties")).get(each)) for each in EXPOSURES[name])
    user, session = account.mapper.user(event), account.mapper.session(event)
    if flag is None:
        return Dropped("invalid", name)
    if variation is None:
        return Dropped("noVariation", name)
    return MappedExposure(flag, session or user or "", user, variation, at)


def _linked(account: PartnerAccount, event: Mapping[str, Any], at: float) -> MappedEvent | None:
    """An event without an item: it says that a device is a user's."""
    user, session = account.mapper.user(event), account.mapper.session(event)
    if user is None or session is None:
        return None
    return MappedEvent(session, user, Event(event_type="identify", sent_at=at, event_id=account.mapper.event_id(event)))


def _user(account: PartnerAccount, event: Mapping[str, Any]) -> Iterator[PartnerRecord | Dropped]:
    """The row of the event's user, by the operations that its user properties are; without one they are set."""
    properties = object_of(event.get("user_properties"))
    if not properties:
        return
    user = account.mapper.user(event)
    if user is None:
        yield Dropped("noUser", "user_properties")
        return
    columns = {name: value for name, value in properties.items() if not name.startswith("$")}
    columns |= dict.fromkeys(object_of(properties.get("$unset"))) | object_of(properties.get("$set"))
    changes = [
        ColumnChange(operation, name, value)
        for sign, operation in CHANGES.items()
        for name, value in object_of(properties.get(sign)).items()
    ]
    for name in sorted(set(properties) - {"$set", "$unset", *CHANGES, *columns}):
        yield Dropped("unmapped", name)
    if columns or changes:
        yield MappedRow("USERS", user, columns, account.mapper.event_id(event), changes)


# ---- times


def _delay(upload_time: Any, received_at: float) -> float:
    """Seconds that the sender's clock is late, where it says when it has sent."""
    sent_at = epoch_of(upload_time)
    return 0.0 if sent_at is None else received_at - sent_at


def _time(event: Mapping[str, Any], received_at: float, late: float) -> float:
    """The time of an event by our clock; the future is now."""
    stamp = number_of(event.get("time"))
    return received_at if stamp is None else by_now(stamp / 1000 + late, received_at)


PARTNER = PartnerType(
    name="amplitude",
    part=AmplitudePart,
    table=TABLE,
    endpoints=(
        Endpoint("/2/httpapi", read_upload, LARGEST_REQUEST),
        Endpoint("/batch", read_upload, LARGEST_BATCH),
    ),
    refused=refused,
    place=20,
)
