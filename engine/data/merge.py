"""Columns of one dataset made one: those that were stored, imported and put."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.data.columns import Column, Ints, Labels, Longs, Numbers, Tags, Texts


def column_of(kind: type[Column], values: Sequence[Any]) -> Column:
    """A column of that kind from one plain value a row, None where there is none."""
    if kind is Numbers:
        return Numbers(np.array([_number(value) for value in values], np.float64))
    if kind is Texts:
        return Texts.of(None if value is None else str(value) for value in values)
    split = [[] if value is None else str(value).split("|") if kind is Tags else [str(value)] for value in values]
    names = list(dict.fromkeys(name for row in split for name in row))
    ids = {name: index for index, name in enumerate(names)}
    if kind is Labels:
        return Labels(np.array([ids[row[0]] if row else -1 for row in split], np.int32), names)
    indptr = np.zeros(len(split) + 1, np.int64)
    np.cumsum([len(row) for row in split], out=indptr[1:])
    return Tags(indptr, np.array([ids[name] for row in split for name in row], np.int32), names)


def _number(value: Any) -> float:
    """NaN where there is none, or what another schema's column held is none."""
    try:
        return np.nan if value is None else float(value)
    except ValueError:
        return np.nan


def missing(kind: type[Column], rows: int) -> Column:
    """A column of nothing but missing values."""
    return column_of(kind, [None] * rows)


def stack(first: Column, second: Column) -> Column:
    """The rows of `first`, then those of `second`, as a column of `second`'s kind (the newer schema's)."""
    if type(first) is not type(second):
        first = column_of(type(second), [first.get(row) for row in range(len(first))])
    if isinstance(first, Numbers) and isinstance(second, Numbers):
        return Numbers(np.concatenate((first.values, second.values)))
    if isinstance(first, Texts) and isinstance(second, Texts):
        offsets = np.concatenate((first.offsets, second.offsets[1:] + first.offsets[-1]))
        return Texts(offsets, np.concatenate((first.blob, second.blob)))
    assert isinstance(first, Labels | Tags) and isinstance(second, Labels | Tags)
    names, codes = _union(first.names, second.names, second.codes)
    codes = np.concatenate((first.codes, codes))
    if isinstance(first, Tags) and isinstance(second, Tags):
        return Tags(_joined(first.indptr, second.indptr), codes, names)
    return Labels(codes, names)


def _union(first: Sequence[str], second: Sequence[str], codes: Ints) -> tuple[list[str], Ints]:
    """The names of both, and the codes of the second among them."""
    ids = {name: index for index, name in enumerate(first)}
    moved = np.array([ids.setdefault(name, len(ids)) for name in second] or [0], np.int32)
    return list(ids), np.where(codes < 0, -1, moved[codes]).astype(np.int32)


def _joined(first: Longs, second: Longs) -> Longs:
    return np.concatenate((first, second[1:] + first[-1]))
