"""The exposure of a group's items: how often each was chosen and shown, and since when it exists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from engine.data.columns import Array, Column, Floats, Ints, Labels, Longs, Numbers, Tags
from engine.data.snapshot import Snapshot

CREATED = "CREATION_TIMESTAMP"
NEVER = np.iinfo(np.int64).max
DAY_S = 86_400
BLOCK = 256  # items whose novelty is summed together


class _Items(NamedTuple):
    """(capacity,) each; times in epoch seconds, `NEVER` where there is none."""

    interactions: Longs
    impressions: Longs
    created: Longs  # as the items' CREATION_TIMESTAMP says
    oldest: Longs  # interaction
    listed: Array  # bool: whether the item has a row of metadata


_EMPTY = (0, 0, NEVER, NEVER, False)


class Novelty(NamedTuple):
    """(n,) of any scale, 0 for items that are not young; their sum, the greatest, each block's sum."""

    items: Floats
    total: float
    most: float
    blocks: Array  # (-(-n // BLOCK),) double precision

    @classmethod
    def of(cls, items: Floats) -> Novelty:
        starts = np.arange(0, len(items), BLOCK)
        blocks = np.add.reduceat(items, starts, dtype=np.float64) if len(items) else np.zeros(0)
        return cls(items, float(items.sum()), float(items.max(initial=0)), blocks)


class ItemExposure:
    """One thread writes, any reads: a reader sees each item's numbers as they were a moment ago or are now."""

    def __init__(self, snapshot: Snapshot, impressions: Longs) -> None:
        """`impressions` (n,) how often each item was shown; n may differ from the number of items."""
        count = snapshot.item_count
        none = np.zeros(0, np.int64)
        bare = _Items(none, none, none, none, np.zeros(0, np.bool_))
        items = self._items = _grown(bare, max(count, len(impressions)))
        items.interactions[:count] = np.bincount(snapshot.items, minlength=count)
        items.impressions[: len(impressions)] = impressions
        np.minimum.at(items.oldest, snapshot.items, snapshot.times)
        self.latest = int(snapshot.times.max(initial=0))  # interaction
        self._list_metadata(snapshot.item_columns)
        self._novelty: tuple[tuple[int, int, float], Novelty] | None = None
        self._version = 0

    def chosen(self, ids: Ints, times: Longs) -> None:
        """Count (n,) interactions."""
        items = self._with_room(int(ids.max(initial=-1)))
        np.add.at(items.interactions, ids, 1)
        np.minimum.at(items.oldest, ids, times)
        self.latest = int(times.max(initial=self.latest))
        self._version += 1

    def shown(self, ids: Iterable[int]) -> None:
        """Count one impression of each item; ids below 0 are of items that nobody knows."""
        for item in ids:
            if item >= 0:
                self._with_room(item).impressions[item] += 1
        self._version += 1

    def listed(self, item: int, row: Mapping[str, Any]) -> None:
        """Take in the item's new row of metadata."""
        items, created = self._with_room(item), row.get(CREATED)
        items.listed[item] = True
        items.created[item] = NEVER if created is None else int(created)
        self._version += 1

    def without_record(self, ids: Ints) -> Ints:
        """The items among these that have neither an interaction nor a row of metadata: only their names are left."""
        items = self._items
        ids = ids[ids < len(items.listed)]
        left: Ints = ids[(items.interactions[ids] == 0) & ~items.listed[ids]]
        return left

    def impressions(self, count: int) -> Longs:
        """(count,) how often each item was shown."""
        return _fitting(self._items.impressions, count, 0)

    def counts(self, item: int) -> tuple[int, int]:
        """An item's interactions and impressions."""
        items = self._items
        return (int(items.interactions[item]), int(items.impressions[item])) if item < len(items.created) else (0, 0)

    def novelty(self, count: int, cut_off_days: float) -> Novelty:
        """(count,) 0 for items older than the cut-off, else 1 / (1 + interactions + impressions): specification §5.2.

        An item's age counts from its CREATION_TIMESTAMP, else from its oldest interaction, up to the latest interaction
        of the whole dataset; an item with neither is new (§2.3). Not to be written to.
        """
        key, memo = (self._version, count, cut_off_days), self._novelty
        if memo is not None and memo[0] == key:
            return memo[1]
        items = self._items
        born = np.where(items.created < NEVER, items.created, items.oldest)
        young = (born >= self.latest - cut_off_days * DAY_S) & (items.listed | (items.interactions > 0))
        weights = np.where(young, 1.0 / (1.0 + items.interactions + items.impressions), 0.0)
        novelty = Novelty.of(_fitting(weights.astype(np.float32), count, 0))
        self._novelty = (key, novelty)
        return novelty

    # ---- inside

    def _list_metadata(self, columns: Mapping[str, Column]) -> None:
        for column in columns.values():
            self._items.listed[: len(column)] |= _present(column)
        created = columns.get(CREATED)
        if isinstance(created, Numbers):
            dated = np.flatnonzero(_present(created))
            self._items.created[dated] = created.values[dated].astype(np.int64)

    def _with_room(self, item: int) -> _Items:
        if item >= len(self._items.created):
            self._items = _grown(self._items, item + 1)
        return self._items


def _grown(items: _Items, count: int) -> _Items:
    size = max(1024, count + count // 2)
    return _Items(*(_fitting(array, size, empty) for array, empty in zip(items, _EMPTY, strict=True)))


def _fitting(array: Array, count: int, empty: int) -> Array:
    """(count,) with `empty` for what the array does not have."""
    if len(array) >= count:
        return array[:count]
    return np.concatenate((array, np.full(count - len(array), empty, array.dtype)))


def _present(column: Column) -> Array:
    """(n,) whether the row has a value."""
    if isinstance(column, Numbers):
        return ~np.isnan(column.values)
    if isinstance(column, Labels):
        return column.codes >= 0
    return np.diff(column.indptr if isinstance(column, Tags) else column.offsets) > 0
