"""Data under examination: a snapshot as tables of columns, and what was said when it was imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from engine.data.columns import Array, Bools, Column, Labels, Longs, Numbers, Tags
from engine.data.report import ImportReport
from engine.data.schema import Field, Schema
from engine.data.snapshot import Snapshot

IDS = frozenset({"USER_ID", "ITEM_ID", "ACTION_ID"})
OF_RECOMMENDATIONS = frozenset({"IMPRESSION", "RECOMMENDATION_ID", "EVENT_ATTRIBUTION_SOURCE"})  # few events have them
SPELLED = {"INTERACTIONS": "Interactions", "ITEMS": "Items", "USERS": "Users"}
EXAMPLES = 5


@dataclass(frozen=True)
class ExaminedTable:
    """One dataset: `rows` are the places in its columns that hold a record."""

    dataset: str
    fields: tuple[Field, ...]  # but for its ids
    columns: Mapping[str, Column]
    rows: Longs
    names: Sequence[str] | None  # the records' ids, by place; of interactions None

    @property
    def title(self) -> str:
        return SPELLED[self.dataset]

    def filled(self, name: str) -> Bools:
        """(rows,) whether each record has a value in the column."""
        column = self.columns.get(name)
        return np.zeros(len(self.rows), np.bool_) if column is None else filled(column)[self.rows]

    def numbers(self, name: str) -> Array:
        """The column's values, without missing ones."""
        column = self.columns.get(name)
        if not isinstance(column, Numbers):
            return np.zeros(0)
        values = column.values[self.rows]
        return values[~np.isnan(values)] if values.dtype.kind == "f" else values


@dataclass(frozen=True)
class LastImport:
    """A dataset's last import: its account of rows, and for what reason it failed if it did."""

    name: str
    report: ImportReport
    failure: str | None = None


@dataclass(frozen=True)
class NamedEventTypes:
    """Event types that something names: a filter, a solution, a setting."""

    place: str
    types: tuple[str, ...]
    learned: bool = False  # the place says which types a model learns from


@dataclass(frozen=True)
class EmptyingFilter:
    """A filter that leaves nothing, or names values that nothing has. `emptied` of `asked` answers are concerned."""

    name: str
    expression: str
    asked: int
    emptied: int
    examples: tuple[str, ...] = ()  # users whose answers would be empty
    unmatched: tuple[str, ...] = ()  # conditions that no item fulfils


@dataclass(frozen=True)
class EarlyEvents:
    """Streamed events whose own time is after the moment at which the server took them."""

    looked_at: int
    early: int
    most_s: float
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ExaminedData:
    """`is_strict`: training refuses data below Amazon's minimum."""

    group: str
    snapshot: Snapshot
    schemas: Mapping[str, Schema]
    imports: Mapping[str, LastImport]  # by dataset type
    now: float
    is_strict: bool = False
    named_types: tuple[NamedEventTypes, ...] = ()
    filters: tuple[EmptyingFilter, ...] = ()
    early: EarlyEvents = field(default_factory=lambda: EarlyEvents(0, 0, 0.0))

    @cached_property
    def tables(self) -> tuple[ExaminedTable, ...]:
        """The datasets that there are, Interactions first."""
        made = (self._interactions, self._items, self._users)
        return tuple(each for each in made if each is not None)

    @cached_property
    def chosen(self) -> Longs:
        """(items,) the interactions with each."""
        return np.bincount(self.snapshot.items, minlength=self.snapshot.item_count)

    @cached_property
    def events(self) -> Longs:
        """(users,) the interactions of each."""
        return np.diff(self.snapshot.indptr)

    @cached_property
    def type_counts(self) -> dict[str, int]:
        """Interactions by event type, "" for those without one; the most frequent first."""
        counts = np.bincount(self.snapshot.types, minlength=len(self.snapshot.event_types)).tolist()
        pairs = [(name, n) for name, n in zip(self.snapshot.event_types, counts, strict=False) if n]
        return dict(sorted(pairs, key=lambda pair: -pair[1]))

    def table(self, dataset: str) -> ExaminedTable | None:
        return next((each for each in self.tables if each.dataset == dataset), None)

    @property
    def _interactions(self) -> ExaminedTable | None:
        schema, snapshot = self.schemas.get("INTERACTIONS"), self.snapshot
        if schema is None:
            return None
        types = np.array([*(code if name else -1 for code, name in enumerate(snapshot.event_types)), -1], np.int32)
        columns: dict[str, Column] = {
            **snapshot.interaction_columns,
            "TIMESTAMP": Numbers(snapshot.times),
            "EVENT_TYPE": Labels(types[snapshot.types], snapshot.event_types),
            "EVENT_VALUE": Numbers(snapshot.values.astype(np.float64)),
        }
        return ExaminedTable("INTERACTIONS", _fields(schema), columns, np.arange(len(snapshot.items)), None)

    @property
    def _items(self) -> ExaminedTable | None:
        return self._described("ITEMS", self.snapshot.item_columns, self.snapshot.item_names)

    @property
    def _users(self) -> ExaminedTable | None:
        return self._described("USERS", self.snapshot.user_columns, self.snapshot.user_names)

    def _described(self, dataset: str, columns: Mapping[str, Column], names: Sequence[str]) -> ExaminedTable | None:
        schema = self.schemas.get(dataset)
        if schema is None:
            return None
        has_row = np.zeros(len(names), np.bool_)
        for column in columns.values():
            has_row[: len(column)] |= filled(column)[: len(names)]
        return ExaminedTable(dataset, _fields(schema), columns, np.flatnonzero(has_row), names)


def _fields(schema: Schema) -> tuple[Field, ...]:
    return tuple(each for each in schema.fields if each.name not in IDS)


def filled(column: Column) -> Bools:
    """(rows,) whether each has a value."""
    if isinstance(column, Numbers):
        values = column.values
        return ~np.isnan(values) if values.dtype.kind == "f" else np.ones(len(values), np.bool_)
    if isinstance(column, Labels):
        return np.asarray(column.codes >= 0)
    return np.diff(column.indptr if isinstance(column, Tags) else column.offsets) > 0


def percent(count: int, of: int) -> str:
    """The share in words that say neither nothing nor everything where that is not so."""
    share = 100 * count / max(of, 1)
    if 0 < share < 0.1:
        return "less than 0.1%"
    if 99.9 < share < 100:
        return "more than 99.9%"
    return f"{share:.3g}%"


def named(names: Sequence[str], places: Longs) -> tuple[str, ...]:
    """The first few of these."""
    return tuple(names[place] for place in places[:EXAMPLES].tolist())
