"""Records of partners' messages, stored: events by the recorder of `POST /events`, rows, exposures and deletions.

A partner sends again what it has no answer to. So each record has a key, and what came before is stored once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from engine import Event, InvalidInput, PartialRow
from gateway.context.viewer import Viewers
from gateway.errors import Problem
from gateway.events.record import EventBatch, Recorder
from gateway.intake.base import LONGEST_NAME, PartnerDelivery
from gateway.intake.records import (
    Dropped,
    ErasedShop,
    ErasedUser,
    MappedConversion,
    MappedEvent,
    MappedExposure,
    MappedRow,
    MessageSender,
    RowKind,
    WithdrawnItem,
)
from gateway.plan.plan import Moment, Namespace
from gateway.telemetry import Telemetry
from gateway.upstreams.engine import EngineUpstream

log = logging.getLogger(__name__)

MOST_NAMES = 100  # of a namespace's partner that are counted one by one
OTHERS = "(others)"
AT_ONCE = 100  # events of a session that are stored in one go
DEVICES = ("cloudfront-", "sec-ch-", "user-agent", "accept-language", "x-forwarded-for", "forwarded")  # headers
KINDS: Mapping[type, str] = {
    MappedEvent: "event",
    MappedRow: "row",
    MappedExposure: "exposure",
    MappedConversion: "conversion",
    ErasedUser: "deletion",
    ErasedShop: "deletion",
    WithdrawnItem: "withdrawal",
}
REASONS = {"ITEMS": "Column", "USERS": "Trait"}

Expose = Callable[[Namespace, MappedExposure, Moment], Awaitable[bool]]  # False: there is no such flag or variation
Convert = Callable[[Namespace, MappedConversion, Moment], Awaitable[bool]]  # False: no experiment has such a metric
Erase = Callable[[Namespace, str], Awaitable[None]]
EraseShop = Callable[[Namespace, str], Awaitable[bool]]  # False: nobody is known to be of it
Hide = Callable[[Namespace, str], Awaitable[None]]


class OtherRecords(NamedTuple):
    """The ways of what is neither an event nor a row, and the viewers of the configuration in use."""

    expose: Expose
    convert: Convert
    erase: Erase
    erase_shop: EraseShop
    hide: Hide
    viewers: Callable[[], Viewers]


class PartnerRecorder:
    def __init__(self, recorder: Recorder, engine: EngineUpstream, telemetry: Telemetry, others: OtherRecords) -> None:
        self._recorder, self._engine, self._telemetry = recorder, engine, telemetry
        self._others = others
        self._names: defaultdict[tuple[str, str], set[str]] = defaultdict(set)

    async def store(self, namespace: Namespace, delivery: PartnerDelivery, moment: Moment) -> None:
        """Return once everything is durable. Raises what `Recorder.record` does but for what is wrong with an event:
        that is dropped, and counted. What is stored by then is not stored again when it is sent again."""
        mapped = delivery.mapped
        dropped = [each for each in mapped if isinstance(each, Dropped)]
        rows = [each for each in mapped if isinstance(each, MappedRow)]
        for user in [each.user for each in mapped if isinstance(each, ErasedUser)]:
            await self._others.erase(namespace, user)
        for shop in [each for each in mapped if isinstance(each, ErasedShop)]:
            is_there = await self._others.erase_shop(namespace, shop.shop)
            dropped += [] if is_there else [Dropped("byHand", shop.name)]
        parts = await asyncio.gather(
            self._store_events(namespace, [each for each in mapped if isinstance(each, MappedEvent)], moment),
            self._store_rows(namespace, "ITEMS", [each for each in rows if each.dataset == "ITEMS"]),
            self._store_rows(namespace, "USERS", [each for each in rows if each.dataset == "USERS"]),
            self._store_exposures(namespace, [each for each in mapped if isinstance(each, MappedExposure)], moment),
            self._store_conversions(namespace, [each for each in mapped if isinstance(each, MappedConversion)], moment),
            self._hide(namespace, [each for each in mapped if isinstance(each, WithdrawnItem)]),
        )
        for part in parts:
            dropped += part
        self.count(delivery, dropped)

    def count(self, delivery: PartnerDelivery, dropped: Iterable[Dropped]) -> None:
        space, partner = delivery.account.namespace, delivery.account.partner
        for kind, count in Counter(KINDS.get(type(each)) for each in delivery.mapped).items():
            if kind is not None:
                self._telemetry.intake_records(space, partner, kind, count)
        names = self._names[space, partner]
        for each in dropped:
            name = each.name[:LONGEST_NAME]
            if name not in names and len(names) >= MOST_NAMES:
                name = OTHERS
            elif name not in names:
                names.add(name)
                log.info("%s of %r is not stored for namespace %r: %s", name, partner, space, each.reason)
            self._telemetry.intake_dropped(space, partner, each.reason, name)

    # ---- events

    async def _store_events(self, namespace: Namespace, events: Sequence[MappedEvent], moment: Moment) -> list[Dropped]:
        if not events:
            return []
        fitted, dropped = await self._fitted(namespace, events)
        by_subject: defaultdict[tuple[str, str | None, MessageSender | None], list[Event]] = defaultdict(list)
        for each in fitted:
            by_subject[each.session, each.user, each.sender].append(each.event)
        batches = [
            (
                batch_of(session, user, some, with_body=bool(namespace.elsewhere)),
                moment_of(sender, moment, self._others.viewers()),
            )
            for (session, user, sender), many in by_subject.items()
            for some in (many[place : place + AT_ONCE] for place in range(0, len(many), AT_ONCE))
        ]
        for refused in await asyncio.gather(*(self._record(namespace, *each) for each in batches)):
            dropped += refused
        return dropped

    async def _fitted(
        self, namespace: Namespace, events: Sequence[MappedEvent]
    ) -> tuple[list[MappedEvent], list[Dropped]]:
        """The events with those of their properties that the Interactions schema has."""
        if not namespace.trackers or not any(each.event.properties for each in events):
            return list(events), []
        properties = [each.event.properties for each in events]
        many = await self._engine.fitting(namespace.trackers, "INTERACTIONS", properties)
        fitted = [
            each._replace(event=msgspec.structs.replace(each.event, properties=dict(fit.values)))
            for each, fit in zip(events, many, strict=True)
        ]
        return fitted, [Dropped(f"{part.reason}Property", part.name) for fit in many for part in fit.omitted]

    async def _record(self, namespace: Namespace, batch: EventBatch, moment: Moment) -> list[Dropped]:
        """Records all events but those that are refused for what they are."""
        try:
            await self._recorder.record(namespace, batch, moment)
        except Problem as problem:
            if problem.status != 400:
                raise
            if len(batch.events) == 1:
                log.info("an event of namespace %r is refused: %s", namespace.key, problem.message)
                return [Dropped("refused", batch.events[0].event_type)]
            single = [
                batch_of(batch.session, batch.user, [event], with_body=bool(namespace.elsewhere))
                for event in batch.events
            ]
            return [each for one in single for each in await self._record(namespace, one, moment)]
        return []

    # ---- rows, exposures

    async def _store_rows(self, namespace: Namespace, dataset: RowKind, rows: Sequence[MappedRow]) -> list[Dropped]:
        if not rows:
            return []
        if not namespace.trackers:
            return [Dropped("noDataset", dataset)] * len(rows)
        parts = [PartialRow(each.id, each.columns, each.once, each.changes, each.updated_at) for each in rows]
        omitted = await self._engine.merge_rows(namespace.trackers, dataset, parts)
        return [Dropped(f"{each.reason}{REASONS[dataset]}", each.name) for each in omitted]

    async def _store_exposures(
        self, namespace: Namespace, exposures: Sequence[MappedExposure], moment: Moment
    ) -> list[Dropped]:
        unknown = [each for each in exposures if not await self._others.expose(namespace, each, moment)]
        return [Dropped("unknownFlag", f"{each.flag}={each.variation}") for each in unknown]

    async def _store_conversions(
        self, namespace: Namespace, conversions: Sequence[MappedConversion], moment: Moment
    ) -> list[Dropped]:
        unknown = [each for each in conversions if not await self._others.convert(namespace, each, moment)]
        return [Dropped("noItem", each.metric) for each in unknown if each.is_alone]

    async def _hide(self, namespace: Namespace, hidden: Sequence[WithdrawnItem]) -> list[Dropped]:
        dropped = []
        for each in hidden:
            try:
                await self._others.hide(namespace, each.item)
            except InvalidInput as error:  # a thousand are hidden already
                log.warning("item %r of namespace %r is not hidden: %s", each.item, namespace.key, error)
                dropped.append(Dropped("refused", "hidden item"))
        return dropped


def moment_of(sender: MessageSender | None, moment: Moment, viewers: Viewers) -> Moment:
    """The moment as if the sender itself had sent the request."""
    if sender is None:
        return moment
    own = {name: value for name, value in moment.headers.items() if not name.startswith(DEVICES)}
    device = {"user-agent": sender.user_agent, "accept-language": sender.language}
    headers = {**own, **{name: value for name, value in device.items() if value}}
    viewed = viewers.headers(headers, (sender.address, 0) if sender.address else None)
    return msgspec.structs.replace(moment, caller=msgspec.structs.replace(moment.caller, headers=viewed))


def batch_of(session: str, user: str | None, events: Sequence[Event], *, with_body: bool) -> EventBatch:
    """`with_body`: for targets beside the engine."""
    if not with_body:
        return EventBatch(session, user, events)
    owner = {} if user is None else {"userId": user}
    body = {"sessionId": session, **owner, "eventList": [_members(event) for event in events]}
    return EventBatch(session, user, events, (), msgspec.json.encode(body))


def _members(event: Event) -> dict[str, Any]:
    """The event as `POST /events` has it."""
    members = {
        "eventType": event.event_type,
        "sentAt": event.sent_at,
        "eventId": event.event_id,
        "itemId": event.item_id,
        "eventValue": event.event_value,
        "properties": msgspec.json.encode(event.properties).decode() if event.properties else None,
        "recommendationId": event.recommendation_id,
        "impression": event.impression or None,
    }
    return {name: value for name, value in members.items() if value is not None}
