"""Intake of single records: events, items, users, actions; checked against schemas, then appended to the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from engine.data import entries
from engine.data.log import Log, LogEntry
from engine.data.reserved import DATASET_TYPES
from engine.data.schema import Schema, plain
from engine.data.values import check_properties, check_seconds
from engine.errors import EngineError, InvalidInput, NotFound
from engine.feed.directory import Directory, unknown_tracker
from engine.impressions.implicit import ImplicitImpressions
from engine.question import Event
from engine.records import DatasetRecord, EventTrackerRecord

MAX_RECORDS = 10  # of one call (specification §2.5)
ROWS = {"ITEMS": "item", "USERS": "user", "ACTIONS": "action"}  # dataset type -> kind of log records

ActionEvent = tuple[str, str | None, Event]  # session, user, and an event whose item is an action


class EventDestination(NamedTuple):
    """The destination of one tracker's records of a kind."""

    group: str  # the dataset group's uid
    schema: Schema
    scope: bytes  # of what makes two events the same, see `_once`


class RecordIntake:
    def __init__(
        self, directory: Directory, log: Log, owner: Callable[[str, str], str | None], impressions: ImplicitImpressions
    ) -> None:
        """`owner(group uid, session)` is the user that a session is known to belong to."""
        self._directory, self._log, self._owner, self._impressions = directory, log, owner, impressions

    def put_events(
        self,
        tracking_ids: Sequence[str],
        session_id: str,
        user_id: str | None,
        events: Sequence[Event],
        automatic: Mapping[str, object],
    ) -> Future[int]:
        """All events to all trackers, or none to any. Raises `InvalidInput` (specification §5.4).

        `automatic` properties are added where an event has none of that name and the tracker's schema has the field.
        """
        targets = [self._target(tracking_id, "INTERACTIONS") for tracking_id in tracking_ids]
        for event in events:
            check_seconds("sentAt", event.sent_at)
        appended = self._log.append(
            [entry for each in targets for entry in self._event_entries(each, session_id, user_id, events, automatic)]
        )
        for each in targets:
            self._impressions.note(each.group, user_id or session_id, events)
        return appended

    def knows(self, tracking_ids: Sequence[str]) -> bool:
        """True where events to these trackers are taken without a look into the database."""
        return all(self._directory.has(("target INTERACTIONS", each)) for each in tracking_ids)

    def check_tracker(self, tracking_id: str, account: str) -> None:
        """Raises `InvalidInput` where the account has no such tracker, in the words for one that nobody has."""
        if self._directory.tracker(tracking_id).account != account:
            raise unknown_tracker(tracking_id)

    def _event_entries(
        self,
        target: EventDestination,
        session_id: str,
        user_id: str | None,
        events: Sequence[Event],
        automatic: Mapping[str, object],
    ) -> list[LogEntry]:
        also, schema = session_id if user_id else self._owner(target.group, session_id), target.schema
        if automatic:
            events = [_completed(event, automatic, schema) for event in events]
        interactions = [_interaction(session_id, user_id, event, schema) for event in events]
        return [_event_entry("event", target, each, also) for each in interactions]

    def put_action_interactions(
        self, tracking_id: str, interactions: Sequence[ActionEvent], account: str
    ) -> Future[int]:
        """All or none. Raises `NotFound` for an unknown tracker, `InvalidInput` (specification §2.5)."""
        try:
            self.check_tracker(tracking_id, account)
        except InvalidInput as error:  # which is all that PutEvents declares
            raise NotFound(error.message) from error
        target = self._target(tracking_id, "ACTION_INTERACTIONS")
        records = []
        for session, user, event in interactions:
            check_seconds("timestamp", event.sent_at)
            also = session if user else self._owner(target.group, session)
            records.append(
                _event_entry("action_event", target, _interaction(session, user, event, target.schema), also)
            )
        return self._log.append(records)

    def put_rows(
        self, dataset_arn: str, dataset_type: str, rows: Sequence[tuple[str, Mapping[str, Any]]], account: str
    ) -> Future[int]:
        """Items, users or actions; each replaces the earlier record of its id (specification §2.5)."""
        dataset = self._directory.get(dataset_arn, DatasetRecord, account)
        if dataset.dataset_type != dataset_type:
            raise InvalidInput(f"datasetArn: {dataset_arn} is of type {dataset.dataset_type}, not {dataset_type}.")
        schema = self._directory.schema(dataset)
        if not 1 <= len(rows) <= MAX_RECORDS:
            raise InvalidInput(f"{len(rows)} records are given; 1 to {MAX_RECORDS} are allowed.")
        group = self._directory.group_of(dataset).uid
        return self._log.append([_row_entry(group, ROWS[dataset_type], name, values, schema) for name, values in rows])

    def _target(self, tracking_id: str, dataset_type: str) -> EventDestination:
        return self._directory.once(
            (f"target {dataset_type}", tracking_id), partial(self._found, tracking_id, dataset_type)
        )

    def _found(self, tracking_id: str, dataset_type: str) -> EventDestination:
        tracker = self._directory.tracker(tracking_id)
        dataset = self._dataset(tracker, dataset_type)
        scope = f"{dataset.dataset_type}/{dataset.creation_date_time}/".encode()
        return EventDestination(self._directory.group_of(tracker).uid, self._directory.schema(dataset), scope)

    def _dataset(self, tracker: EventTrackerRecord, dataset_type: str) -> DatasetRecord:
        dataset = self._directory.datasets(tracker.dataset_group_arn).get(dataset_type)
        if dataset is None:
            name = DATASET_TYPES[dataset_type]
            raise InvalidInput(f"The tracker's dataset group has no {name} dataset; create it first.")
        return dataset


def _completed(event: Event, automatic: Mapping[str, object], schema: Schema) -> Event:
    own = {plain(name) for name in event.properties}
    added = {
        name: value
        for name, value in automatic.items()
        if plain(name) not in own and schema.field_for(name) is not None
    }
    return msgspec.structs.replace(event, properties={**added, **event.properties})


def _interaction(session: str, user: str | None, event: Event, schema: Schema) -> entries.Interaction:
    return entries.Interaction(
        user=user,
        session=session,
        item=event.item_id,
        event_type=event.event_type,
        time=float(event.sent_at),  # so that 1 and 1.0 are written alike
        value=None if event.event_value is None else float(event.event_value),
        event_id=event.event_id,
        properties=dict(sorted(check_properties(schema, event.properties).items())) if event.properties else {},
        recommendation_id=event.recommendation_id,
        impression=event.impression,
        attribution=dict(sorted(event.metric_attribution.items())) if event.metric_attribution else {},
    )


def _event_entry(kind: str, target: EventDestination, interaction: entries.Interaction, also: str | None) -> LogEntry:
    """`also` is whose answers change, too: the user's session, or the session's user."""
    body = entries.encode(interaction)
    rings = () if also is None else (also,)
    return LogEntry(
        target.group, kind, interaction.user or interaction.session, body, _once(target.scope, interaction, body), rings
    )


def _once(scope: bytes, interaction: entries.Interaction, body: bytes) -> bytes:
    """Equal for events of which one is kept (specification §5.4): of one id, or without one and equal in everything.

    Another dataset of the same name, made after this one was deleted, starts anew.
    """
    same = body if interaction.event_id is None else b"event-id/" + interaction.event_id.encode()
    return blake2b(scope + same, digest_size=16).digest()


def _row_entry(group: str, kind: str, name: str, properties: Mapping[str, Any], schema: Schema) -> LogEntry:
    try:
        values = check_properties(schema, properties)
    except EngineError as error:
        raise InvalidInput(f"{kind} {name!r}: {error}") from error
    absent = [f.name for f in schema.fields if not f.nullable and f.name != schema.key and f.name not in values]
    if absent:
        raise InvalidInput(f"{kind} {name!r}: the required properties {absent} are missing.")
    return LogEntry(group, kind, name, entries.encode(entries.RecordRow(name, dict(values))))
