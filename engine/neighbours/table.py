"""An item-item table as named arrays: dense for small catalogues, else the strongest neighbours of each item (CSR).

A dense table is `{"dense": (items, items)}`; a sparse one `{"indptr": (items + 1,), "near": (m,), "value": (m,)}`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Array, Floats, Ints, offsets_of
from engine.neighbours.pairs import Pairs
from engine.neighbours.sparse import Sparse, summed
from engine.recipe import Model, Query, Scorer

Arrays = Mapping[str, NDArray[Any]]

DENSE = 2_000  # items: up to 16 MB a table
KEPT = 200  # neighbours an item
ROWS = 1_000  # of a large matrix, looked at together


def dense_fits(item_count: int) -> bool:
    return item_count <= DENSE


def table_of(pairs: Pairs, item_count: int, most: int = KEPT) -> Arrays:
    """The table whose row `left` holds `weight` at `right`; a sparse one keeps the `most` largest of each row."""
    if dense_fits(item_count):
        dense = np.zeros((item_count, item_count), np.float32)
        dense[pairs.left, pairs.right] = pairs.weight
        return {"dense": dense}
    order = np.lexsort((-np.abs(pairs.weight), pairs.left))
    left = pairs.left[order]
    place = np.arange(len(left)) - np.searchsorted(left, left)
    order = order[place < most]
    indptr = offsets_of(np.bincount(pairs.left[order], minlength=item_count))
    return {"indptr": indptr, "near": pairs.right[order], "value": pairs.weight[order]}


def table_of_rows(rows: Callable[[slice], Floats], items: Ints, item_count: int, most: int = KEPT) -> Arrays:
    """The table of a (k, k) matrix over the chosen `items` (k,), asked for some rows at a time; every other item has an
    empty row."""
    count = len(items)
    if dense_fits(item_count):
        dense = np.zeros((item_count, item_count), np.float32)
        dense[np.ix_(items, items)] = rows(slice(0, count))
        return {"dense": dense}
    width = min(most, count)
    near, value = np.empty((count, width), np.int32), np.empty((count, width), np.float32)
    for first in range(0, count, ROWS):
        part = slice(first, min(first + ROWS, count))
        block = rows(part)
        columns = np.argpartition(-np.abs(block), width - 1, axis=1)[:, :width]
        near[part], value[part] = items[columns], np.take_along_axis(block, columns, axis=1)
    return table_of(Pairs(np.repeat(items, width), near.ravel(), value.ravel()), item_count, most)


def mix(table: Arrays, items: Ints, weights: Floats, item_count: int) -> Floats:
    """(item_count,) the sum of the rows of `items` (h,), each times its weight (h,)."""
    if "dense" in table:
        return np.asarray(weights @ table["dense"].take(items, 0), np.float32)
    return np.bincount(*_entries(table, items, weights), item_count).astype(np.float32)


def mix_sparse(table: Arrays, items: Ints, weights: Floats) -> Sparse | None:
    """The same of a sparse table, each neighbour once; None of a dense one."""
    return None if "dense" in table else summed(*_entries(table, items, weights), len(table["indptr"]) - 1)


def _entries(table: Arrays, items: Ints, weights: Floats) -> tuple[Ints, Floats]:
    """(m,) the neighbours in the rows of `items`, and (m,) their values times the row's weight."""
    starts = table["indptr"][items]
    counts = table["indptr"][items + 1] - starts
    width = int(counts.max(initial=0))
    if width and len(table["near"]) % width == 0 and not (counts % width).any() and not (starts % width).any():
        return _of_full_rows(table, starts[counts > 0] // width, weights[counts > 0], width)
    before = np.cumsum(counts) - counts
    at = np.arange(counts.sum()) + np.repeat(starts - before, counts)
    return table["near"].take(at), table["value"].take(at) * np.repeat(weights, counts)


def _of_full_rows(table: Arrays, rows: Array, weights: Floats, width: int) -> tuple[Ints, Floats]:
    """The same where each row has no neighbours or `width` of them: then they are copied whole."""
    near, value = (table[part].reshape(-1, width).take(rows, 0) for part in ("near", "value"))
    value *= weights[:, None]
    return near.ravel(), value.ravel()


def related_or_popular(model: Model) -> Scorer:
    """Scores of the current item's row; items without a tie to it, and all items for an unknown or thin one, follow in
    order of popularity ("users"), below 0. The current item itself is never an answer.
    """
    table, users = model.arrays, model.arrays["users"]
    count = len(users)
    popular: Floats = (users / (users.max(initial=0) + 1) - 1).astype(np.float32)  # (items,) in -1..0

    def score(query: Query) -> Floats:
        if not 0 <= query.item < count:
            return popular
        near = mix(table, np.array([query.item]), np.ones(1, np.float32), count)
        scores: Floats = np.where(near > 0, near, popular)
        scores[query.item] = -np.inf
        return scores

    return score
