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
from engine.ensemble.fits import SAID, Fits, reader
from engine.ensemble.member import Arrays, Column
from engine.ensemble.members import MEMBERS
from engine.ensemble.moments import mean_and_deviation, with_moments
from engine.ensemble.vectors import Vectors
from engine.neighbours.sparse import Sparse
from engine.recipes.base import Query

BLOCK = 4096  # items whose vectors are multiplied at once: a megabyte
NOTHING = 1e-9  # a deviation below it says nothing, as in `engine.ensemble.member.standard`


@dataclass(frozen=True)
class Sum:
    """One query's logits, before they are summed: those of `Mixture.base`, and on top of them..."""

    products: tuple[tuple[Arrays, Floats, float], ...]  # arrays with items and bias; a vector for the items; for biases
    sparse: tuple[Sparse, ...]
    dense: tuple[Floats, ...]
    offset: float  # of every item

    def onto(self, base: Floats) -> Floats:
        """(items,) new logits."""
        return self.with_products(base, [arrays["items"] @ vector for arrays, vector, _ in self.products])

    def with_products(self, base: Floats, made: Sequence[Floats]) -> Floats:
        """The same with each product's (items,) already made; those are written over."""
        total = base + np.float32(self.offset)
        for (arrays, _, bias), product in zip(self.products, made, strict=True):
            total += product
            total += np.multiply(arrays["bias"], np.float32(bias), out=product)
        for each in self.dense:
            total += each
        for few in self.sparse:
            few.onto(total)
        return total


def all_onto(base: Floats, sums: Sequence[Sum]) -> list[Floats]:
    """`onto` for each, to the bit the same. Items are read once for all queries, which is most of a product's time."""
    made: list[list[Floats]] = [[] for _ in sums]
    for place in range(max((len(each.products) for each in sums), default=0)):
        rows = [row for row, each in enumerate(sums) if len(each.products) > place]
        by_arrays: dict[int, list[int]] = {}
        for row in rows:
            by_arrays.setdefault(id(sums[row].products[place][0]), []).append(row)
        for own in by_arrays.values():
            items = sums[own[0]].products[place][0]["items"]
            for row, product in zip(own, products(items, [sums[row].products[place][1] for row in own]), strict=True):
                made[row].append(product)
    return [each.with_products(base, done) for each, done in zip(sums, made, strict=True)]


def products(items: Floats, vectors: Sequence[Floats]) -> Floats:
    """(b, items) each vector's product with all items, by blocks that stay in the processor's cache meanwhile."""
    if len(vectors) == 1:
        return (items @ vectors[0])[None]
    found = np.empty((len(vectors), len(items)), np.float32)
    columns = np.stack(vectors)[:, :, None]  # (b, dim, 1)
    for first in range(0, len(items), BLOCK):
        found[:, first : first + BLOCK] = (items[None, first : first + BLOCK] @ columns)[:, :, 0]
    return found


Part = Callable[[Sequence[Query]], list[Sum]]  # of queries that say what the part hears


class Mixture:
    """`sum_of(query).onto(base)` are the logits of a query of known ids."""

    def __init__(
        self, columns: Sequence[Column], fits: Fits, weights: Sequence[float], scale: float, items: int
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

    def sum_of(self, query: Query) -> Sum:
        return self.sums_of((query,))[0]

    def sums_of(self, queries: Sequence[Query]) -> list[Sum]:
        """One for each query: what each would have alone."""
        said: list[list[Sum]] = [[] for _ in queries]
        for hears, part in self._parts:
            heard = [place for place, query in enumerate(queries) if SAID[hears](query)]
            for place, sum_ in zip(heard, part([queries[place] for place in heard]), strict=True):
                said[place].append(sum_)
        return [_joined(each) for each in said]


def _joined(said: Sequence[Sum]) -> Sum:
    return Sum(
        tuple(product for each in said for product in each.products),
        tuple(few for each in said for few in each.sparse),
        tuple(all_ for each in said for all_ in each.dense),
        sum(each.offset for each in said),
    )


def _part(column: Column, arrays: Arrays, weight: float, items: int) -> Part:
    member = MEMBERS[column.member]
    if member.vectors is not None:
        return _product(column, arrays, weight)
    if member.sparse is not None and "dense" not in arrays:
        return _sparse(column, arrays, weight, items)
    read = reader(column, arrays, items)
    return lambda queries: [Sum((), (), (np.float32(weight) * read(query),), 0.0) for query in queries]


def _product(column: Column, arrays: Arrays, weight: float) -> Part:
    of = MEMBERS[column.member].vectors
    assert of is not None
    if "covariance" not in arrays:  # trained by an earlier version
        arrays = with_moments(arrays)
    vectors = Vectors(partial(of, arrays))

    def sum_of(vector: Floats) -> Sum:
        mean, deviation = mean_and_deviation(arrays, vector)
        if deviation <= NOTHING:
            return Sum((), (), (), 0.0)
        share = weight / deviation
        return Sum(((arrays, vector * np.float32(share), share),), (), (), -share * mean)

    return lambda queries: [sum_of(vector) for vector in vectors.of([query.history for query in queries])]


def _sparse(column: Column, arrays: Arrays, weight: float, items: int) -> Part:
    member = MEMBERS[column.member]
    of, arrays = member.sparse, member.prepared(arrays, column.reading)
    assert of is not None

    def sum_of(query: Query) -> Sum:
        found = of(arrays, column.reading, query, items)
        assert found is not None  # as said by "dense" not in arrays
        sums = np.zeros(items, np.float32)
        found.onto(sums)
        values = found.values.astype(np.float64)
        mean = float(values.sum()) / items
        squares = float(values @ sums[found.items])  # each entry times its item's sum: all of an item, its sum's square
        deviation = max(squares / items - mean * mean, 0.0) ** 0.5
        if deviation <= NOTHING:
            return Sum((), (), (), 0.0)
        share = weight / deviation
        return Sum((), (Sparse(found.items, found.values * np.float32(share)),), (), -share * mean)

    return lambda queries: [sum_of(query) for query in queries]
