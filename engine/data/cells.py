"""Cells of text → columns, as the schema's fields say. A column is read as a whole, or cell by cell where that fails.

Texts are interned: a column holds each distinct text once.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from engine.data.columns import Array, Column, Labels, Numbers, Tags, Texts, offsets_of
from engine.data.options import Timestamps
from engine.data.schema import BOOLEANS, MILLISECONDS, Field
from engine.data.values import DECIMAL, MISSING, TIME_READERS, WHOLE, length_problem, number_problem


def column_kind(field: Field) -> type[Column]:
    """The column that a field's values are kept in."""
    if field.type != "string":
        return Numbers
    return Tags if field.categorical else Texts if field.textual else Labels


class OddValue(ValueError):
    """A value that does not fit its column while others may: it can be read as null."""


class Builder(ABC):
    """Makes one column. `many` reads a block's cells, `one` a single cell; both raise `ValueError` with the rule."""

    dtype: type
    blank: object  # stands where a bad cell was, until its row is dropped
    null: object  # what an odd value is read as, if at all

    def __init__(self, field: Field) -> None:
        self._field = field

    @abstractmethod
    def one(self, cell: str) -> object: ...

    @abstractmethod
    def many(self, cells: Sequence[str]) -> Array: ...

    def array(self, values: Sequence[object]) -> Array:
        """The array of what `one` gave out for a block's cells, with nulls and blanks."""
        return np.array(values, self.dtype)

    @abstractmethod
    def column(self, values: Array) -> Column:
        """The column of all the values that `many` gave out."""


class _Strings(dict[str, int], Builder):
    """Interned texts: cell -> code. A text's rules are checked when it first occurs."""

    dtype: type = np.int32
    blank: object = -1
    null: object = -1

    def __init__(self, field: Field) -> None:
        Builder.__init__(self, field)
        self._names: list[str] = []
        if field.nullable:
            self[""] = -1

    def __missing__(self, cell: str) -> int:
        if not cell:
            raise OddValue(MISSING)
        if reason := length_problem(self._field, cell) or _impression_problem(self._field, cell):
            raise ValueError(reason)
        code = self[cell] = len(self._names)
        self._names.append(cell)
        return code

    def one(self, cell: str) -> int:
        return self[cell]

    def many(self, cells: Sequence[str]) -> Array:
        return np.fromiter(map(self.__getitem__, cells), np.int32, len(cells))

    def column(self, values: Array) -> Column:
        return _tags(values, self._names) if self._field.categorical else Labels(values, self._names)


def _impression_problem(field: Field, cell: str) -> str | None:
    if field.name != "IMPRESSION":
        return None
    items = cell.split("|")
    if "" in items:
        return "has an item without a name; write item ids joined by '|'"
    return "names an item of more than 256 characters" if max(map(len, items)) > 256 else None


def _tags(codes: Array, cells: Sequence[str]) -> Tags:
    """Tags of interned cells: each distinct cell is split once."""
    index: dict[str, int] = {}
    split = [[index.setdefault(tag, len(index)) for tag in cell.split("|") if tag] for cell in cells]
    indptr = offsets_of([*map(len, split), 0])  # an empty row at the end is what code -1, a missing cell, picks
    flat = np.fromiter((tag for tags in split for tag in tags), np.int32)
    return Tags(indptr, flat, list(index)).take(codes)


class _Long(Builder):
    """Texts kept as they are, cut at the field's length."""

    dtype: type = object
    blank: object = b""
    null: object = b""

    def one(self, cell: str) -> bytes:
        if not cell and not self._field.nullable:
            raise OddValue(MISSING)
        return cell[: self._field.max_length].encode()

    def many(self, cells: Sequence[str]) -> Array:
        return np.array([self.one(cell) for cell in cells], object)

    def column(self, values: Array) -> Column:
        return Texts.joined(list(values))


class _Figures(Builder):
    blank: object = 0
    null: object = math.nan

    def __init__(self, field: Field) -> None:
        super().__init__(field)
        self._bounds = field.bounds
        integral = field.whole or field.type == "boolean"
        self.dtype = np.int64 if integral and not field.nullable else np.float64
        self._read: Callable[[str], float] = int if field.whole else float

    def one(self, cell: str) -> float:
        if not cell:
            if self._field.nullable:
                return math.nan
            raise OddValue(MISSING)
        if not (WHOLE if self._field.whole else DECIMAL).fullmatch(cell):
            raise OddValue("is not a whole number" if self._field.whole else "is not a number")
        value = int(cell.partition(".")[0]) if self._field.whole else float(cell)
        reason = number_problem(self._field, value) if math.isfinite(value) else "is too large"
        if reason:
            raise OddValue(reason)
        return value

    def many(self, cells: Sequence[str]) -> Array:
        text = "".join(cells)
        if "_" in text or not text.isascii():  # which Python takes for digits, and a file should not
            raise ValueError
        if self._field.nullable:
            read = self._read
            values: Array = np.fromiter((read(cell) if cell else math.nan for cell in cells), self.dtype, len(cells))
            present = values[list(map(bool, cells))]
        else:
            present = values = np.fromiter(map(self._read, cells), self.dtype, len(cells))
        low, high = self._bounds
        if not np.isfinite(present).all() or present.min(initial=low) < low or present.max(initial=low) > high:
            raise ValueError
        return values

    def array(self, values: Sequence[object]) -> Array:
        # whole numbers beside a null become floats, as those of a column whose type includes null are
        return np.array(values, np.float64 if any(value != value for value in values) else self.dtype)

    def column(self, values: Array) -> Column:
        return Numbers(values)


class _Times(_Figures):
    """A reserved timestamp, in one of several spellings; an interaction's lies between 1970 and `latest`."""

    def __init__(self, field: Field, spelling: Timestamps, latest: float) -> None:
        super().__init__(field)
        if field.name == "TIMESTAMP":
            self._bounds = (0, min(MILLISECONDS - 1, latest))
        self._moment = TIME_READERS[spelling]
        if spelling != "seconds":
            self._read = self._moment

    def one(self, cell: str) -> float:
        if not cell:
            return super().one(cell)
        try:
            value = self._moment(cell)
        except ValueError as error:
            raise OddValue(str(error)) from None
        if reason := number_problem(self._field, value):
            raise (ValueError if value >= MILLISECONDS else OddValue)(reason)  # all are milliseconds, if one is
        if value > self._bounds[1]:
            raise ValueError("is more than a year in the future")
        return value if self._field.whole else float(value)


class _Truths(_Figures):
    def one(self, cell: str) -> float:
        if not cell:
            return super().one(cell)
        truth = BOOLEANS.get(cell.lower())
        if truth is None:
            raise OddValue("is neither True, False, 1 nor 0")
        return int(truth)

    def many(self, cells: Sequence[str]) -> Array:
        return np.fromiter(map(self.one, cells), self.dtype, len(cells))


_BUILDERS: Mapping[type[Column], Callable[[Field], Builder]] = {Labels: _Strings, Tags: _Strings, Texts: _Long}


def builder(field: Field, spelling: Timestamps = "seconds", latest: float = math.inf) -> Builder:
    """The builder of a field's column. Times are read in this spelling, an interaction's is at most `latest` (s)."""
    if field.is_time:
        return _Times(field, spelling, latest)
    if field.type == "boolean":
        return _Truths(field)
    return _BUILDERS.get(column_kind(field), _Figures)(field)
