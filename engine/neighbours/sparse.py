"""Scores of a few items out of many: most neighbours of a history are nobody's."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.data.columns import Array, Bools, Floats, Ints


class Sparse(NamedTuple):
    """(m,) items and (m,) their values; those of an item that comes again add up, and all other items have 0."""

    items: Ints
    values: Floats

    def onto(self, scores: Floats) -> None:
        """Added to scores of all items."""
        np.add.at(scores, self.items, self.values)


class Sums:
    """Of a few items out of many, without a pass over all of them: only what is added to is written."""

    def __init__(self, item_count: int) -> None:
        self._sums = np.empty(item_count, np.float32)
        self._begun = np.zeros(item_count, np.bool_)  # others' sums are not to be read

    def add(self, few: Sparse) -> None:
        self._begin(few.items)
        few.onto(self._sums)

    def add_once(self, items: Ints, value: float) -> None:
        """However often an item comes."""
        self._begin(items)
        self._sums[items] += np.float32(value)

    def of(self, items: Ints) -> Floats:
        """(k,) 0 for who was not added to."""
        return np.where(self._begun[items], self._sums[items], np.float32(0))

    def _begin(self, items: Ints) -> None:
        new = items[~self._begun[items]]
        self._sums[new], self._begun[new] = 0, True


def once(items: Ints, item_count: int) -> Bools:
    """(m,) the last place of each item in (m,) items of which some may come again.

    Time goes with m alone: each item's entries find each other by the place that the last of them wrote down, which
    takes neither a sort nor a pass over the catalogue.
    """
    return _places(items, item_count)[1]


def summed(items: Ints, values: Floats, item_count: int) -> Sparse:
    """Each item once: (m,) items of which some may come again, and (m,) values, those of the same item added up."""
    at, last = _places(items, item_count)
    kept = np.flatnonzero(last)
    return Sparse(items.take(kept), np.bincount(at, values, len(items)).take(kept).astype(np.float32))


def _places(items: Ints, item_count: int) -> tuple[Array, Bools]:
    """(m,) where each item is for the last time, and (m,) whether that is here."""
    wide, places = items.astype(np.intp), np.arange(len(items))  # numpy looks up places of no other width directly
    place_of = np.empty(item_count, np.intp)  # only those of `items` are ever written or read
    place_of[wide] = places
    at: Array = place_of.take(wide)
    return at, at == places
