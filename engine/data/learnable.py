"""The columns of a group's metadata that a model may learn from (specification §2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engine.data.columns import Column, Texts
from engine.data.schema import Field, Schema
from engine.data.snapshot import Snapshot


def learnable(snapshot: Snapshot, schemas: Mapping[str, Schema]) -> Snapshot:
    """The snapshot less items' and users' plain strings and booleans; an item's name is a text like others."""
    return replace(
        snapshot,
        item_columns=_learnable_columns(snapshot.item_columns, schemas.get("ITEMS")),
        user_columns=_learnable_columns(snapshot.user_columns, schemas.get("USERS")),
    )


def _learnable_columns(columns: Mapping[str, Column], schema: Schema | None) -> dict[str, Column]:
    fields = () if schema is None else schema.fields
    return {
        field.name: _read(columns[field.name], field)
        for field in fields
        if field.name in columns and _is_learnable(field)
    }


def _is_learnable(field: Field) -> bool:
    return field.numeric or field.categorical or field.textual or field.item_name


def _read(column: Column, field: Field) -> Column:
    if not field.item_name or isinstance(column, Texts):
        return column
    return Texts.of(None if name is None else str(name) for name in map(column.get, range(len(column))))
