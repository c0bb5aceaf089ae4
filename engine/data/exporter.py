"""A dataset as lines of CSV, the header as the schema has it (specification §2.6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from engine.data.columns import Column
from engine.data.schema import Field, Schema
from engine.data.stored import Flags, Stored

Row = list[str]


def bulk_interactions(stored: Stored, schema: Schema) -> Iterator[Row]:
    for row in np.flatnonzero(stored.arrived == 0):
        yield _cells(schema, _interaction(stored, int(row)))


def put_interactions(stored: Stored, schema: Schema) -> Iterator[Row]:
    """Rows of the interactions that were put, in order of arrival."""
    rows = np.flatnonzero(stored.arrived)
    for row in rows[np.argsort(stored.arrived[rows], kind="stable")]:
        yield _cells(schema, _interaction(stored, int(row)))


def items(stored: Stored, schema: Schema, wanted: Flags) -> Iterator[Row]:
    """Rows of items, or of actions."""
    snapshot = stored.snapshot
    return _rows(str(schema.key), snapshot.item_names, snapshot.item_columns, schema, stored.item_put, wanted)


def users(stored: Stored, schema: Schema, wanted: Flags) -> Iterator[Row]:
    snapshot = stored.snapshot
    return _rows("USER_ID", snapshot.user_names, snapshot.user_columns, schema, stored.user_put, wanted)


def _rows(
    key: str, names: Sequence[str], columns: Mapping[str, Column], schema: Schema, put: Flags, wanted: Flags
) -> Iterator[Row]:
    """A record that is known by name only, from interactions, has no row."""
    for index in np.flatnonzero(wanted):
        row = int(index)
        values = {name: column.get(row) for name, column in columns.items()}
        if put[row] or any(value is not None for value in values.values()):
            yield _cells(schema, {**values, key: names[row]})


def _interaction(stored: Stored, row: int) -> dict[str, Any]:
    snapshot = stored.snapshot
    value = snapshot.values[row]
    return {
        **{name: column.get(row) for name, column in snapshot.interaction_columns.items()},
        "USER_ID": snapshot.user_names[int(snapshot.users[row])],
        **dict.fromkeys(("ITEM_ID", "ACTION_ID"), snapshot.item_names[int(snapshot.items[row])]),  # as the schema asks
        "TIMESTAMP": int(snapshot.times[row]),
        "EVENT_TYPE": snapshot.event_types[int(snapshot.types[row])] or None,
        "EVENT_VALUE": None if value != value else float(str(value)),  # the shortest text of a 32-bit number
    }


def _cells(schema: Schema, values: Mapping[str, Any]) -> Row:
    return [_cell(field, values.get(field.name)) for field in schema.fields]


def _cell(field: Field, value: Any) -> str:
    if value is None:
        return ""
    if field.type == "boolean":
        return "true" if float(value) else "false"
    return str(int(value)) if field.whole else str(value)
