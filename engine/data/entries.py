"""The bodies of log records, one struct a kind, stored as JSON arrays."""

from __future__ import annotations

from typing import Any

import msgspec


class Interaction(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """Kinds `event` and, of an action for an item, `action_event`. Without an item it only links session and user."""

    user: str | None
    session: str
    item: str | None
    event_type: str
    time: float  # epoch seconds
    value: float | None = None
    event_id: str | None = None
    properties: dict[str, Any] = {}
    recommendation_id: str | None = None
    impression: tuple[str, ...] = ()
    attribution: dict[str, str] = {}

    def columns(self) -> dict[str, Any]:
        """Values by field name that have no place of their own among the rows of a snapshot; no missing values."""
        if not (self.properties or self.impression or self.recommendation_id or self.attribution):
            return {}  # most events
        columns = {
            **self.properties,
            "IMPRESSION": "|".join(self.impression) or None,
            "RECOMMENDATION_ID": self.recommendation_id,
            "EVENT_ATTRIBUTION_SOURCE": self.attribution.get("eventAttributionSource"),
        }
        return {name: value for name, value in columns.items() if value is not None}


class RecordRow(msgspec.Struct, frozen=True, array_like=True):
    """Kinds `item`, `user` and `action`: the record's columns by schema name; it replaces the earlier record."""

    name: str
    values: dict[str, Any]


class Impression(msgspec.Struct, frozen=True, array_like=True):
    """Kind `shown`: the items that some user saw, as an answer's recommendationId told (specification §5.3)."""

    items: tuple[str, ...]


class Erased(msgspec.Struct, frozen=True, array_like=True):
    """Kind `erased`: users whose data is deleted, from the log too, so that this record must go in the end."""

    users: tuple[str, ...]


class Pointer(msgspec.Struct, frozen=True, array_like=True):
    """Kinds `snapshot` and `deploy`: a path below the data directory, or an ARN; empty: gone."""

    target: str


encode = msgspec.json.Encoder().encode
read_interaction = msgspec.json.Decoder(Interaction).decode
read_row = msgspec.json.Decoder(RecordRow).decode
read_impression = msgspec.json.Decoder(Impression).decode
read_erased = msgspec.json.Decoder(Erased).decode

RECORDS_OF = {  # dataset type -> kind of log records
    "INTERACTIONS": "event",
    "ITEMS": "item",
    "USERS": "user",
    "ACTIONS": "action",
    "ACTION_INTERACTIONS": "action_event",
}
# What changes the state of a group. `cleared` has no body, its key is the type of a dataset that was deleted.
STATE_KINDS = frozenset({*RECORDS_OF.values(), "shown", "cleared", "erased"})
