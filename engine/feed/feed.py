"""The change feed: takes events and rows, and tells every listener what has changed once answers can see it.

Events, items, users and actions are checked against their schemas, then appended to the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from engine.data import entries
from engine.data.log import DEPLOYED, Log, LogEntry
from engine.data.reserved import DATASET_TYPES
from engine.data.schema import Schema, plain
from engine.data.values import check_properties, check_seconds
from engine.errors import EngineError, InvalidInput, NotFound
from engine.feed.directory import Directory, unknown_tracker
from engine.feed.follower import Follower, Listener
from engine.feed.partial_rows import (
    FittingProperties,
    MergedRows,
    Omitted,
    PartialRow,
    fitting,
    row_entry,
)
from engine.impressions.implicit import ImplicitImpressions
from engine.question import Change, Event
from engine.records import DatasetRecord

MAX_RECORDS = 10  # of one call (specification §2.5)

ActionEvent = tuple[str, str | None, Event]  # session, user, and an event whose item is an action
Row = tuple[str, Mapping[str, Any]]  # an id and its properties


class EventDestination(NamedTuple):
    """The destination of one tracker's records of a kind."""

    group: str  # the dataset group's uid
    schema: Schema
    scope: bytes  # of what makes two events the same, see `_once`


@dataclass(frozen=True)
class Feed:
    """The feed of one process. Methods that append return a future of the log's sequence number, done once the records
    are durable; they raise `InvalidInput` at once, before anything is stored."""

    directory: Directory
    log: Log
    follower: Follower
    impressions: ImplicitImpressions
    account: str  # the usual one

    def put_events(
        self,
        tracking_id: str,
        session_id: str,
        user_id: str | None,
        events: Sequence[Event],
        account: str | None = None,
    ) -> Future[int]:
        """Appends events to a tracker of this account."""
        self._check_tracker(tracking_id, account or self.account)
        return self.deliver((tracking_id,), session_id, user_id, events, {})

    def deliver(
        self,
        tracking_ids: Sequence[str],
        session_id: str,
        user_id: str | None,
        events: Sequence[Event],
        automatic: Mapping[str, object],
    ) -> Future[int]:
        """Appends all events to all trackers, or none to any. Raises `InvalidInput` (specification §5.4).

        `automatic` properties are added where an event has none of that name and the tracker's schema has the field.
        """
        targets = self.destinations(tracking_ids)
        records = self.entries(targets, session_id, user_id, events, automatic)
        appended = self.log.append(records)
        self.note(targets, user_id or session_id, events)
        return appended

    def destinations(self, tracking_ids: Sequence[str]) -> list[EventDestination]:
        """The destinations of these trackers' events. Raises `InvalidInput` where one takes none."""
        return [self._target(tracking_id, "INTERACTIONS") for tracking_id in tracking_ids]

    def entries(
        self,
        targets: Sequence[EventDestination],
        session_id: str,
        user_id: str | None,
        events: Sequence[Event],
        automatic: Mapping[str, object],
    ) -> list[LogEntry]:
        """The log entries of all events for all destinations; see `deliver`."""
        for event in events:
            check_seconds("sentAt", event.sent_at)
        records = []
        for each in targets:
            also = session_id if user_id else self.follower.owner(each.group, session_id)
            for event in events:
                completed = _completed(event, automatic, each.schema) if automatic else event
                interaction = _interaction(session_id, user_id, completed, each.schema)
                records.append(_event_entry("event", each, interaction, also))
        return records

    def note(self, targets: Sequence[EventDestination], who: str, events: Sequence[Event]) -> None:
        """Takes note of what the events say of answers that were shown."""
        for each in targets:
            self.impressions.note(each.group, who, events)

    def takes_at_once(self, tracking_ids: Sequence[str]) -> bool:
        """Tells that `deliver` to these trackers waits for nothing, so that an event loop may call it."""
        return all(self.directory.has(("target INTERACTIONS", each)) for each in tracking_ids)

    def put_rows(
        self, dataset_arn: str, dataset_type: str, rows: Sequence[Row], account: str | None = None
    ) -> Future[int]:
        """Appends items, users or actions; each replaces the earlier record of its id (specification §2.5)."""
        dataset = self.directory.get(dataset_arn, DatasetRecord, account or self.account)
        if dataset.dataset_type != dataset_type:
            raise InvalidInput(f"datasetArn: {dataset_arn} is of type {dataset.dataset_type}, not {dataset_type}.")
        schema = self.directory.schema(dataset)
        if not 1 <= len(rows) <= MAX_RECORDS:
            raise InvalidInput(f"{len(rows)} records are given; 1 to {MAX_RECORDS} are allowed.")
        group = self.directory.group_of(dataset).uid
        kind = entries.RECORDS_OF[dataset_type]
        return self.log.append([_row_entry(group, kind, name, values, schema) for name, values in rows])

    def fitting(
        self, tracking_ids: Sequence[str], dataset_type: str, properties: Mapping[str, Any]
    ) -> FittingProperties:
        """The properties that fit the schemas of all these trackers' datasets of a type. Raises `InvalidInput`."""
        values, omitted = dict(properties), list[Omitted]()
        for tracking_id in tracking_ids:
            fitted = fitting(self._target(tracking_id, dataset_type).schema, values)
            omitted += fitted.omitted
            values = dict(fitted.values)
        return FittingProperties(values, omitted)

    def merge_rows(self, tracking_ids: Sequence[str], dataset_type: str, rows: Sequence[PartialRow]) -> MergedRows:
        """Appends items or users to the dataset groups of these trackers; columns that a row omits stay as they are.
        Rows that other processes append at the same time are not seen. Raises `InvalidInput`."""
        self.follower.catch_up()
        appending, omitted = list[LogEntry](), list[Omitted]()
        for tracking_id in tracking_ids:
            target = self._row_target(tracking_id, dataset_type)
            if target is None:
                omitted += [Omitted("noDataset", dataset_type)] * len(rows)
                continue
            newest, seen = dict[str, Mapping[str, Any]](), set[bytes]()
            for row in rows:
                _check_text(id=row.name)
                before = newest.get(row.name) or self._row(target.group, dataset_type, row.name)
                entry, missing = row_entry(target.group, target.schema, target.scope, row, before)
                omitted += missing
                if entry is None or (row.changes and self._is_repeated(entry, seen)):
                    continue
                appending.append(entry)
                newest[row.name] = entries.read_row(entry.body).values
        return MergedRows(self.log.append(appending) if appending else None, omitted)

    def _is_repeated(self, entry: LogEntry, seen: set[bytes]) -> bool:
        """Changes that are stored already must not count for those after them in a call."""
        if entry.once is None:
            return False
        repeated = entry.once in seen or self.log.has(entry.group, entry.once)
        seen.add(entry.once)
        return repeated

    def put_action_interactions(
        self, tracking_id: str, interactions: Sequence[ActionEvent], account: str | None = None
    ) -> Future[int]:
        """Appends all or none. Raises `NotFound` for an unknown tracker, `InvalidInput` (specification §2.5)."""
        try:
            self._check_tracker(tracking_id, account or self.account)
        except InvalidInput as error:  # which is all that PutEvents declares
            raise NotFound(error.message) from error
        target = self._target(tracking_id, "ACTION_INTERACTIONS")
        records = []
        for session, user, event in interactions:
            check_seconds("timestamp", event.sent_at)
            also = session if user else self.follower.owner(target.group, session)
            records.append(
                _event_entry("action_event", target, _interaction(session, user, event, target.schema), also)
            )
        return self.log.append(records)

    def announce(self, kind: str, key: str) -> Future[int]:
        """Tells the listeners of every process something of the caller's own, in order with all that changes."""
        return self.log.append([LogEntry("", kind, key, b"")])

    def subscribe(self, listener: Listener) -> None:
        """Calls `listener` with every change, in order, once it can be seen in answers; in the follower's thread."""
        self.follower.subscribe(listener)

    def changes_since(self, at: float) -> tuple[int, list[Change]]:
        """The changes since then (epoch seconds), and the log's sequence number before them."""
        first, records = self.log.since(at)
        return first, [Change(each.seq, each.group, each.kind, each.key) for each in records]

    def catch_up(self) -> None:
        """Applies everything that is committed in the log now; listeners have been called when it returns."""
        self.follower.catch_up()

    def applied(self) -> int:
        """The last sequence number that this process's answers have seen."""
        return self.follower.applied

    def lag_s(self) -> float:
        """The seconds that the last record waited to be seen in answers."""
        return self.follower.lag_s

    def is_current(self, group: str | None = None, user: str = "") -> bool:
        """Tells (~0.2 µs) that this process's answers are of the models that are deployed now, and have seen every
        acknowledged event of the group's user (no group: nobody's), from any process."""
        applied = self.follower.applied
        if self.log.owed() <= applied:
            return True
        if self.log.rung_for(*DEPLOYED) > applied:
            return False
        return group is None or self.log.owed_to(group, user) <= applied

    # ---- inside

    def _check_tracker(self, tracking_id: str, account: str) -> None:
        """Raises `InvalidInput` where the account has no such tracker, in the words for one that nobody has."""
        if self.directory.tracker(tracking_id).account != account:
            raise unknown_tracker(tracking_id)

    def _target(self, tracking_id: str, dataset_type: str) -> EventDestination:
        key = f"target {dataset_type}", tracking_id
        return self.directory.once(key, partial(self._found, tracking_id, dataset_type))

    def _row_target(self, tracking_id: str, dataset_type: str) -> EventDestination | None:
        tracker = self.directory.tracker(tracking_id)
        if dataset_type not in self.directory.datasets(tracker.dataset_group_arn):
            return None
        return self._target(tracking_id, dataset_type)

    def _row(self, uid: str, dataset_type: str, name: str) -> Mapping[str, Any]:
        """The columns of an item or user as this process has them."""
        group = self.follower.group(uid)
        if dataset_type == "USERS":
            return group.user_table.row(group.users.find(name)) or {}
        return group.item_table.row(group.items.find(name)) or {}

    def _found(self, tracking_id: str, dataset_type: str) -> EventDestination:
        tracker = self.directory.tracker(tracking_id)
        dataset = self.directory.datasets(tracker.dataset_group_arn).get(dataset_type)
        if dataset is None:
            name = DATASET_TYPES[dataset_type]
            raise InvalidInput(f"The tracker's dataset group has no {name} dataset; create it first.")
        scope = f"{dataset.dataset_type}/{dataset.creation_date_time}/".encode()
        return EventDestination(self.directory.group_of(tracker).uid, self.directory.schema(dataset), scope)


def _completed(event: Event, automatic: Mapping[str, object], schema: Schema) -> Event:
    own = {plain(name) for name in event.properties}
    added = {
        name: value
        for name, value in automatic.items()
        if plain(name) not in own and schema.field_for(name) is not None
    }
    return msgspec.structs.replace(event, properties={**added, **event.properties})


def _check_text(**ids: str | None) -> None:
    """Raises `InvalidInput` for a character that databases do not keep in texts."""
    for name, text in ids.items():
        if text is not None and "\0" in text:
            raise InvalidInput(f"{name} {text!r}: an id has no character U+0000.")


def _interaction(session: str, user: str | None, event: Event, schema: Schema) -> entries.Interaction:
    _check_text(userId=user, sessionId=session, itemId=event.item_id, eventType=event.event_type)
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
    _check_text(**{f"{kind}Id": name})
    try:
        values = check_properties(schema, properties)
    except EngineError as error:
        raise InvalidInput(f"{kind} {name!r}: {error}") from error
    absent = [f.name for f in schema.fields if not f.nullable and f.name != schema.key and f.name not in values]
    if absent:
        raise InvalidInput(f"{kind} {name!r}: the required properties {absent} are missing.")
    return LogEntry(group, kind, name, entries.encode(entries.RecordRow(name, dict(values))))
