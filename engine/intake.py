"""What comes in one record at a time: events, items and users, checked against their schemas, then appended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from hashlib import blake2b
from typing import Any

import msgspec

from engine.data import entries
from engine.data.log import Entry, Log
from engine.data.schema import Schema, check_properties, check_seconds, plain
from engine.directory import Directory, unknown_tracker
from engine.errors import EngineError, InvalidInput
from engine.question import Event
from engine.records import Dataset

MAX_RECORDS = 10  # of one call (specification §2.5)


class Intake:
    def __init__(self, directory: Directory, log: Log, owner: Callable[[str, str], str | None]) -> None:
        """`owner(group uid, session)` is the user that a session is known to belong to."""
        self._directory, self._log, self._owner = directory, log, owner

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
        return self._log.append(
            [
                entry
                for tracking_id in tracking_ids
                for entry in self._event_entries(tracking_id, session_id, user_id, events, automatic)
            ]
        )

    def check_tracker(self, tracking_id: str, account: str) -> None:
        """Raises `InvalidInput` where the account has no such tracker, in the words for one that nobody has."""
        if self._directory.tracker(tracking_id).account != account:
            raise unknown_tracker(tracking_id)

    def _event_entries(
        self,
        tracking_id: str,
        session_id: str,
        user_id: str | None,
        events: Sequence[Event],
        automatic: Mapping[str, object],
    ) -> list[Entry]:
        tracker = self._directory.tracker(tracking_id)
        dataset = self._interactions(tracker.dataset_group_arn)
        schema = self._directory.schema(dataset)
        group = self._directory.group_of(tracker).uid
        also = session_id if user_id else self._owner(group, session_id)
        found = []
        for event in events:
            said = _interaction(session_id, user_id, _completed(event, automatic, schema), schema)
            body = entries.encode(said)
            rings = () if also is None else (also,)
            found.append(Entry(group, "event", user_id or session_id, body, _once(dataset, said, body), rings))
        return found

    def put_rows(
        self, dataset_arn: str, dataset_type: str, rows: Sequence[tuple[str, Mapping[str, Any]]], account: str
    ) -> Future[int]:
        """Items or users; each replaces the earlier record of its id (specification §2.5)."""
        dataset = self._directory.get(dataset_arn, Dataset, account)
        if dataset.dataset_type != dataset_type:
            raise InvalidInput(f"datasetArn: {dataset_arn} is of type {dataset.dataset_type}, not {dataset_type}.")
        schema = self._directory.schema(dataset)
        if not 1 <= len(rows) <= MAX_RECORDS:
            raise InvalidInput(f"{len(rows)} records are given; 1 to {MAX_RECORDS} are allowed.")
        group = self._directory.group_of(dataset).uid
        kind = "item" if dataset_type == "ITEMS" else "user"
        return self._log.append([_row_entry(group, kind, name, values, schema) for name, values in rows])

    def _interactions(self, group_arn: str) -> Dataset:
        dataset = self._directory.datasets(group_arn).get("INTERACTIONS")
        if dataset is None:
            raise InvalidInput("The tracker's dataset group has no Interactions dataset; create it first.")
        return dataset


def _completed(event: Event, automatic: Mapping[str, object], schema: Schema) -> Event:
    if not automatic:
        return event
    given = {plain(name) for name in event.properties}
    added = {
        name: value
        for name, value in automatic.items()
        if plain(name) not in given and schema.field_for(name) is not None
    }
    return msgspec.structs.replace(event, properties={**added, **event.properties})


def _interaction(session: str, user: str | None, event: Event, schema: Schema) -> entries.Interaction:
    check_seconds("sentAt", event.sent_at)
    return entries.Interaction(
        user=user,
        session=session,
        item=event.item_id,
        event_type=event.event_type,
        time=float(event.sent_at),  # so that 1 and 1.0 are written alike
        value=None if event.event_value is None else float(event.event_value),
        event_id=event.event_id,
        properties=dict(sorted(check_properties(schema, event.properties).items())),
        recommendation_id=event.recommendation_id,
        impression=event.impression,
        attribution=dict(sorted(event.metric_attribution.items())),
    )


def _once(dataset: Dataset, said: entries.Interaction, body: bytes) -> bytes:
    """Equal for events of which one is kept (specification §5.4): of one id, or without one and equal in everything.

    Another dataset of the same name, made after this one was deleted, starts anew.
    """
    same = body if said.event_id is None else b"event-id/" + said.event_id.encode()
    return blake2b(f"{dataset.creation_date_time}/".encode() + same, digest_size=16).digest()


def _row_entry(group: str, kind: str, name: str, properties: Mapping[str, Any], schema: Schema) -> Entry:
    try:
        values = check_properties(schema, properties)
    except EngineError as error:
        raise InvalidInput(f"{kind} {name!r}: {error}") from error
    absent = [f.name for f in schema.fields if not f.nullable and f.name != schema.key and f.name not in values]
    if absent:
        raise InvalidInput(f"{kind} {name!r}: the required properties {absent} are missing.")
    return Entry(group, kind, name, entries.encode(entries.Row(name, dict(values))))
