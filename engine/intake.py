"""What comes in one record at a time: events, items and users, checked against their schemas, then appended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from hashlib import blake2b
from typing import Any

from engine.data import entries
from engine.data.log import Entry, Log
from engine.data.schema import Schema, check_properties, check_seconds
from engine.directory import Directory
from engine.errors import EngineError, InvalidInput
from engine.question import Event
from engine.records import Dataset

MAX_RECORDS = 10  # of one call (specification §2.5)


class Intake:
    def __init__(self, directory: Directory, log: Log) -> None:
        self._directory, self._log = directory, log

    def put_events(
        self, tracking_id: str, session_id: str, user_id: str | None, events: Sequence[Event]
    ) -> Future[int]:
        """Raises `InvalidInput` before anything is stored (specification §5.4)."""
        tracker = self._directory.tracker(tracking_id)
        schema = self._interactions_schema(tracker.dataset_group_arn)
        if not 1 <= len(events) <= MAX_RECORDS:
            raise InvalidInput(f"eventList has {len(events)} events; 1 to {MAX_RECORDS} are allowed.")
        group = self._directory.group_of(tracker).uid
        return self._log.append([_event_entry(group, session_id, user_id, event, schema) for event in events])

    def put_rows(
        self, dataset_arn: str, dataset_type: str, rows: Sequence[tuple[str, Mapping[str, Any]]]
    ) -> Future[int]:
        """Items or users; each replaces the earlier record of its id (specification §2.5)."""
        dataset = self._directory.get(dataset_arn, Dataset)
        if dataset.dataset_type != dataset_type:
            raise InvalidInput(f"datasetArn: {dataset_arn} is of type {dataset.dataset_type}, not {dataset_type}.")
        schema = self._directory.schema(dataset)
        if not 1 <= len(rows) <= MAX_RECORDS:
            raise InvalidInput(f"{len(rows)} records are given; 1 to {MAX_RECORDS} are allowed.")
        group = self._directory.group_of(dataset).uid
        kind = "item" if dataset_type == "ITEMS" else "user"
        return self._log.append([_row_entry(group, kind, name, values, schema) for name, values in rows])

    def _interactions_schema(self, group_arn: str) -> Schema:
        dataset = self._directory.datasets(group_arn).get("INTERACTIONS")
        if dataset is None:
            raise InvalidInput("The tracker's dataset group has no Interactions dataset; create it first.")
        return self._directory.schema(dataset)


def _event_entry(group: str, session: str, user: str | None, event: Event, schema: Schema) -> Entry:
    check_seconds("sentAt", event.sent_at)
    body = entries.encode(
        entries.Interaction(
            user=user,
            session=session,
            item=event.item_id,
            event_type=event.event_type,
            time=event.sent_at,
            value=event.event_value,
            event_id=event.event_id,
            properties=check_properties(schema, event.properties),
            recommendation_id=event.recommendation_id,
            impression=event.impression,
            attribution=dict(event.metric_attribution),
        )
    )
    same = b"event-id/" + event.event_id.encode() if event.event_id is not None else body
    once = blake2b(same, digest_size=16).digest()
    return Entry(group, "event", user or session, body, once, rings=(session,) if user else ())


def _row_entry(group: str, kind: str, name: str, properties: Mapping[str, Any], schema: Schema) -> Entry:
    try:
        values = check_properties(schema, properties)
    except EngineError as error:
        raise InvalidInput(f"{kind} {name!r}: {error}") from error
    absent = [f.name for f in schema.fields if not f.nullable and f.name != schema.key and f.name not in values]
    if absent:
        raise InvalidInput(f"{kind} {name!r}: the required properties {absent} are missing.")
    return Entry(group, kind, name, entries.encode(entries.Row(name, dict(values))))
