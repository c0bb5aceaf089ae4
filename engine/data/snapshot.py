"""A frozen picture of one dataset group, which training, evaluation and a starting worker read.

On disk it is a folder of `.npy` and JSON files, written once, never changed; in memory its arrays are memory-mapped.
Ids are append-only: a later snapshot's vocabularies start with this one's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypedDict, Unpack

import numpy as np

from engine.data.columns import Array, Column, Floats, Ints, Longs, Numbers, Texts, offsets_of
from engine.data.schema import Field, Schema

STRENGTHS: Mapping[str, float] = {"OFF": 0.0, "LOW": 0.5, "MEDIUM": 1.0, "HIGH": 2.0}  # logits from worst to best


@dataclass(frozen=True)
class Snapshot:
    """Interactions sorted by (user, time, arrival), so that ties of time keep the order they came in.

    `indptr[u]:indptr[u + 1]` are user u's rows; `items`, `times` (epoch seconds), `types` (index into `event_types`)
    and `values` (EVENT_VALUE, NaN where there is none) are one entry a row. So is each of `interaction_columns`, which
    are what else the schema has; IMPRESSION as `Tags` of item names.
    """

    indptr: Longs  # (users + 1,)
    items: Ints  # (n,)
    times: Longs  # (n,)
    types: Ints  # (n,)
    values: Floats  # (n,)
    event_types: Sequence[str]
    item_names: Sequence[str]  # id -> name
    user_names: Sequence[str]
    item_columns: Mapping[str, Column] = field(default_factory=dict)  # one row an item id
    user_columns: Mapping[str, Column] = field(default_factory=dict)
    interaction_columns: Mapping[str, Column] = field(default_factory=dict)  # one row an interaction
    actions: Snapshot | None = None  # the same of actions, which are its items; set for training
    weights: Floats | None = None  # (n,) how much each row counts as something to learn; None: all the same
    objective: Objective | None = None  # what else than relevance a solution wants

    @property
    def item_count(self) -> int:
        return len(self.item_names)

    @property
    def user_count(self) -> int:
        return len(self.user_names)

    @cached_property
    def users(self) -> Ints:
        """(n,) the user id of every row."""
        return np.repeat(np.arange(self.user_count, dtype=np.int32), np.diff(self.indptr))

    @cached_property
    def repeats(self) -> float:
        """The share of rows that repeat an item of their user."""
        pairs = self.users.astype(np.int64) * max(self.item_count, 1) + self.items
        return (len(pairs) - len(np.unique(pairs))) / max(len(pairs), 1)

    def history(self, user: int) -> tuple[Ints, Longs]:
        """Items and times of one user, oldest first."""
        rows = slice(self.indptr[user], self.indptr[user + 1])
        return self.items[rows], self.times[rows]

    def take(self, rows: Array) -> Snapshot:
        """The snapshot of only some interactions: a mask (n,) or ascending rows. Ids, names and metadata stay."""
        return replace(
            self,
            indptr=offsets_of(np.bincount(self.users[rows], minlength=self.user_count)),
            items=self.items[rows],
            times=self.times[rows],
            types=self.types[rows],
            values=self.values[rows],
            interaction_columns={name: column.take(rows) for name, column in self.interaction_columns.items()},
            weights=None if self.weights is None else self.weights[rows],
        )

    def first_items(self, count: int) -> Snapshot:
        """The snapshot of only so many items, none of the others having an interaction."""
        if count == self.item_count:
            return self
        wanted = self.objective
        return replace(
            self,
            item_names=self.item_names[:count],
            item_columns={name: column.take(np.arange(count)) for name, column in self.item_columns.items()},
            objective=None if wanted is None else Objective(wanted.rewards[:count], wanted.sensitivity),
        )


class SnapshotNames(TypedDict, total=False):
    """Names and metadata of a `Snapshot`. Ids without names are called by their numbers."""

    item_names: Sequence[str]
    user_names: Sequence[str]
    event_types: Sequence[str]
    item_columns: Mapping[str, Column]
    user_columns: Mapping[str, Column]
    interaction_columns: Mapping[str, Column]  # in the order of the rows


def snapshot_of(
    users: Ints,
    items: Ints,
    times: Longs,
    *,
    types: Ints | None = None,
    values: Floats | None = None,
    **names: Unpack[SnapshotNames],
) -> Snapshot:
    """A snapshot from rows in the order they arrived: (n,) users, items and times of any order."""
    n = len(users)
    user_names = names["user_names"] if "user_names" in names else _numbers(users)
    order = np.lexsort((np.arange(n), times, users))
    return Snapshot(
        indptr=offsets_of(np.bincount(users, minlength=len(user_names))),
        items=items[order].astype(np.int32),
        times=times[order].astype(np.int64),
        types=(np.zeros(n, np.int32) if types is None else types[order].astype(np.int32)),
        values=(np.full(n, np.nan, np.float32) if values is None else values[order].astype(np.float32)),
        event_types=names.get("event_types", ("",)),
        item_names=names["item_names"] if "item_names" in names else _numbers(items),
        user_names=user_names,
        item_columns=names.get("item_columns", {}),
        user_columns=names.get("user_columns", {}),
        interaction_columns={name: column.take(order) for name, column in names.get("interaction_columns", {}).items()},
    )


def _numbers(ids: Ints) -> list[str]:
    return [str(number) for number in range(int(ids.max(initial=-1)) + 1)]


@dataclass(frozen=True)
class Objective:
    """A second goal beside relevance: recommend what is worth more by a numeric column of Items (specification §1.8).

    `rewards` (items,): what recommending each item is worth, NaN where that is not known.
    """

    rewards: Floats
    sensitivity: str  # a key of STRENGTHS

    @classmethod
    def of(cls, column: Column | None, items: int, sensitivity: str) -> Objective:
        rewards = np.full(items, np.nan, np.float32)
        if isinstance(column, Numbers):
            rewards[: len(column)] = column.values[:items]
        return cls(rewards, sensitivity)

    def bonus(self) -> Floats:
        """(items,) logits to add: the share of items that are worth less, centred, times the sensitivity's strength.

        As logits are calibrated, they mean the same on all data: with HIGH the odds of the best item grow e² times
        over those of the worst. Shares rather than values, so that one extreme price decides nothing.
        """
        rated = np.isfinite(self.rewards)
        shares = centred_shares(self.rewards[rated], np.sort(self.rewards[rated]))
        bonus = np.zeros(len(self.rewards), np.float32)
        bonus[rated] = shares * STRENGTHS[self.sensitivity]
        return bonus

    def gained(self) -> Floats:
        """(items,) rewards from 0 upwards, 0 where not known: what can be summed and compared."""
        worth = np.nan_to_num(self.rewards)
        return np.asarray(worth - min(float(worth.min(initial=0)), 0.0), np.float32)


def centred_shares(values: Array, ordered: Array) -> Array:
    """(n,) the share of the ordered values (m,) that are less than each value, equal ones half, less 0.5."""
    low, high = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    return np.asarray((low + high) / (2 * max(len(ordered), 1)) - 0.5)


def learnable(snapshot: Snapshot, schemas: Mapping[str, Schema]) -> Snapshot:
    """The snapshot with the metadata that a model may learn from (specification §2.1): less items' and users' plain
    strings and booleans; an item's name is a text like others."""
    return replace(
        snapshot,
        item_columns=_learnable_columns(snapshot.item_columns, schemas.get("ITEMS")),
        user_columns=_learnable_columns(snapshot.user_columns, schemas.get("USERS")),
    )


def _learnable_columns(columns: Mapping[str, Column], schema: Schema | None) -> dict[str, Column]:
    return {
        field.name: _read(columns[field.name], field)
        for field in (() if schema is None else schema.fields)
        if field.name in columns and (field.numeric or field.categorical or field.textual or field.item_name)
    }


def _read(column: Column, field: Field) -> Column:
    if not field.item_name or isinstance(column, Texts):
        return column
    return Texts.of(None if name is None else str(name) for name in map(column.get, range(len(column))))
