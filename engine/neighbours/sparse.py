"""Scores of a few items out of many: most neighbours of a history are nobody's."""

from __future__ import annotations

from collections.abc import Sequence
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


class Values:
    """Of a few items out of many, each of which comes once: any item's is looked up, in time that goes with m alone.

    Each of the few items writes down its place, where nobody else ever wrote: what stands there for any other item is
    no place, or the place of an item that is not this one (Briggs and Torczon, "An efficient representation for sparse
    sets", 1993).
    """

    def __init__(self, few: Sparse, item_count: int) -> None:
        self._few = few
        self._place_of = np.empty(item_count, np.int32)
        self._place_of[few.items] = np.arange(len(few.items), dtype=np.int32)

    def of(self, items: Ints) -> Floats:
        """(k,) 0 for who is not among the few."""
        if not len(self._few.items):
            return np.zeros(items.shape, np.float32)
        places = self._place_of.take(items)
        found = self._few.items.take(places, mode="clip") == items
        return np.where(found, self._few.values.take(places, mode="clip"), np.float32(0))


def once(items: Ints, item_count: int) -> Bools:
    """(m,) the last place of each item in (m,) items of which some may come again.

    Time goes with m alone: each item's entries find each other by the place that the last of them wrote down, which
    takes neither a sort nor a pass over the catalogue.
    """
    return _places(items, item_count)[1]


def joined(parts: Sequence[Sparse], item_count: int) -> Sparse:
    """Their sum, each item once."""
    none = Sparse(np.zeros(0, np.int32), np.zeros(0, np.float32))
    items, values = zip(none, *parts, strict=True)
    return summed(np.concatenate(items), np.concatenate(values), item_count)


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
