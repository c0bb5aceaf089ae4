"""Scores of a few items out of many: most neighbours of a history are nobody's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from engine.data.columns import Array, Bools, Floats, Ints


class Sparse(NamedTuple):
    """(m,) items and (m,) their values; those of an item that comes again add up, and all other items have 0."""

    items: Ints
    values: Floats

    def onto(self, scores: Floats) -> None:
        """Add the values to scores of all items."""
        np.add.at(scores, self.items, self.values)


class Sums:
    """Sums of a few items out of many: any item's is looked up, in time that depends on the few alone.

    Each of the few items writes down its place, where nobody else ever wrote: what stands there for any other item is
    no place, or the place of an item that is not this one (Briggs and Torczon, "An efficient representation for sparse
    sets", 1993).
    """

    def __init__(self, parts: Iterable[Sparse], item_count: int) -> None:
        """`parts` have each item once."""
        self._place_of = np.empty(item_count, np.int32)
        self.few = Sparse(np.zeros(0, np.int32), np.zeros(0, np.float32))  # (m,) each item once
        for part in parts:
            self._add(part)

    def of(self, items: Ints) -> Floats:
        """(k,) the items' sums, 0 for an item that is not among the few."""
        if not len(self.few.items):
            return np.zeros(items.shape, np.float32)
        places, present = self._places_of(items)
        return np.where(present, self.few.values.take(places, mode="clip"), np.float32(0))

    def _places_of(self, items: Ints) -> tuple[Ints, Bools]:
        """(k,) the places of those that are among the few, and (k,) which these are."""
        places = self._place_of.take(items)
        return places, self.few.items.take(places, mode="clip") == items

    def _add(self, part: Sparse) -> None:
        (items, values), count = part, len(self.few.items)
        if count:
            places, present = self._places_of(items)
            self.few.values[places[present]] += values[present]
            items, values = items[~present], values[~present]
        self._place_of[items.astype(np.intp)] = np.arange(count, count + len(items), dtype=np.int32)
        self.few = Sparse(np.concatenate((self.few.items, items)), np.concatenate((self.few.values, values)))


def once(items: Ints, item_count: int) -> Bools:
    """(m,) the last place of each item in (m,) items of which some may come again.

    Time goes with m alone: each item's entries find each other by the place that the last of them wrote down, which
    takes neither a sort nor a pass over the catalogue.
    """
    return _places(items, item_count)[1]


def summed(items: Ints, values: Floats, item_count: int) -> Sparse:
    """Each item once: (m,) items of which some may come again, and (m,) values, those of the same item added up."""
    at, last = _places(items, item_count)
    rows = np.flatnonzero(last)
    return Sparse(items.take(rows), np.bincount(at, values, len(items)).take(rows).astype(np.float32))


def _places(items: Ints, item_count: int) -> tuple[Array, Bools]:
    """(m,) where each item is for the last time, and (m,) whether that is here."""
    wide, places = items.astype(np.intp), np.arange(len(items))  # numpy looks up places of no other width directly
    place_of = np.empty(item_count, np.intp)  # only those of `items` are ever written or read
    place_of[wide] = places
    at: Array = place_of.take(wide)
    return at, at == places
