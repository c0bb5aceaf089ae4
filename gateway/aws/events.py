"""The events service: PutEvents and its four siblings (specification §2.5, §5.4). Acknowledged once durable."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Annotated, Any, Protocol

import msgspec
from msgspec import Meta

import engine
from gateway.aws.callers import AwsCaller
from gateway.aws.protocol import Arn, Call, Headers, Id, RequestBody, WireAnswer, decoded
from gateway.aws.rates import Take
from gateway.context.position import POSITION
from gateway.fields import plain

LATEST_S = 100_000_000_000  # the year 5138; a greater number of seconds is milliseconds
MOST_BYTES = 10_240  # of one event (specification §2.5)
RESERVED = frozenset({"userid", "sessionid", "eventtype", "timestamp", "recommendationid", "impression"})

Seconds = Annotated[float, Meta(ge=0)]
Batch = Meta(min_length=1, max_length=10)
Properties = Annotated[str, Meta(min_length=1, max_length=1024)]
RecommendationId = Annotated[str, Meta(min_length=1, max_length=40)]
Impression = Annotated[tuple[Id, ...], Meta(min_length=1, max_length=25)]
Attribution = Annotated[str, Meta(max_length=1024, pattern=r"^[\x20-\x7e]*[\x21-\x7e]+[\x20-\x7e]*\Z")]


class EventAttribution(RequestBody, frozen=True, kw_only=True):
    event_attribution_source: Attribution


class PutEvent(RequestBody, frozen=True, kw_only=True):
    event_type: Id
    sent_at: Seconds
    event_id: Id | None = None
    item_id: Id | None = None
    event_value: float | None = None
    properties: Properties | None = None
    recommendation_id: RecommendationId | None = None
    impression: Impression | None = None
    metric_attribution: EventAttribution | None = None


class PutEvents(RequestBody, frozen=True, kw_only=True):
    tracking_id: Id
    session_id: Id
    user_id: Id | None = None
    event_list: Annotated[list[PutEvent], Batch]


class PutRow(RequestBody, frozen=True, kw_only=True):
    row_id: Id
    properties: str | None = None


class PutRows(RequestBody, frozen=True, kw_only=True):
    dataset_arn: Arn
    rows: list[PutRow]


def rows_request(noun: str, longest: int) -> type[PutRows]:
    """The body of PutItems for `item`; `longest`: characters of a row's properties."""
    text = Annotated[str, Meta(min_length=1, max_length=longest)] | None
    members = [("row_id", Id, msgspec.field(name=f"{noun}Id")), ("properties", text, None)]
    row = msgspec.defstruct("PutRow", members, bases=(PutRow,), frozen=True, kw_only=True)
    rows = ("rows", Annotated[list[row], Batch], msgspec.field(name=f"{noun}s"))  # type: ignore[valid-type]
    request: type[Any] = msgspec.defstruct("PutRows", [rows], bases=(PutRows,), frozen=True, kw_only=True)
    return request


class PutActionInteraction(RequestBody, frozen=True, kw_only=True):
    action_id: Id
    session_id: Id
    timestamp: Seconds
    event_type: Id
    user_id: Id | None = None
    event_id: Id | None = None
    properties: Properties | None = None
    recommendation_id: RecommendationId | None = None
    impression: Impression | None = None


class PutActionInteractions(RequestBody, frozen=True, kw_only=True):
    tracking_id: Id
    action_interactions: Annotated[list[PutActionInteraction], Batch]


Row = tuple[str, Mapping[str, Any]]
ActionEvent = tuple[str, str | None, engine.Event]  # session, user, event


class EventIntake(Protocol):
    """Each returns a future that is done once the records are durable, or raises `engine.EngineError` at once."""

    def put_events(
        self, tracking_id: str, session_id: str, user_id: str | None, events: Sequence[engine.Event], account: str
    ) -> Future[int]: ...

    def put_rows(self, dataset_arn: str, dataset_type: str, rows: Sequence[Row], account: str) -> Future[int]: ...

    def put_action_interactions(self, tracking_id: str, deeds: Sequence[ActionEvent], account: str) -> Future[int]: ...


class EventsCalls:
    def __init__(self, intake: EventIntake, take: Take) -> None:
        """`take` counts a call by the dataset group's tracker or dataset, of which it has one."""
        self._intake, self._take = intake, take
        self._events = msgspec.json.Decoder(PutEvents)
        self._action_interactions = msgspec.json.Decoder(PutActionInteractions)

    async def put_events(self, caller: AwsCaller, _: Headers, body: bytes) -> WireAnswer:
        asked = decoded(body, self._events)
        self._take("PutEvents", caller.account, asked.tracking_id)
        if len(body) > MOST_BYTES:
            _check_sizes(asked.event_list)
        events = [event_of(event, f"eventList[{place}]") for place, event in enumerate(asked.event_list)]
        stored = self._intake.put_events(asked.tracking_id, asked.session_id, asked.user_id, events, caller.account)
        return await _acknowledged(stored)

    def put_rows(self, noun: str, longest: int) -> Call:
        """PutItems for `item`; `longest`: characters of a row's properties."""
        operation, dataset_type = f"Put{noun.title()}s", f"{noun.upper()}S"
        decoder = msgspec.json.Decoder(rows_request(noun, longest))

        async def call(caller: AwsCaller, _: Headers, body: bytes) -> WireAnswer:
            asked = decoded(body, decoder)
            self._take(operation, caller.account, asked.dataset_arn)
            rows = [(row.row_id, properties_of(row.properties, row.row_id)) for row in asked.rows]
            stored = self._intake.put_rows(asked.dataset_arn, dataset_type, rows, caller.account)
            return await _acknowledged(stored)

        return call

    async def put_action_interactions(self, caller: AwsCaller, _: Headers, body: bytes) -> WireAnswer:
        asked = decoded(body, self._action_interactions)
        self._take("PutActionInteractions", caller.account, asked.tracking_id)
        deeds = [deed_of(deed, f"actionInteractions[{place}]") for place, deed in enumerate(asked.action_interactions)]
        stored = self._intake.put_action_interactions(asked.tracking_id, deeds, caller.account)
        return await _acknowledged(stored)


async def _acknowledged(stored: Future[int]) -> WireAnswer:
    """Nothing but the position in the log, once it is durable."""
    position: int = await asyncio.wrap_future(stored)
    return WireAnswer(b"", {POSITION: str(position)})


def deed_of(deed: PutActionInteraction, place: str) -> ActionEvent:
    """Raises `InvalidInput` naming the place in the list."""
    check_time(deed.timestamp, f"{place}.timestamp")
    event = engine.Event(
        event_type=deed.event_type,
        sent_at=deed.timestamp,
        event_id=deed.event_id,
        item_id=deed.action_id,
        properties=event_properties(deed.properties, place),
        recommendation_id=deed.recommendation_id,
        impression=deed.impression or (),
    )
    return deed.session_id, deed.user_id, event


def event_of(event: PutEvent, place: str) -> engine.Event:
    """Raises `InvalidInput` naming the place in the list. An itemId or eventValue among the properties, as AWS's first
    samples send them, counts where the event itself has none."""
    check_time(event.sent_at, f"{place}.sentAt")
    properties = event_properties(event.properties, place)
    item_id, event_value = _taken(properties, "itemid"), _taken(properties, "eventvalue")
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


def check_time(value: float, member: str) -> None:
    if value >= LATEST_S:
        raise engine.InvalidInput(f"{member} is {value:.0f}: in milliseconds? It must be epoch seconds.")


def event_properties(text: str | None, place: str) -> dict[str, Any]:
    """Raises `InvalidInput` for a key that an event has a member for."""
    properties = properties_of(text, place)
    for name in properties:
        if plain(name) in RESERVED:
            raise engine.InvalidInput(f"{place}.properties can't have the reserved key {name}.")
    return properties


def _taken(properties: dict[str, Any], wanted: str) -> Any:
    """A property taken out, however it is spelled; None where there is none."""
    name = next((each for each in properties if plain(each) == wanted), None)
    return None if name is None else properties.pop(name)


def _check_sizes(events: Sequence[PutEvent]) -> None:
    for place, event in enumerate(events):
        size = len(msgspec.json.encode(event))
        if size > MOST_BYTES:
            raise engine.InvalidInput(f"eventList[{place}] has {size} bytes; an event has at most {MOST_BYTES}.")


def properties_of(text: str | None, place: str) -> dict[str, Any]:
    """Properties travel as the text of a JSON object (specification §0). Raises `InvalidInput` for any other text."""
    if text is None:
        return {}
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise engine.InvalidInput(
            f"The properties of {place} are not the text of a JSON object: {engine.in_words(error)}"
        ) from error


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
