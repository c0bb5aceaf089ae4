"""One user of a dataset group: what is known of it, and its history."""

from __future__ import annotations

from typing import Any

from engine.data.group import Group, History
from engine.engine import Engine
from engine.feed.directory import TYPED
from engine.inspection.cards import Cards, Inspected, ItemCard
from engine.jobs.group_data import schemas_in
from engine.records import DatasetGroupRecord

MOST_EVENTS = 50  # of a history, the newest


class HistoryEntry(Inspected, frozen=True, kw_only=True):
    item: ItemCard
    event_type: str
    time: int
    value: float | None = None


class UserProfile(Inspected, frozen=True, kw_only=True):
    """`sessions` are those that belong to the user; `history` is the newest part, newest first."""

    group: str
    known: bool
    sessions: list[str]
    properties: dict[str, Any]
    events: int
    first_event: int | None = None
    last_event: int | None = None
    history: list[HistoryEntry]


def user_profile(engine: Engine, group_arn: str, user: str, most: int = MOST_EVENTS) -> UserProfile:
    """The user (or session) in a group. Raises `NotFound` where there is no such group."""
    cards = Cards.of(engine, group_arn)
    group = cards.group
    history, properties = group.history(user), _properties(engine, group_arn, group, user)
    owner = group.links.get(user, user)
    return UserProfile(
        group=engine.directory.get(group_arn, DatasetGroupRecord).name,
        known=len(history.items) > 0 or bool(properties),
        sessions=sorted(session for session, each in list(group.links.items()) if each == owner),
        properties=properties,
        events=len(history.items),
        first_event=int(history.times[0]) if len(history.times) else None,
        last_event=int(history.times[-1]) if len(history.times) else None,
        history=_entries(history, group, cards, most),
    )


def _entries(history: History, group: Group, cards: Cards, most: int) -> list[HistoryEntry]:
    rows = range(len(history.items) - 1, max(-1, len(history.items) - 1 - most), -1)
    return [
        HistoryEntry(
            item=cards.card(group.items.name(int(history.items[row]))),
            event_type=type_name(group, int(history.types[row])),
            time=int(history.times[row]),
            value=None if history.values[row] != history.values[row] else float(history.values[row]),
        )
        for row in rows
    ]


def type_name(group: Group, code: int) -> str:
    """The event type of a code; "" for an event without one."""
    return group.event_types[code] if code >= 0 else ""


def _properties(engine: Engine, group_arn: str, group: Group, user: str) -> dict[str, Any]:
    schema = schemas_in(engine.directory, group_arn).get("USERS")
    row = group.user_table.row(group.user_id(user)) or {}
    fields = () if schema is None else schema.fields
    return {each.name: TYPED[each.type](row[each.name]) for each in fields if row.get(each.name) is not None}
