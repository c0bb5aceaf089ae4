"""Scores of a few items out of many: most neighbours of a history are nobody's."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.data.columns import Floats, Ints


class Sparse(NamedTuple):
    """(m,) items and (m,) their values; those of an item that comes again add up, and all other items have 0."""

    items: Ints
    values: Floats

    def onto(self, scores: Floats) -> None:
        """Added to scores of all items."""
        np.add.at(scores, self.items, self.values)


def summed(items: Ints, values: Floats, item_count: int) -> Sparse:
    """Each item once: (m,) items of which some may come again, and (m,) values, those of the same item added up.

    Time goes with m alone: each item's entries find each other by the place that the last of them wrote down, which
    takes neither a sort nor a pass over the catalogue.
    """
    places = np.arange(len(items), dtype=np.int32)
    place_of = np.empty(item_count, np.int32)  # only those of `items` are ever written or read
    place_of[items] = places
    at = place_of[items]
    last = at == places
    return Sparse(items[last], np.bincount(at, values, len(items))[last].astype(np.float32))
