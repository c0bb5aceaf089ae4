"""An inverted file: the vectors of items in cells, of which a question opens the most promising ones.

Cells are made by k-means, each one's vectors lying together, as in Jégou, Douze and Schmid, "Product quantization for
nearest neighbor search" (2011). The distance between two vectors is by how much their products with a question differ:
for questions of second moment S the mean of (q·(x - y))² is (x - y)ᵀ S (x - y) (Guo, Kumar, Choromanski and Simcha,
"Quantization based fast inner product search", 2016). A cell promises the product with its middle and what its best
item may have beyond it: without that, cells that scatter little would be opened before those with the best items.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Bools, Floats, Ints
from engine.recipe import Progress, silent

Arrays = Mapping[str, NDArray[Any]]

A_CELL = 150  # items, on average
EACH = 32  # vectors that a cell's middle is learned from
STEPS = 6  # of k-means
SAMPLE = 2  # vectors of each cell that stand for it in sums over all items
CHUNK = 8_192  # vectors that look for their cell at once
LOOKED_INTO = 8  # groups of cells, nearest to a vector, of which one has its cell
FLAT = 4_096  # cells, up to which each vector is compared with all their middles
BEYOND = 3.0  # deviations by which a cell's best is taken to exceed its middle: the best of some hundred normal ones


def built(vectors: Floats, asked: Floats, seed: int, progress: Progress) -> Arrays:
    """The arrays of an `Index` for vectors (n, d), given questions (m, d) like those that will be asked."""
    draw = np.random.default_rng(seed)
    count = max(len(vectors) // A_CELL, 1)
    metric = _metric(asked)
    few = np.sort(draw.choice(len(vectors), min(EACH * count, len(vectors)), replace=False))
    tree = _cell_tree(vectors[few] @ metric, count, draw, progress)
    count = len(tree.centres)
    pieces = [tree.nearest(vectors[at : at + CHUNK] @ metric) for at in range(0, len(vectors), CHUNK)]
    cell = np.concatenate([nearest for nearest, _ in pieces])
    squares = np.bincount(cell, np.concatenate([square for _, square in pieces]), count)
    order = np.argsort(cell, kind="stable").astype(np.int32)
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    sizes = np.bincount(cell, minlength=count)
    starts = np.concatenate(([0], np.cumsum(sizes)))
    rows = vectors[order]
    drawn = starts[:-1, None] + (draw.random((count, SAMPLE)) * sizes[:, None]).astype(np.int64)  # (cells, SAMPLE)
    return {
        "rows": rows,  # (n, d) the vectors, those of a cell together
        "order": order,  # (n,) the item of each row
        "place": place,  # (n,) the row of each item
        "cell": cell.astype(np.int32),  # (n,) of each item
        "starts": starts.astype(np.int64),  # (cells + 1,) first row of each cell
        "middles": _means(rows, starts).astype(np.float32),  # (cells, d)
        "spread": np.sqrt(squares / np.maximum(sizes, 1)).astype(np.float32),  # (cells,) for a question of length 1
        "sample": rows[np.minimum(drawn, len(rows) - 1).ravel()],  # (cells * SAMPLE, d)
    }


def _metric(asked: Floats) -> Floats:
    """(d, d) such that vectors @ it are as far apart as their products with questions of length 1 differ."""
    unit = asked / np.maximum(np.linalg.norm(asked, axis=1, keepdims=True), 1e-9)
    moment = unit.T.astype(np.float64) @ unit / len(unit)
    floor = 1e-6 * np.trace(moment) / len(moment) + 1e-12  # directions that nobody asked for
    return np.linalg.cholesky(moment + floor * np.eye(len(moment))).astype(np.float32)


class _CellTree(NamedTuple):
    """The middles of cells, in groups."""

    groups: Floats  # (groups, d) their middles
    firsts: NDArray[np.int64]  # (groups + 1,) the first cell of each
    centres: Floats  # (cells, d)

    def nearest(self, vectors: Floats) -> tuple[NDArray[np.intp], Floats]:
        """As `_nearest`, of the cells of the groups that are nearest to each vector."""
        if len(self.groups) == 1:
            return _nearest(vectors, self.centres)
        cell, squares = np.zeros(len(vectors), np.intp), np.full(len(vectors), np.inf, np.float32)
        near = np.argpartition(_halves(vectors, self.groups), LOOKED_INTO, axis=1)[:, :LOOKED_INTO]
        for group in np.unique(near):
            rows, first, end = np.flatnonzero((near == group).any(axis=1)), self.firsts[group], self.firsts[group + 1]
            found, away = _nearest(vectors[rows], self.centres[first:end])
            better = away < squares[rows]
            rows = rows[better]
            cell[rows], squares[rows] = first + found[better], away[better]
        return cell, squares


def _cell_tree(vectors: Floats, count: int, draw: np.random.Generator, progress: Progress) -> _CellTree:
    """About `count` cells for vectors like these, learned from them."""
    if count <= FLAT:
        return _CellTree(vectors[:1], np.array([0, count]), _centres(vectors, count, draw, progress))
    groups = _centres(vectors, round(count**0.5), draw, progress)
    group = np.concatenate([_nearest(vectors[at : at + CHUNK], groups)[0] for at in range(0, len(vectors), CHUNK)])
    sizes = np.bincount(group, minlength=len(groups))
    order = np.argsort(group, kind="stable")
    centres = []
    for place, rows in enumerate(np.split(order, np.cumsum(sizes)[:-1])):
        own = vectors[rows] if len(rows) else groups[place : place + 1]
        centres.append(_centres(own, max(round(count * len(rows) / len(vectors)), 1), draw, silent))
        progress(place / len(groups), "finding cells of items")
    firsts = np.concatenate(([0], np.cumsum([len(each) for each in centres])))
    return _CellTree(groups, firsts, np.concatenate(centres))


def _centres(vectors: Floats, count: int, draw: np.random.Generator, progress: Progress) -> Floats:
    """(count, d) by Lloyd's algorithm; a cell that lost all its vectors starts anew somewhere."""
    centres = vectors[np.sort(draw.choice(len(vectors), count, replace=False))]
    for step in range(STEPS):
        progress(step / STEPS, "finding cells of items")
        cell = np.concatenate([_nearest(vectors[at : at + CHUNK], centres)[0] for at in range(0, len(vectors), CHUNK)])
        sizes = np.bincount(cell, minlength=count)
        centres = _means(vectors[np.argsort(cell, kind="stable")], np.concatenate(([0], np.cumsum(sizes))))
        empty = np.flatnonzero(sizes == 0)
        centres[empty] = vectors[draw.choice(len(vectors), len(empty))]
    return centres


def _means(rows: Floats, starts: NDArray[np.int64]) -> Floats:
    """(cells, d) the mean of each cell's rows, 0 where it has none."""
    sizes = np.diff(starts)
    filled = sizes > 0
    means = np.zeros((len(sizes), rows.shape[1]), np.float32)
    means[filled] = np.add.reduceat(rows, starts[:-1][filled]) / sizes[filled, None]
    return means


def _nearest(vectors: Floats, centres: Floats) -> tuple[NDArray[np.intp], Floats]:
    """(n,) the place of each vector's nearest centre, and (n,) the square of its distance."""
    halves = _halves(vectors, centres)
    nearest = np.argmin(halves, axis=1)
    squares = (vectors * vectors).sum(axis=1) + 2 * halves[np.arange(len(vectors)), nearest]
    return nearest, np.maximum(squares, 0)


def _halves(vectors: Floats, centres: Floats) -> Floats:
    """(n, centres) half of the square of each distance, less half of the vector's own square."""
    halves: Floats = (centres * centres).sum(axis=1) / 2 - vectors @ centres.T
    return halves


class OpenedCells(NamedTuple):
    items: Ints  # (m,) of the cells that were opened
    products: Floats  # (m,) with the question
    cells: Bools  # (cells,) whether each was opened


@dataclass(frozen=True)
class Index:
    arrays: Arrays
    share: float  # of all items that a question looks at
    depth: int  # how many of the best that it finds are to be trusted

    @property
    def width(self) -> int:
        """d"""
        return int(self.arrays["rows"].shape[1])

    def open(self, question: Floats) -> OpenedCells:
        """The items of the cells that promise most to a question (d,)."""
        rows, order, filled = self.arrays["rows"], self.arrays["order"], self._occupied
        reach = np.float32(BEYOND * np.linalg.norm(question))
        most = int(2 * self.share * len(self.arrays["middles"])) + 1
        ranked = _greatest(filled.middles @ question + reach * filled.spread, most)
        ends = np.cumsum(filled.sizes[ranked])
        best = ranked[: int(np.searchsorted(ends, self.share * len(order))) + 1]
        cells = np.zeros(len(self.arrays["middles"]), np.bool_)
        cells[filled.cells[best]] = True
        sizes, ends = filled.sizes[best], ends[: len(best)]
        places = np.repeat(filled.firsts[best] - (ends - sizes), sizes) + np.arange(ends[-1])
        return OpenedCells(order.take(places), rows.take(places, axis=0) @ question, cells)

    def products(self, items: Ints, question: Floats) -> Floats:
        """(k,) the products of any items (k,)."""
        products: Floats = self.arrays["rows"].take(self.arrays["place"].take(items), axis=0) @ question
        return products

    def shut(self, opened: OpenedCells, question: Floats) -> tuple[Floats, Floats]:
        """(s,) products that stand for all, and (s,) how many items each stands for: none where its cell was opened."""
        weights = self._occupied.weights.copy()
        weights[opened.cells[self._occupied.cells]] = 0
        return self._occupied.sample @ question, weights.ravel()

    @cached_property
    def _occupied(self) -> _OccupiedCells:
        sizes = np.diff(self.arrays["starts"])
        cells = np.flatnonzero(sizes)
        middles, spread, sample = (self.arrays[name] for name in ("middles", "spread", "sample"))
        if len(cells) < len(sizes):
            middles, spread = middles[cells], spread[cells]
            sample = sample.reshape(len(sizes), -1)[cells].reshape(-1, self.width)
        weights = np.repeat(sizes[cells, None].astype(np.float32) / np.float32(SAMPLE), SAMPLE, axis=1)
        return _OccupiedCells(cells, self.arrays["starts"][cells], sizes[cells], middles, spread, sample, weights)


class _OccupiedCells(NamedTuple):
    """The cells that hold any items. Where many vectors are the same, many cells hold none."""

    cells: NDArray[np.intp]  # (filled,)
    firsts: NDArray[np.int64]  # (filled,) the first row of each
    sizes: NDArray[np.int64]  # (filled,)
    middles: Floats  # (filled, d)
    spread: Floats  # (filled,)
    sample: Floats  # (filled * SAMPLE, d)
    weights: Floats  # (filled, SAMPLE) how many items each of these stands for


def _greatest(promises: NDArray[Any], count: int) -> NDArray[np.intp]:
    """Places of so many of the promises, the greatest first."""
    if count >= len(promises):
        return np.argsort(-promises)
    some = np.argpartition(-promises, count)[:count]
    ordered: NDArray[np.intp] = some[np.argsort(-promises[some])]
    return ordered
