"""A blend at work: the weighted sum of its columns, taken apart by what each costs over a large catalogue.

What every user gets alike is summed once. A product of vectors is standardised by the moments of the items' vectors,
before it is made; neighbours are added where there are any. So an answer over a million items costs one product and one
sum. The result is that of `engine.ensemble.choice.mixture` but for rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from engine.data.columns import Floats
from engine.ensemble.choice import FLOOR
from engine.ensemble.fits import PRESENT, Fits, reader
from engine.ensemble.member import Arrays, ScorerColumn
from engine.ensemble.members import MEMBERS
from engine.ensemble.vectors import Vectors, mean_and_deviation, with_moments
from engine.neighbours.sparse import Sparse
from engine.recipe import Query

BLOCK = 8192  # items whose vectors are multiplied at once: two megabytes
TOGETHER = 4  # vectors that are multiplied at once
TILE = 64  # items, whose vectors fit into the first level of the cache
TILES_BYTES = 26_000_000  # of items' vectors, beyond which they are not kept twice: there most have an index
NOTHING = 1e-9  # a deviation below it says nothing, as in `engine.ensemble.member.standard`


@dataclass(frozen=True)
class LogitSum:
    """One query's logits, before they are summed: those of `Mixture.base`, and on top of them..."""

    products: tuple[tuple[Arrays, Floats, float], ...]  # arrays with items and bias; a vector for the items; for biases
    sparse: tuple[Sparse, ...]
    dense: tuple[Floats, ...]
    offset: float  # of every item


def all_onto(base: Floats, sums: Sequence[LogitSum]) -> list[Floats]:
    """(items,) new logits for each, to the bit the same as alone. Items are read once for all queries, by blocks that
    stay in the processor's cache while all is added up."""
    logits_of = np.empty((len(sums), len(base)), np.float32)
    offsets = np.array([each.offset for each in sums], np.float32)[:, None]
    asked = _question_vectors(sums)
    for block in _blocks(len(base)):
        part = logits_of[:, block]
        np.add(base[block], offsets, out=part)
        for arrays, vectors in asked:
            part += products(arrays, block, vectors)
    for logits, each in zip(logits_of, sums, strict=True):
        for all_ in each.dense:
            logits += all_
        for few in each.sparse:
            few.onto(logits)
    return list(logits_of)


def _blocks(items: int) -> list[slice]:
    """Blocks of `BLOCK` items each, or all where there are fewer; the last one overlaps the one before."""
    firsts = [*range(0, items - BLOCK, BLOCK), max(items - BLOCK, 0)]
    return [slice(first, min(first + BLOCK, items)) for first in firsts]


def products(arrays: Arrays, block: slice, vectors: Floats) -> Floats:
    """(b, block) of a block of the items' vectors, their biases last, and vectors (b, dim + 1), each to the bit what it
    is without the others.

    BLAS rounds in another order for a small matrix, a large one and a vector; on processors without AVX-512 also for
    each place in a matrix of more than four rows. So a product has one shape, always: `TOGETHER` vectors, filled up.
    """
    filled = _in_groups(vectors)
    if "tiles" in arrays:
        return _tile_products(arrays["tiles"], block, filled)[: len(vectors)]
    items, biases = arrays["items"][block], vectors[:, -1:] * arrays["bias"][block]
    if len(items) < BLOCK:
        return np.stack([items @ vector for vector in vectors[:, :-1]]) + biases
    product = np.concatenate([(items @ group.T).T for group in filled[:, :, :-1]])
    return product[: len(vectors)] + biases


def _in_groups(vectors: Floats) -> Floats:
    """(groups, TOGETHER, dim + 1), vectors of 0 the last."""
    filled = np.zeros((-(-len(vectors) // TOGETHER) * TOGETHER, vectors.shape[1]), np.float32)
    filled[: len(vectors)] = vectors
    return filled.reshape(-1, TOGETHER, vectors.shape[1])


def _tile_products(tiles: Floats, block: slice, groups: Floats) -> Floats:
    """The products of `products`, by the tiles that the block lies in."""
    own = tiles[block.start // TILE : -(-block.stop // TILE)]
    product = np.empty((*groups.shape[:2], len(own), TILE), np.float32)
    np.matmul(groups, own[:, None], out=product.transpose(2, 0, 1, 3))
    return product.reshape(-1, len(own) * TILE)[:, block.start % TILE :][:, : block.stop - block.start]


def with_tiles(arrays: Arrays) -> Arrays:
    """Add the items' vectors, where there are any and not too many, once more in this process's own memory, as tiles,
    each read from first to last: (-(-items // TILE), dim + 1, TILE), biases last. A product then takes half the time,
    and a third where few ask."""
    items = arrays.get("items")
    if items is None or items.nbytes > TILES_BYTES:
        return arrays
    tiles = np.zeros((-(-len(items) // TILE), TILE, items.shape[1] + 1), np.float32)
    rows = tiles.reshape(-1, tiles.shape[2])[: len(items)]
    rows[:, :-1], rows[:, -1] = items, arrays["bias"]
    return {**arrays, "tiles": np.ascontiguousarray(tiles.transpose(0, 2, 1))}


def _question_vectors(sums: Sequence[LogitSum]) -> list[tuple[Arrays, Floats]]:
    """All arrays that some sums are products with, and (b, dim + 1) vectors for items with, last, the weight of biases;
    0 for a sum that has none."""
    vectors_of: dict[int, tuple[Arrays, Floats]] = {}
    for place, each in enumerate(sums):
        for arrays, vector, bias in each.products:
            nothing = arrays, np.zeros((len(sums), len(vector) + 1), np.float32)
            own = vectors_of.setdefault(id(arrays), nothing)[1][place]
            own[:-1] += vector
            own[-1] += np.float32(bias)
    return list(vectors_of.values())


Part = Callable[[Sequence[Query]], list[LogitSum]]  # of queries that say what the part hears


class Mixture:
    """`all_onto(base, sums_of(queries))` are the logits of queries of known ids."""

    def __init__(
        self, columns: Sequence[ScorerColumn], fits: Fits, weights: Sequence[float], scale: float, items: int
    ) -> None:
        self.base: Floats = np.zeros(items, np.float32)  # (items,) what everyone gets
        self._parts: list[tuple[str, Part]] = []
        for column, weight in zip(columns, weights, strict=True):
            member, arrays = MEMBERS[column.member], fits[column.fit]
            weight = scale * (weight + (FLOOR if member.name == "popularity" else 0.0))
            if not weight:
                continue
            if member.hears == "nobody":
                self.base += np.float32(weight) * reader(column, arrays, items)(Query())
            else:
                self._parts.append((member.hears, _part(column, arrays, weight, items)))

    def sums_of(self, queries: Sequence[Query]) -> list[LogitSum]:
        """The sum of each query, the same as each would have alone."""
        sums: list[list[LogitSum]] = [[] for _ in queries]
        for hears, part in self._parts:
            heard = [place for place, query in enumerate(queries) if PRESENT[hears](query)]
            for place, sum_ in zip(heard, part([queries[place] for place in heard]), strict=True):
                sums[place].append(sum_)
        return [_combined(each) for each in sums]


def _combined(sums: Sequence[LogitSum]) -> LogitSum:
    return LogitSum(
        tuple(product for each in sums for product in each.products),
        tuple(few for each in sums for few in each.sparse),
        tuple(all_ for each in sums for all_ in each.dense),
        sum(each.offset for each in sums),
    )


def _part(column: ScorerColumn, arrays: Arrays, weight: float, items: int) -> Part:
    member = MEMBERS[column.member]
    if member.vectors is not None:
        return _product(column, arrays, weight)
    if member.sparse is not None and "dense" not in arrays:
        return _sparse(column, arrays, weight, items)
    read = reader(column, arrays, items)
    return lambda queries: [LogitSum((), (), (np.float32(weight) * read(query),), 0.0) for query in queries]


def _product(column: ScorerColumn, arrays: Arrays, weight: float) -> Part:
    of = MEMBERS[column.member].vectors
    assert of is not None
    if "covariance" not in arrays:  # trained by an earlier version
        arrays = with_moments(arrays)
    vectors = Vectors(partial(of, arrays))

    def sum_of(vector: Floats) -> LogitSum:
        mean, deviation = mean_and_deviation(arrays, vector)
        if deviation <= NOTHING:
            return LogitSum((), (), (), 0.0)
        share = weight / deviation
        return LogitSum(((arrays, vector * np.float32(share), share),), (), (), -share * mean)

    return lambda queries: [sum_of(vector) for vector in vectors.of([query.history for query in queries])]


def _sparse(column: ScorerColumn, arrays: Arrays, weight: float, items: int) -> Part:
    member = MEMBERS[column.member]
    of, arrays = member.sparse, member.prepared(arrays, column.reading)
    assert of is not None

    def sum_of(query: Query) -> LogitSum:
        scores = of(arrays, column.reading, query, items)
        assert scores is not None  # as said by "dense" not in arrays
        mean = float(scores.values.sum()) / items
        squares = float(scores.values @ scores.values)
        deviation = max(squares / items - mean * mean, 0.0) ** 0.5
        if deviation <= NOTHING:
            return LogitSum((), (), (), 0.0)
        share = weight / deviation
        return LogitSum((), (Sparse(scores.items, scores.values * np.float32(share)),), (), -share * mean)

    return lambda queries: [sum_of(query) for query in queries]
