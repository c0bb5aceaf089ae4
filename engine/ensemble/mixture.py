"""A blend at work: the weighted sum of its columns, taken apart by what each costs over a large catalogue.

What every user gets alike is summed once. A product of vectors is standardised by the moments of the items' vectors,
before it is made; neighbours are added where there are any. So an answer over a million items costs one product and one
sum. The result is that of `engine.ensemble.choice.mixture` but for rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.data.columns import Floats
from engine.ensemble.choice import FLOOR
from engine.ensemble.fits import SAID, Fits, reader
from engine.ensemble.member import Arrays, Column
from engine.ensemble.members import MEMBERS
from engine.ensemble.moments import mean_and_deviation, with_moments
from engine.neighbours.sparse import Sparse
from engine.recipes.base import Query

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
        total = base + np.float32(self.offset)
        for arrays, vector, bias in self.products:
            total += arrays["items"] @ vector
            total += np.float32(bias) * arrays["bias"]
        for each in self.dense:
            total += each
        for items, values in self.sparse:
            total[items] += values
        return total


Part = Callable[[Query], Sum]


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
        said = [part(query) for hears, part in self._parts if SAID[hears](query)]
        return Sum(
            tuple(product for each in said for product in each.products),
            tuple(few for each in said for few in each.sparse),
            tuple(all_ for each in said for all_ in each.dense),
            sum(each.offset for each in said),
        )


def _part(column: Column, arrays: Arrays, weight: float, items: int) -> Part:
    member = MEMBERS[column.member]
    if member.vector is not None:
        return _product(column, arrays, weight)
    if member.sparse is not None and "dense" not in arrays:
        return _sparse(column, arrays, weight, items)
    read = reader(column, arrays, items)
    return lambda query: Sum((), (), (np.float32(weight) * read(query),), 0.0)


def _product(column: Column, arrays: Arrays, weight: float) -> Part:
    of = MEMBERS[column.member].vector
    assert of is not None
    if "covariance" not in arrays:  # trained by an earlier version
        arrays = with_moments(arrays)

    def part(query: Query) -> Sum:
        vector = of(arrays, query)
        mean, deviation = mean_and_deviation(arrays, vector)
        if deviation <= NOTHING:
            return Sum((), (), (), 0.0)
        share = weight / deviation
        return Sum(((arrays, vector * np.float32(share), share),), (), (), -share * mean)

    return part


def _sparse(column: Column, arrays: Arrays, weight: float, items: int) -> Part:
    of = MEMBERS[column.member].sparse
    assert of is not None

    def part(query: Query) -> Sum:
        found = of(arrays, column.reading, query, items)
        assert found is not None  # as said by "dense" not in arrays
        values = found.values.astype(np.float64)
        mean = float(values.sum()) / items
        deviation = max(float(values @ values) / items - mean * mean, 0.0) ** 0.5
        if deviation <= NOTHING:
            return Sum((), (), (), 0.0)
        share = weight / deviation
        return Sum((), (Sparse(found.items, found.values * np.float32(share)),), (), -share * mean)

    return part
