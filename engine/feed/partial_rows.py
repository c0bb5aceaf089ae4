"""Rows of items and users as others have them: the columns that fit the schema, over those that were there before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

from engine.data import entries
from engine.data.log import LogEntry
from engine.data.schema import MILLISECONDS, Field, Schema
from engine.data.values import Value, value_of
from engine.errors import InvalidInput

UPDATED_AT = "UPDATED_AT"  # a column of the group's own, in epoch seconds: the time of the last change of a row


class ColumnChange(NamedTuple):
    """A change of a column by what it had before: `setOnce` fills it where it is empty, `add` adds a number to it; the
    others are of lists, where `union` appends what is not there."""

    operation: Literal["setOnce", "add", "append", "prepend", "union", "remove"]
    column: str
    value: Any


class PartialRow(NamedTuple):
    """Some columns of an item or user, by any spelling. Of rows with one `once` the first is stored. `updated_at`, in
    epoch seconds, goes into the column UPDATED_AT, where the schema has one: no older row is stored over it."""

    name: str
    columns: Mapping[str, Any]
    once: str | None = None
    changes: Sequence[ColumnChange] = ()
    updated_at: float | None = None


class Omitted(NamedTuple):
    """A part that is not stored: `unknown` to the schema, `unfit` for its column, a row that is `incomplete` or
    `outdated`, or one for which the dataset group has no dataset (`noDataset`)."""

    reason: str
    name: str


class MergedRows(NamedTuple):
    """`appended` is done once the rows are durable, None where there are none."""

    appended: Future[int] | None
    omitted: Sequence[Omitted]


class FittingProperties(NamedTuple):
    values: Mapping[str, Value]  # by field name
    omitted: Sequence[Omitted]


def fitting(schema: Schema, properties: Mapping[str, Any]) -> FittingProperties:
    """The properties that the schema has columns for, as their types ask for them where that is no matter of taste: a
    number written as a text, a time in ISO 8601."""
    is_events = schema.dataset_type.endswith("INTERACTIONS")
    fields = {each.name for each in (schema.metadata if is_events else schema.fields)} - {schema.key}
    values: dict[str, Value] = {}
    omitted: list[Omitted] = []
    for name, value in properties.items():
        field = schema.field_for(name)
        if field is None or field.name not in fields:
            omitted.append(Omitted("unknown", name))
        elif field.name not in values:
            try:
                values[field.name] = value_of(name, field, _typed(field, value))
            except InvalidInput:
                omitted.append(Omitted("unfit", name))
    return FittingProperties(values, omitted)


def row_entry(
    group: str, schema: Schema, scope: bytes, row: PartialRow, before: Mapping[str, Any]
) -> tuple[LogEntry | None, list[Omitted]]:
    """The log's entry for the row over what was there `before`, None where that is newer, or a required column is
    missing."""
    kind = entries.RECORDS_OF[schema.dataset_type]
    old = fitting(schema, before).values  # columns keep whole numbers and booleans as floats
    moment = _moment(schema, row)
    if any(isinstance(stored := old.get(name), int | float) and stored > at for name, at in moment.items()):
        return None, [Omitted("outdated", UPDATED_AT)]
    fitted = fitting(schema, {**moment, **row.columns, **_changed(schema, row.changes, old)})
    values = {**old, **fitted.values}
    absent = [each.name for each in schema.fields if not each.nullable and each.name != schema.key]
    absent = [name for name in absent if values.get(name) is None]
    if absent:
        return None, [*fitted.omitted, *(Omitted("incomplete", name) for name in absent)]
    once = None
    if row.once is not None:
        once = blake2b(scope + f"row/{kind}/{row.name}/{row.once}".encode(), digest_size=16).digest()
    body = entries.encode(entries.RecordRow(row.name, values))
    return LogEntry(group, kind, row.name, body, once), [*fitted.omitted]


def _moment(schema: Schema, row: PartialRow) -> Mapping[str, float]:
    """The column of the row's last change, if there is one."""
    field = schema.field_for(UPDATED_AT)
    if row.updated_at is None or field is None or not field.numeric:
        return {}
    return {field.name: int(row.updated_at) if field.whole else row.updated_at}


def _changed(schema: Schema, changes: Sequence[ColumnChange], before: Mapping[str, Any]) -> dict[str, Any]:
    """The columns as the changes leave them, by the names that the changes have for them."""
    columns: dict[str, Any] = {}
    for change in changes:
        field = schema.field_for(change.column)
        old = columns.get(change.column, None if field is None else before.get(field.name))
        columns[change.column] = change.value if old is None else _amended(field, old, change)
        if old is None and change.operation == "remove":
            columns[change.column] = None
    return columns


def _amended(field: Field | None, old: Any, change: ColumnChange) -> Any:
    if change.operation == "setOnce":
        return old
    if change.operation == "add":
        number = _number(field, change.value) if field and isinstance(change.value, str) else change.value
        both = (old, number)
        return sum(both) if all(isinstance(each, int | float) for each in both) else change.value
    listed = list(_listed(old))
    texts = [text for text in _listed(change.value) if change.operation != "union" or text not in listed]
    match change.operation:
        case "append" | "union":
            return [*listed, *texts]
        case "prepend":
            return [*texts, *listed]
        case _:
            return [text for text in listed if text not in texts] or None


def _listed(value: Any) -> Iterator[str]:
    """The texts of a list, or of a categorical column, which joins them."""
    values = value if isinstance(value, list) else str(value).split("|")
    yield from (str(each) for each in values)


def _typed(field: Field, value: Any) -> Any:
    if isinstance(value, bool):
        return value if field.type == "boolean" else str(value).lower()
    if field.type == "string" and isinstance(value, int | float):
        return str(value)
    if field.categorical and isinstance(value, list):
        return [str(each) if isinstance(each, int | float) else each for each in value]
    if not field.numeric:
        return value
    number = _number(field, value) if isinstance(value, str) else value
    if field.is_time and isinstance(number, int | float) and number >= MILLISECONDS:
        number = number / 1000
    return int(number) if field.is_time and isinstance(number, float) else number


def _number(field: Field, text: str) -> Any:
    """The number that a text is, or the text."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        pass
    if not field.is_time:
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
