"""A second goal beside relevance, at serving time: scores move by where items stand in a numeric column of theirs.

It is what `engine.data.snapshot.Objective` does in training. An item stands at the share of the snapshot's items that
have less, less a half: from -0.5 to 0.5, and at 0 where it has no value. Rows put since stand by their new values among
the same items, so that every process says the same.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.data.columns import Array, Floats, Longs, Numbers, column_of
from engine.data.snapshot import centred_shares
from engine.data.table import LiveTable


class _Standing(NamedTuple):
    version: int  # of the table
    values: Array  # (n,) double precision, NaN for none
    shares: Floats  # (n,) not to be written to


class ObjectiveColumn:
    """The standing of every item in one column, while its table lives. Any thread reads."""

    def __init__(self, table: LiveTable, name: str) -> None:
        column = table.columns.get(name)
        self._table, self._name = table, name
        stored = column.values.astype(np.float64) if isinstance(column, Numbers) else np.zeros(0)
        self._ordered = np.sort(stored[np.isfinite(stored)])
        self._standing = _Standing(0, stored, self._shares(stored, self._ordered))

    @classmethod
    def of(cls, table: LiveTable, name: str) -> ObjectiveColumn:
        column: ObjectiveColumn | None = table.memo.get(("objective", name))
        if column is None:
            column = table.memo["objective", name] = cls(table, name)
        return column

    def shares(self, count: int) -> Floats:
        """(count,) -0.5 to 0.5; not to be written to."""
        standing, version = self._standing, len(self._table.order)
        if standing.version < version:
            standing = self._standing = self._moved(standing, version)
        shares = standing.shares
        if len(shares) >= count:
            return shares[:count]
        return np.concatenate((shares, np.zeros(count - len(shares), np.float32)))

    def _moved(self, standing: _Standing, version: int) -> _Standing:
        """The standing with the rows put till then; of all rows among each other where most were put."""
        ids = np.unique(np.array(self._table.order[standing.version : version], np.int64))
        size = max(len(standing.values), int(ids.max()) + 1)
        values = np.full(size, np.nan)
        values[: len(standing.values)] = standing.values
        values[ids] = self._put_values(ids)
        if len(self._table.rows) > len(self._ordered):
            return _Standing(version, values, self._shares(values, np.sort(values[np.isfinite(values)])))
        shares = np.zeros(size, np.float32)
        shares[: len(standing.shares)] = standing.shares
        shares[ids] = self._shares(values[ids], self._ordered)
        return _Standing(version, values, shares)

    def _put_values(self, ids: Longs) -> Array:
        rows = self._table.rows
        column = column_of(Numbers, [rows[index].get(self._name) for index in ids.tolist()])
        assert isinstance(column, Numbers)
        return column.values

    @staticmethod
    def _shares(values: Array, ordered: Array) -> Floats:
        return np.where(np.isfinite(values), centred_shares(values, ordered), 0).astype(np.float32)


def moved(scores: Floats, shift: Floats, *, logits: bool) -> Floats:
    """(n,) new scores, moved by so many logits. Scores that are none, such as counts, are taken for odds."""
    if logits:
        return scores + shift
    return scores * np.exp(np.where(scores < 0, -shift, shift))
