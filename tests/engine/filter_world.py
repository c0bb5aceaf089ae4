"""The data of specification §4.5 as a live group: what was imported lies in a snapshot, or everything is put."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from engine.data import entries
from engine.data.cells import column_kind
from engine.data.columns import column_of
from engine.data.group import Group
from engine.data.log import Logged
from engine.data.schema import parse_schema
from engine.data.snapshot import Snapshot, snapshot_of
from engine.data.stored import EMPTY, Stored
from engine.filters import Candidates, Eligible, Mask, compile_filter, eligible_by, fields_of

NULL = "null"


def schema(name: str, **fields: str) -> Any:
    """`long`, `float`, `boolean`, or one of the kinds of string."""
    rows: list[dict[str, Any]] = []
    for field, kind in fields.items():
        flag = {kind: True} if kind in ("categorical", "textual") else {}
        scalar = kind if kind in ("long", "float", "boolean") else "string"
        required = field.endswith("_ID") or field in ("TIMESTAMP", "EVENT_TYPE")
        rows.append({"name": field, "type": scalar if required else [NULL, scalar], **flag})
    return parse_schema(json.dumps({"type": "record", "name": name, "fields": rows, "version": "1.0"}))


ITEMS_SCHEMA = schema(
    "Items",
    ITEM_ID="string",
    GENRE="categorical",
    CATEGORY_L1="categorical",
    CATEGORY_L2="categorical",
    PRICE="float",
    CREATION_TIMESTAMP="long",
    YEAR="long",
    OWNER="string",
    DESCRIPTION="textual",
    IN_STOCK="boolean",
)
USERS_SCHEMA = schema(
    "Users", USER_ID="string", AGE="long", MEMBERSHIP_STATUS="categorical", COUNTRY="string", ADULT="boolean"
)
ACTIONS_SCHEMA = schema("Actions", ACTION_ID="string", KIND="categorical", REPEAT_FREQUENCY="long")
EVENTS_SCHEMA = schema(
    "Interactions", USER_ID="string", ITEM_ID="string", TIMESTAMP="long", EVENT_TYPE="string", DEVICE="categorical"
)
FIELDS = fields_of((ITEMS_SCHEMA, USERS_SCHEMA, ACTIONS_SCHEMA, EVENTS_SCHEMA))

_NAMES = ("GENRE", "CATEGORY_L1", "CATEGORY_L2", "PRICE", "CREATION_TIMESTAMP", "YEAR", "OWNER", "IN_STOCK")
Row = dict[str, Any]
ITEMS: dict[str, Row] = {
    item: {name: value for name, value in zip(_NAMES, row, strict=True) if value is not None}
    for item, row in {
        "1": ("Comedy|Drama", "shoe", "boot", 10.0, 100, 1975, "in-house", True),
        "2": ("Horror", "shoe", "sandal", 20.0, 200, 1985, "x", False),
        "3": ("Drama", "watch", "luxury", 30.0, 300, 1990, "in-house", True),
        "4": (None, "watch", None, 40.0, 400, 2000, None, None),
        "5": ("comedy", None, None, None, None, None, None, None),
    }.items()
}
USERS: dict[str, Row] = {"u": {"AGE": 25, "MEMBERSHIP_STATUS": "gold", "COUNTRY": "DE", "ADULT": True}}
CURRENT: dict[str, Row] = {"current": {"PRICE": 25.0, "GENRE": "Drama"}}
EVENTS = (("u", "1", "Click"), ("u", "2", "Click"), ("u", "2", "purchase"))

Events = Sequence[tuple[str, str, str]]  # user, item, type; oldest first


def imported(items: Mapping[str, Row] = ITEMS, users: Mapping[str, Row] = USERS, events: Events = EVENTS) -> Group:
    """Everything lies in the snapshot."""
    item_names, user_names = list(items), list(dict.fromkeys([*users, *(user for user, _, _ in events)]))
    types = list(dict.fromkeys(type_ for _, _, type_ in events))
    snapshot = snapshot_of(
        np.array([user_names.index(user) for user, _, _ in events], np.int32),
        np.array([item_names.index(item) for _, item, _ in events], np.int32),
        np.arange(len(events)),
        item_names=item_names,
        user_names=user_names,
        types=np.array([types.index(type_) for _, _, type_ in events], np.int32),
        event_types=types,
        item_columns=_columns(ITEMS_SCHEMA, [items[name] for name in item_names]),
        user_columns=_columns(USERS_SCHEMA, [users.get(name, {}) for name in user_names]),
    )
    return Group("g", stored(snapshot))


def put(
    items: Mapping[str, Row] = ITEMS,
    users: Mapping[str, Row] = USERS,
    events: Events = EVENTS,
    group: Group | None = None,
) -> Group:
    """Everything comes by the log."""
    group = group or Group("g")
    for name, row in items.items():
        tell(group, "item", name, entries.RecordRow(name, row))
    for name, row in users.items():
        tell(group, "user", name, entries.RecordRow(name, row))
    for user, item, type_ in events:
        tell(group, "event", user, entries.Interaction(user, f"s-{user}", item, type_, float(group.seq)))
    return group


def tell(group: Group, kind: str, key: str, body: Any = None) -> None:
    group.apply(Logged(group.seq + 1, "g", kind, key, entries.encode(body), 0.0))


def left(
    group: Group,
    expression: str,
    values: Mapping[str, str] | None = None,
    *,
    user: str | None = "u",
    item: str | None = None,
    rules: str = "open",
) -> str:
    """The names of the items that remain, in order of their ids."""
    asked = compile_filter(expression, rules)
    asked.check(FIELDS)
    history = group.history(user or "")
    candidates = Candidates(group, len(group.items), history, user, item)
    here = asked.within(FIELDS)
    mask = here.mask(candidates, values or {})
    assert mask.shape == (len(group.items) + 1,)
    for _ in range(2):  # made, and kept
        agreeing(eligible_by((here,), candidates, values or {}), mask)
    return " ".join(group.items.names(np.flatnonzero(mask[:-1])))


def agreeing(quick: Eligible | None, mask: Mask) -> None:
    """What answers are made with says what the mask does."""
    assert quick is not None
    assert quick.mask.tolist() == mask.tolist()
    scores = np.arange(len(mask) - 1, dtype=np.float32)
    assert quick.keeps(np.arange(len(mask))).tolist() == mask.tolist()
    assert quick.of(scores).tolist() == np.where(mask[:-1], scores, -np.inf).tolist()


def _columns(of: Any, rows: Sequence[Row]) -> dict[str, Any]:
    fields = (field for field in of.fields if field.name != of.key)
    return {field.name: column_of(column_kind(field), [row.get(field.name) for row in rows]) for field in fields}


def stored(snapshot: Snapshot) -> Stored:
    return replace(
        EMPTY,
        snapshot=snapshot,
        arrived=np.zeros(len(snapshot.items), np.int64),
        item_put=np.zeros(snapshot.item_count, np.bool_),
        user_put=np.zeros(snapshot.user_count, np.bool_),
    )
