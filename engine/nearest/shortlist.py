"""The best of a catalogue from the cells of an index, with what is added to a few items put forward beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np

from engine.data.columns import Floats, Ints
from engine.nearest.cells import Index
from engine.neighbours.sparse import Sparse, Sums, once
from engine.recipe import Query

RESCORED = 500  # items outside of the opened cells, those with most added, that are scored all the same


@dataclass(frozen=True)
class Newer:
    """Items that came after training: the scores of each are a weighted sum of known items', the mean of all as far as
    the weights do not sum to 1, and an offset."""

    near: Ints  # (new, k) known items
    weight: Floats  # (new, k)
    rows: Floats  # (new, d) the weighted sum of the known items' vectors
    rest: Floats  # (new,) what is left of 1
    offset: Floats  # (blends, new)

    @classmethod
    def of(cls, near: Ints, weight: Floats, offset: Floats, index: Index) -> Newer:
        rows = np.zeros((len(near), index.arrays["rows"].shape[1]), np.float32)
        for place in range(near.shape[1]):
            rows += weight[:, place, None] * index.arrays["rows"][index.arrays["place"][near[:, place]]]
        return cls(near, weight, rows, 1 - weight.sum(axis=1), offset)


@dataclass(frozen=True)
class IndexQuery:
    """The query to an index, and what is to be added to the products."""

    vector: Floats  # (d,)
    added: tuple[Sparse, ...]  # to some items, in each part once
    offset: float  # to all
    mean: float  # of all logits so far
    penalised: Ints  # items of any age, from which at last is taken...
    penalty: float  # once from those that come again
    blend: int = 0  # that answers


class Shortlist:
    """Logits of the items that may be among the best; of any others, and the sum over all, on demand."""

    def __init__(self, index: Index, question: IndexQuery, newer: Newer | None = None) -> None:
        self._index, self._vector, self._offset = index, question.vector, np.float32(question.offset)
        self._known = len(index.arrays["order"])
        self.count = self._known + (len(newer.near) if newer is not None else 0)  # items that have logits
        self.depth = index.depth  # of its best items, how many are to be trusted
        self._newest = np.zeros(0, np.float32) if newer is None else self._of_newer(newer, question)
        seen = question.penalised[once(question.penalised, self.count)]
        penalties = Sparse(seen, np.full(len(seen), -question.penalty, np.float32))
        self._added = Sums((*question.added, penalties), self.count)
        self._opened = index.open(self._vector)
        beside = self._beside(self._added.few)
        self._beside_products = index.products(beside, self._vector)
        newest = np.arange(self._known, self.count, dtype=np.int32)
        self.items: Ints = np.concatenate((self._opened.items, beside, newest))  # (m,) each once
        products = np.concatenate((self._opened.products, self._beside_products))
        self.logits: Floats = np.concatenate((products + self._offset, self._newest)) + self._added.of(self.items)

    @cached_property
    def best(self) -> Ints:
        """(<= depth,) items in the order of `top_k`: equal ones by id."""
        near = _nearly(self.logits, self.depth)
        items, logits = self.items[near], self.logits[near]
        return items[np.lexsort((items, -logits))[: min(self.depth, np.count_nonzero(logits > -np.inf))]]

    def logits_of(self, items: Ints) -> Floats:
        """(k,) the logits of any items below `count`."""
        logits = np.empty(len(items), np.float32)
        new = items >= self._known
        logits[new] = self._newest[items[new] - self._known]
        logits[~new] = self._index.products(items[~new], self._vector) + self._offset
        return logits + self._added.of(items)

    @cached_property
    def log_total(self) -> float:
        """The logarithm of the sum of exp(logits) over all items: exact over the opened cells, over others by samples.

        Each item of a shut cell has an equal chance to be of its sample, so without what was added the sum is unbiased;
        how near it comes was measured when the index was made (`engine.ensemble.indexing`).
        """
        products, weights = self._index.shut(self._opened, self._vector)
        sampled = products + self._offset
        top = np.float32(max(self.logits.max(initial=-np.inf), sampled.max(initial=-np.inf)))
        looked_at = float(np.exp(self.logits - top).sum())
        others = float(np.exp(sampled - top) @ weights)
        # their cells' samples stand for those beside, too
        twice = float(np.exp(self._beside_products + self._offset - top).sum())
        return float(top) + float(np.log(looked_at + max(others - twice, 0.0)))

    def _of_newer(self, newer: Newer, question: IndexQuery) -> Floats:
        added = Sums(question.added, self.count)
        lifted = (newer.weight * (added.of(newer.near) + self._offset)).sum(axis=1)
        rest = newer.rest * np.float32(question.mean) + newer.offset[question.blend]
        return np.asarray(newer.rows @ self._vector + lifted + rest, np.float32)

    def _beside(self, added: Sparse) -> Ints:
        """(<= RESCORED,) items of shut cells: those with the most added."""
        more = np.flatnonzero((added.values > 0) & (added.items < self._known))
        shut = ~self._opened.cells.take(self._index.arrays["cell"].take(added.items.take(more)))
        more = more[shut]
        if len(more) > RESCORED:
            more = more[np.argpartition(-added.values[more], RESCORED)[:RESCORED]]
        return added.items[more]


def _nearly(logits: Floats, depth: int) -> Ints:
    """(m,) places of all logits at least as high as the depth-th."""
    if len(logits) <= depth:
        return np.arange(len(logits), dtype=np.int32)
    least = -np.partition(-logits, depth - 1)[depth - 1]
    return np.flatnonzero(logits >= least).astype(np.int32)


@runtime_checkable
class Shortlisting(Protocol):
    """A scorer that may have an index: None where it has none, or none for a query."""

    def shortlists(self, queries: Sequence[Query]) -> Sequence[Shortlist | None]: ...
