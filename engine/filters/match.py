"""One predicate on the rows of one column: which of them match."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Array, Column, Labels, Numbers, Tags
from engine.filters.tree import NEGATED
from engine.filters.values import Value

Mask = NDArray[np.bool_]

FEW = 4  # so many codes are looked for one by one
COMPARE: Mapping[str, Callable[[Any, Any], Mask]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


class Indexed:
    """A column with what makes it fast to look into, made when first asked for."""

    def __init__(self, column: Column) -> None:
        self.column = column

    def __len__(self) -> int:
        return len(self.column)

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
            for code in self._wanted(operands):
                hit[self._owners(code)] = True
        else:
            hit = self._none()  # free text is never filtered by
        return ~hit if operator in NEGATED else hit

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
        """The rows that have a tag, those of one code together, and where each code's rows begin."""
        column = self.column
        assert isinstance(column, Tags)
        rows = np.repeat(np.arange(len(column), dtype=np.int32), np.diff(column.indptr))
        small = len(column.names) < 2**16  # numpy sorts short integers by counting
        order = np.argsort(column.codes.astype(np.uint16) if small else column.codes, kind="stable")
        starts = np.concatenate(([0], np.cumsum(np.bincount(column.codes, minlength=len(column.names)))))
        return rows[order], starts

    def _owners(self, code: int) -> Array:
        rows, starts = self._postings
        return rows[starts[code] : starts[code + 1]]


def _equal(values: Array, wanted: Collection[Any]) -> Mask:
    if len(wanted) > FEW:
        return np.isin(values, np.array(wanted))
    hit = np.zeros(len(values), np.bool_)
    for each in wanted:
        hit |= values == each
    return hit
