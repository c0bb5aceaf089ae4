"""A live column and masks over it: the snapshot's rows are looked at whole, those put since are patched in.

Nothing here copies the snapshot's columns. Rows put since are kept as columns of their own, and the latest of them as
they were put: what a question has to look at again is at most `SETTLE` rows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Array, Column, Ints, Labels, Longs, Numbers, Tags, column_of, missing, stack
from engine.data.table import LiveTable
from engine.filters.tree import NEGATED
from engine.filters.values import Value

SETTLE = 1024
MASKS_BYTES = 32_000_000  # of kept masks, a column
Mask = NDArray[np.bool_]

FEW = 4  # so many codes are looked for one by one
COMPARE: Mapping[str, Callable[[Any, Any], Mask]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


class PutRows(NamedTuple):
    """Some put rows; of one id that comes twice the last counts."""

    ids: Longs
    values: Indexed


class LiveColumn:
    """A column of one table, while that lives. Any thread reads."""

    def __init__(self, table: LiveTable, name: str, kind: type[Column]) -> None:
        self._table, self._name, self._kind = table, name, kind
        stored = table.columns.get(name, missing(kind, 0))
        if not isinstance(stored, kind):  # of an earlier schema
            stored = column_of(kind, [stored.get(row) for row in range(len(stored))])
        self._base = Indexed(stored)
        self._settled = PutRows(np.zeros(0, np.int64), Indexed(missing(kind, 0)))
        self._recent = 0, 0, self._settled  # of the rows put from the first to the second place
        self._masks: dict[tuple[str, tuple[Value, ...]], tuple[int, Mask]] = {}

    @classmethod
    def of(cls, table: LiveTable, name: str, kind: type[Column]) -> LiveColumn:
        key = (name, kind)
        live: LiveColumn | None = table.memo.get(key)
        if live is None:
            live = table.memo[key] = cls(table, name, kind)
        return live

    def mask(self, operator: str, operands: tuple[Value, ...]) -> Mask:
        """(n,) for some n: rows beyond have no value."""
        return self._compute_mask(operator, operands, len(self._table.order))

    def cached_mask(self, operator: str, operands: tuple[Value, ...]) -> Mask:
        """The same, remembered: only rows put since it was last asked for are looked at. Not to be written to."""
        key, version = (operator, operands), len(self._table.order)
        seen, mask = self._masks.get(key, (-1, None))
        if mask is not None and seen >= version:
            return mask
        if mask is None or version - seen > SETTLE:
            mask = self._compute_mask(operator, operands, version)
        else:
            mask = self._sized(mask, operator, copy=True)
            self._patch(mask, self._put(seen, version), operator, operands)
        if len(self._masks) * mask.nbytes > MASKS_BYTES:
            self._masks = {}
        self._masks[key] = (version, mask)
        return mask

    def ids(self, operands: tuple[Value, ...]) -> Ints:
        """The ids of the rows that have one of these values, ascending."""
        rows = self._table.rows
        put = [each.ids[each.values.match("IN", operands)] for each in self._put_rows(len(self._table.order))]
        ids = np.unique(np.concatenate((self._base.rows(operands), *put)))
        again = np.array([index for index in ids.tolist() if index in rows], np.int64)
        if not len(again):
            return ids.astype(np.int32)
        column = column_of(self._kind, [rows[index].get(self._name) for index in again.tolist()])
        other = again[~Indexed(column).match("IN", operands)]
        return np.setdiff1d(ids, other, assume_unique=True).astype(np.int32)

    def _compute_mask(self, operator: str, operands: tuple[Value, ...], version: int) -> Mask:
        mask = self._sized(self._base.match(operator, operands), operator)
        for rows in self._put_rows(version):
            self._patch(mask, rows, operator, operands)
        return mask

    def _sized(self, mask: Mask, operator: str, *, copy: bool = False) -> Mask:
        """The mask lengthened to the table's size by now."""
        more = self._table.size - len(mask)
        if more <= 0:
            return mask.copy() if copy else mask
        return np.concatenate((mask, np.full(more, operator in NEGATED)))

    @staticmethod
    def _patch(mask: Mask, rows: PutRows, operator: str, operands: tuple[Value, ...]) -> None:
        within = rows.ids < len(mask)
        mask[rows.ids[within]] = rows.values.match(operator, operands)[within]

    def _put_rows(self, version: int) -> Iterator[PutRows]:
        """All rows that were put, in order."""
        settled = self._settled
        done = len(settled.ids)
        if version - done > SETTLE:
            new = self._put(done, version)
            column = stack(settled.values.column, new.values.column)
            settled = self._settled = PutRows(np.concatenate((settled.ids, new.ids)), Indexed(column))
            done = version
        yield settled
        if version > done:
            recent = self._recent
            if recent[:2] != (done, version):
                recent = self._recent = done, version, self._put(done, version)
            yield recent[2]

    def _put(self, first: int, end: int) -> PutRows:
        ids = self._table.order[first:end]
        rows = self._table.rows
        column = column_of(self._kind, [rows[index].get(self._name) for index in ids])
        return PutRows(np.array(ids, np.int64), Indexed(column))


class Indexed:
    """A column with what makes it fast to look into, made when first asked for."""

    def __init__(self, column: Column) -> None:
        self.column = column

    def match(self, operator: str, operands: tuple[Value, ...]) -> Mask:
        """(n,) with several values on either side, one pair that matches is enough; a missing value equals none."""
        column = self.column
        if isinstance(column, Numbers):
            if operator in COMPARE:
                return COMPARE[operator](column.values, operands[0]) if operands else self._none()
            hit = _equal(column.values, operands)
        elif isinstance(column, Labels):
            hit = _equal(column.codes, self._wanted(operands))
        elif isinstance(column, Tags):
            hit = self._none()
            hit[self.rows(operands)] = True
        else:
            hit = self._none()  # free text is never filtered by
        return ~hit if operator in NEGATED else hit

    def rows(self, operands: tuple[Value, ...]) -> Array:
        """The rows that have one of these values, one of several perhaps more than once."""
        if not isinstance(self.column, Labels | Tags):
            return np.flatnonzero(self.match("IN", operands))
        rows, starts = self._postings
        parts = [rows[starts[code] : starts[code + 1]] for code in self._wanted(operands)]
        return parts[0] if len(parts) == 1 else np.concatenate((rows[:0], *parts))

    def _none(self) -> Mask:
        return np.zeros(len(self.column), np.bool_)

    def _wanted(self, operands: Collection[Value]) -> list[int]:
        codes = (self._codes.get(str(operand)) for operand in operands)
        return [code for code in codes if code is not None]

    @cached_property
    def _codes(self) -> dict[str, int]:
        assert isinstance(self.column, Labels | Tags)
        return {name: code for code, name in enumerate(self.column.names)}

    @cached_property
    def _postings(self) -> tuple[Array, Array]:
        """The rows that have a name, those of one code together, and where each code's rows begin."""
        column = self.column
        assert isinstance(column, Labels | Tags)
        rows: Array
        if isinstance(column, Labels):
            rows = np.argsort(column.codes, kind="stable").astype(np.int32)
            return rows, np.searchsorted(column.codes[rows], np.arange(len(column.names) + 1))
        rows = np.repeat(np.arange(len(column), dtype=np.int32), np.diff(column.indptr))
        small = len(column.names) < 2**16  # numpy sorts short integers by counting
        order = np.argsort(column.codes.astype(np.uint16) if small else column.codes, kind="stable")
        starts = np.concatenate(([0], np.cumsum(np.bincount(column.codes, minlength=len(column.names)))))
        return rows[order], starts


def _equal(values: Array, wanted: Collection[Any]) -> Mask:
    if len(wanted) > FEW:
        return np.isin(values, np.array(wanted))
    hit = np.zeros(len(values), np.bool_)
    for each in wanted:
        hit |= values == each
    return hit
