"""The events service: PutEvents, PutItems and PutUsers (specification §2.5, §5.4). Acknowledged once durable."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Annotated, Any, Protocol

import msgspec
from msgspec import Meta

import engine
from gateway.aws.callers import Caller
from gateway.aws.members import Arn, Body, Id
from gateway.aws.protocol import Headers, decoded

LATEST_S = 100_000_000_000  # the year 5138; a greater number of seconds is milliseconds
RESERVED = frozenset({"userid", "sessionid", "eventtype", "timestamp", "recommendationid", "impression"})

Seconds = Annotated[float, Meta(ge=0)]
Batch = Meta(min_length=1, max_length=10)
Attribution = Annotated[str, Meta(max_length=1024, pattern=r"^[\x20-\x7e]*[\x21-\x7e]+[\x20-\x7e]*\Z")]


class MetricAttribution(Body, frozen=True, kw_only=True):
    event_attribution_source: Attribution


class PutEvent(Body, frozen=True, kw_only=True):
    event_type: Id
    sent_at: Seconds
    event_id: Id | None = None
    item_id: Id | None = None
    event_value: float | None = None
    properties: Annotated[str, Meta(min_length=1, max_length=1024)] | None = None
    recommendation_id: Annotated[str, Meta(min_length=1, max_length=40)] | None = None
    impression: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=25)] | None = None
    metric_attribution: MetricAttribution | None = None


class PutEvents(Body, frozen=True, kw_only=True):
    tracking_id: Id
    session_id: Id
    user_id: Id | None = None
    event_list: Annotated[list[PutEvent], Batch]


class PutItem(Body, frozen=True, kw_only=True):
    item_id: Id
    properties: Annotated[str, Meta(min_length=1, max_length=32_000)] | None = None


class PutItems(Body, frozen=True, kw_only=True):
    dataset_arn: Arn
    items: Annotated[list[PutItem], Batch]


class PutUser(Body, frozen=True, kw_only=True):
    user_id: Id
    properties: Annotated[str, Meta(min_length=1, max_length=24_000)] | None = None


class PutUsers(Body, frozen=True, kw_only=True):
    dataset_arn: Arn
    users: Annotated[list[PutUser], Batch]


Row = tuple[str, Mapping[str, Any]]


class Intake(Protocol):
    """Each returns a future that is done once the records are durable, or raises `engine.EngineError` at once."""

    def put_events(
        self, tracking_id: str, session_id: str, user_id: str | None, events: Sequence[engine.Event], account: str
    ) -> Future[int]: ...

    def put_items(self, dataset_arn: str, items: Sequence[Row], account: str) -> Future[int]: ...

    def put_users(self, dataset_arn: str, users: Sequence[Row], account: str) -> Future[int]: ...


class EventsCalls:
    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._events = msgspec.json.Decoder(PutEvents)
        self._items = msgspec.json.Decoder(PutItems)
        self._users = msgspec.json.Decoder(PutUsers)

    async def put_events(self, caller: Caller, _: Headers, body: bytes) -> bytes:
        asked = decoded(body, self._events)
        events = [event_of(event, f"eventList[{place}]") for place, event in enumerate(asked.event_list)]
        stored = self._intake.put_events(asked.tracking_id, asked.session_id, asked.user_id, events, caller.account)
        await asyncio.wrap_future(stored)
        return b""

    async def put_items(self, caller: Caller, _: Headers, body: bytes) -> bytes:
        asked = decoded(body, self._items)
        rows = [(item.item_id, properties_of(item.properties, item.item_id)) for item in asked.items]
        await asyncio.wrap_future(self._intake.put_items(asked.dataset_arn, rows, caller.account))
        return b""

    async def put_users(self, caller: Caller, _: Headers, body: bytes) -> bytes:
        asked = decoded(body, self._users)
        rows = [(user.user_id, properties_of(user.properties, user.user_id)) for user in asked.users]
        await asyncio.wrap_future(self._intake.put_users(asked.dataset_arn, rows, caller.account))
        return b""


def event_of(event: PutEvent, place: str) -> engine.Event:
    """Raises `InvalidInput` naming the place in the list. An itemId or eventValue among the properties, as AWS's first
    samples send them, counts where the event itself has none."""
    if event.sent_at >= LATEST_S:
        raise engine.InvalidInput(f"{place}.sentAt is {event.sent_at:.0f}: in milliseconds? It must be epoch seconds.")
    properties = properties_of(event.properties, place)
    for name in properties:
        if name.lower() in RESERVED:
            raise engine.InvalidInput(f"{place}.properties can't have the reserved key {name}.")
    item_id, event_value = properties.pop("itemId", None), properties.pop("eventValue", None)
    attribution = event.metric_attribution
    return engine.Event(
        event_type=event.event_type,
        sent_at=event.sent_at,
        event_id=event.event_id,
        item_id=event.item_id if event.item_id is not None else _item_id(item_id, place),
        event_value=event.event_value if event.event_value is not None else _event_value(event_value, place),
        properties=properties,
        recommendation_id=event.recommendation_id,
        impression=event.impression or (),
        metric_attribution={"eventAttributionSource": attribution.event_attribution_source} if attribution else {},
    )


def properties_of(text: str | None, place: str) -> dict[str, Any]:
    """Properties travel as the text of a JSON object (specification §0). Raises `InvalidInput` for any other text."""
    if text is None:
        return {}
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise engine.InvalidInput(f"The properties of {place} are not the text of a JSON object: {error}") from error


def _item_id(value: object, place: str) -> str | None:
    if value is None:
        return None
    text = str(value)
    if not 1 <= len(text) <= 256:
        raise engine.InvalidInput(f"{place}.properties.itemId has 1 to 256 characters.")
    return text


def _event_value(value: object, place: str) -> float | None:
    if value is None:
        return None
    try:
        return msgspec.convert(value, float, strict=False)
    except msgspec.ValidationError as error:
        raise engine.InvalidInput(f"{place}.properties.eventValue is not a number.") from error
