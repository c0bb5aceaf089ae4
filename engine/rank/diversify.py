"""Lists of unlike items: at most n of a kind, and maximal marginal relevance (Carbonell and Goldstein, "The use of MMR,
diversity-based reranking for reordering documents and producing summaries", SIGIR 1998).

Both choose greedily: each place goes to the candidate that is worth most of those that the caps have room for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

import numpy as np

from engine.data.columns import Array, Floats

Terms = tuple[str, ...]  # of one item in one column
LAST = -10.0  # a relevance below any margin
ALL = 1 << 30  # places, of a cap on the whole list


class Limit(NamedTuple):
    """At most `most` items with one term, among the `first` places."""

    most: int
    first: int = ALL


@dataclass
class Room:
    """The room that limits leave in a list which grows place by place. An item has terms for each limit."""

    limits: Sequence[Limit]
    length: int = 0
    refused: bool = False  # whether any item was kept away from a place
    reserved: dict[int, int] = field(default_factory=dict)  # places ahead, and the candidates that have them
    _counts: list[dict[str, int]] = field(init=False)

    def __post_init__(self) -> None:
        self._counts = [{} for _ in self.limits]

    def admits(self, terms: Sequence[Terms]) -> bool:
        """Tell whether the next place may be this item's."""
        for limit, counts, own in zip(self.limits, self._counts, terms, strict=True):
            if self.length < limit.first:
                for term in own:
                    if counts.get(term, 0) >= limit.most:
                        self.refused = True
                        return False
        return True

    def take(self, terms: Sequence[Terms]) -> None:
        """Give the next place to an item, whether or not it is admitted."""
        for limit, counts, own in zip(self.limits, self._counts, terms, strict=True):
            if self.length < limit.first:
                for term in own:
                    counts[term] = counts.get(term, 0) + 1
        self.length += 1

    def reserve(self, place: int, candidate: int, terms: Sequence[Terms]) -> None:
        """Give a place ahead of the list, or the next one that is free, to a candidate, unless a limit refuses it
        there. A place below 0 is the first."""
        place = next(at for at in count(max(place, 0)) if at not in self.reserved)
        length, self.length = self.length, place
        if self.admits(terms):
            self.take(terms)
            self.reserved[place] = candidate
        self.length = length

    def reach(self) -> list[int]:
        """The candidates of the reserved places that come next; they are in the list from here on."""
        reached = []
        while self.length in self.reserved:
            reached.append(self.reserved.pop(self.length))
            self.length += 1
        return reached

    @property
    def full(self) -> list[list[str]]:
        """The terms of each limit that there are as many of as may be."""
        return [
            [term for term, count in counts.items() if count >= limit.most]
            for limit, counts in zip(self.limits, self._counts, strict=True)
        ]

    @property
    def closed(self) -> list[list[str]]:
        """Those that the next place may not have."""
        pairs = zip(self.limits, self.full, strict=True)
        return [full if self.length < limit.first else [] for limit, full in pairs]

    def stops(self, count: int) -> Iterator[int]:
        """The lengths at which a limit ends, and last the `count`: till then who is refused stays so."""
        yield from sorted({limit.first for limit in self.limits if self.length < limit.first < count})
        yield count


def in_order(terms: Sequence[Sequence[Terms]], room: Room, count: int, among: Sequence[int] | None = None) -> list[int]:
    """The candidates (or those `among` them), first come, first served, until the list is `count` long or nobody may
    have the next place. Reserved places are kept."""
    waiting = list(range(len(terms)) if among is None else among)
    chosen = room.reach()
    for stop in room.stops(count):
        refused: list[int] = []
        for at, candidate in enumerate(waiting):
            if room.length >= stop:
                refused += waiting[at:]
                break
            if room.admits(terms[candidate]):
                room.take(terms[candidate])
                chosen += (candidate, *room.reach())
            else:
                refused.append(candidate)
        waiting = refused
        if room.length < stop:
            break
    return chosen


class Margin(NamedTuple):
    """The marginal relevance of candidates, best first: (m,) relevance in 0..1, `LAST` for who comes after all others,
    (m, d) unit vectors, zero where nothing is known, and (b, d) those of items that are in the list before."""

    strength: float
    relevance: Floats
    vectors: Floats
    before: Floats


def by_margin(margin: Margin, terms: Sequence[Sequence[Terms]], room: Room, count: int) -> list[int]:
    """As `in_order`, by (1 - strength) * relevance - strength * similarity to the most alike item of the list."""
    chosen: list[int] = []
    vectors, strength = margin.vectors, np.float32(margin.strength)
    taken = (vectors @ margin.before.T).max(axis=1, initial=0) * strength  # (m,) from what each is worth, not below 0
    left = np.where(margin.relevance > LAST, np.float32(1 - margin.strength) * margin.relevance, margin.relevance)
    worth = np.empty_like(left)
    for stop in room.stops(count):
        open_ = left.copy()  # -inf for who has a place, and also for who was refused
        while room.length < stop and len(worth):
            np.subtract(open_, taken, out=worth)
            best = int(worth.argmax())
            if open_[best] == -np.inf:
                break
            open_[best] = -np.inf
            if room.admits(terms[best]):
                room.take(terms[best])
                chosen.append(best)
                left[best] = -np.inf
                # one by one: a product of matrices would wake BLAS's threads, which waits for a busy core
                np.maximum(taken, vectors @ (vectors[best] * strength), out=taken)
        if room.length < stop:
            break
    return chosen


def scaled(values: Floats) -> Floats:
    """(m,) in 0..1: the least 0, the greatest 1; all 1 where they are equal."""
    low, high = values.min(initial=np.inf), values.max(initial=-np.inf)
    return np.ones(len(values), np.float32) if high <= low else (values - low) / (high - low)


def term_vectors(columns: Sequence[Sequence[Terms]], count: int) -> Floats:
    """(count, d) unit vectors of items by their terms, (columns, count): each column has the same say, each term of a
    column too; zero for an item without any."""
    parts = [_one_column(terms) for terms in columns]
    return unit(np.hstack(parts)) if parts else np.zeros((count, 0), np.float32)


def _one_column(terms: Sequence[Terms]) -> Floats:
    codes: dict[str, int] = {}
    rows = [row for row, own in enumerate(terms) for _ in own]
    places = [codes.setdefault(term, len(codes)) for own in terms for term in own]
    vectors = np.zeros((len(terms), len(codes)), np.float32)
    vectors[rows, places] = 1
    return unit(vectors)


def unit(vectors: Array) -> Floats:
    """(n, d) scaled to length 1; zero stays zero."""
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))[:, None]
    return np.asarray(vectors / np.maximum(lengths, 1e-9), np.float32)


def spread(vectors: Floats) -> float:
    """How unlike the items of a list are: 1 less the mean similarity of two of them, each not below 0; 0 for one."""
    count = len(vectors)
    if count < 2:
        return 0.0
    alike = np.maximum(vectors @ vectors.T, 0)
    np.fill_diagonal(alike, 0)
    return 1 - float(alike.sum()) / (count * (count - 1))
