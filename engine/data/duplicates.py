"""Choosing which of several equal rows to keep."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.data.columns import Array, Longs


def first_of_equals(columns: Sequence[Array]) -> Longs:
    """Rows, ascending, that equal no earlier row in every column of (n,) numbers."""
    mixed = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        mixed = (mixed ^ _bits(column)) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    order = np.argsort(mixed, kind="stable")
    again = np.flatnonzero(mixed[order[1:]] == mixed[order[:-1]])
    later, earlier = order[again + 1], order[again]
    same = np.ones(len(again), np.bool_)
    for column in columns:  # equal hashes are only a hint
        same &= _bits(column[later]) == _bits(column[earlier])
    keep = np.ones(len(mixed), np.bool_)
    keep[later[same]] = False
    return np.flatnonzero(keep)


def _bits(column: Array) -> Array:
    """Numbers that are equal where the values are; missing ones (NaN) equal each other too."""
    return (column if column.dtype == np.float64 else column.astype(np.int64)).view(np.uint64)


def last_of_each(codes: Array) -> Longs:
    """Rows, ascending, that are the last of their code: of (n,) codes that start from 0."""
    last = np.zeros(int(codes.max(initial=-1)) + 1, np.int64)
    last[codes] = np.arange(len(codes))
    # a code whose only rows were bad has no row here
    return np.unique(last[np.unique(codes)])
