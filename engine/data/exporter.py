"""A dataset as lines of CSV, the header as the schema has it (specification §2.6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from engine.data.columns import Column
from engine.data.schema import Field, Schema
from engine.data.stored import EMPTY, Flags, Stored

Row = list[str]


def rows(stored: Stored, schema: Schema, mode: str) -> Iterator[Row]:
    """The rows of a dataset; by `mode` what was imported (BULK), what was put (PUT), or ALL. Interactions that were put
    come last, in order of arrival."""
    if schema.dataset_type.startswith("ACTION"):
        stored = stored.actions or EMPTY
    snapshot = stored.snapshot
    if schema.key == "USER_ID":
        return _records(schema, snapshot.user_names, snapshot.user_columns, stored.user_put, mode)
    if schema.key is not None:
        return _records(schema, snapshot.item_names, snapshot.item_columns, stored.item_put, mode)
    wanted = _wanted(stored.arrived > 0, mode)
    order = np.argsort(stored.arrived, kind="stable")
    return (_cells(schema, _interaction(stored, int(row))) for row in order if wanted[row])


def _records(
    schema: Schema, names: Sequence[str], columns: Mapping[str, Column], put: Flags, mode: str
) -> Iterator[Row]:
    """Rows of items, actions or users. A record that is known by name only, from interactions, has none."""
    for index in np.flatnonzero(_wanted(put, mode)):
        row = int(index)
        values = {name: column.get(row) for name, column in columns.items()}
        if put[row] or any(value is not None for value in values.values()):
            yield _cells(schema, {**values, str(schema.key): names[row]})


def _wanted(put: Flags, mode: str) -> Flags:
    return {"PUT": put, "BULK": ~put, "ALL": np.ones_like(put)}[mode]


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
