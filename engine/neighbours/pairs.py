"""Counted pairs of items that one user touched, without ever holding an items × items matrix.

Pairs are gathered lag by lag (each lag is one vectorised comparison of the log with itself, shifted) and merged when
the buffer is full, so memory follows the number of distinct pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Floats, Ints, Longs
from engine.data.snapshot import Snapshot

BUFFER = 4_000_000  # pairs held before they are merged: about 50 MB
SORTED = 8  # possible pairs a counted one, below which sums of all of them cost less than a sort
MOST = 30_000_000  # distinct pairs kept; beyond it the lightest go


@dataclass(frozen=True)
class Pairs:
    """Distinct (left, right) pairs, sorted by left then right, with their summed weight."""

    left: Ints  # (m,)
    right: Ints  # (m,)
    weight: Floats  # (m,)


class _WeightedRows(NamedTuple):
    """(n,) rows grouped by user. A pair's weight is multiplied by `before` of its first row, `after` of its second."""

    users: Ints
    items: Ints
    before: Floats | None
    after: Floats | None


def following(snapshot: Snapshot, lag_weights: Iterable[float]) -> Pairs:
    """Count how often `right` came 1, 2, … places after `left` in a user's log; lag k counts `lag_weights[k - 1]`."""
    after = snapshot.weights  # a pair counts as much as the row that it leads to
    rows = _WeightedRows(snapshot.users, snapshot.items, None, after)
    return _gather(rows, lag_weights, snapshot.item_count, both_ways=False)


def together(users: Ints, items: Ints, longest: int, item_count: int, strengths: Floats | None = None) -> Pairs:
    """Count the users who touched both: (n,) distinct user-item rows grouped by user; the last `longest` of each count.
    With strengths (n,) a user counts as the product of the two rows' own.
    """
    near = from_end(users) < longest
    lags = np.ones(longest - 1, np.float32)
    strengths = None if strengths is None else strengths[near]
    return _gather(_WeightedRows(users[near], items[near], strengths, strengths), lags, item_count, both_ways=True)


def around(snapshot: Snapshot, lag_weights: Iterable[float]) -> Pairs:
    """Count how near after `left` users came to `right`, each item where they touched it last: k places apart counts
    `lag_weights[k - 1]`."""
    rows = distinct(snapshot)
    strengths = strengths_of(snapshot, rows)
    logged = _WeightedRows(snapshot.users[rows], snapshot.items[rows], strengths, strengths)
    return _gather(logged, lag_weights, snapshot.item_count, both_ways=False)


def summed_pairs(parts: Sequence[Pairs], item_count: int) -> Pairs:
    """The pairs of all parts, the weights of those that are the same added up."""
    codes = np.concatenate([codes_of(part, item_count) for part in parts])
    merged = _merge(codes, np.concatenate([part.weight for part in parts]), item_count)
    return _pairs(*_heaviest(*merged, MOST), item_count)


def codes_of(pairs: Pairs, item_count: int) -> Longs:
    """(m,) a number for each pair, in the order of distinct pairs."""
    return pairs.left.astype(np.int64) * item_count + pairs.right


def distinct(snapshot: Snapshot) -> NDArray[np.intp]:
    """Rows that hold a user's latest touch of each of their items, in the log's order."""
    codes = snapshot.users.astype(np.int64) * max(snapshot.item_count, 1) + snapshot.items
    _, from_back = np.unique(codes[::-1], return_index=True)
    return np.sort(len(codes) - 1 - from_back)


def strengths_of(snapshot: Snapshot, rows: NDArray[np.intp]) -> Floats | None:
    """(rows,) for `distinct` rows the weight of the user's heaviest touch of the item; None without weights."""
    if snapshot.weights is None:
        return None
    codes = snapshot.users.astype(np.int64) * max(snapshot.item_count, 1) + snapshot.items
    distinct_codes, places = np.unique(codes, return_inverse=True)
    heaviest = np.zeros(len(distinct_codes), np.float32)
    np.maximum.at(heaviest, places, snapshot.weights)
    return np.asarray(heaviest[places[rows]], np.float32)


def user_counts(snapshot: Snapshot) -> Floats:
    """(items,) how many different users touched each item, each counting as their heaviest touch of it."""
    rows = distinct(snapshot)
    return np.bincount(snapshot.items[rows], strengths_of(snapshot, rows), snapshot.item_count).astype(np.float32)


def from_end(users: Ints) -> Longs:
    """(n,) how many rows of the same user follow each row; rows are grouped by user."""
    if not len(users):
        return np.empty(0, np.int64)
    last = np.flatnonzero(np.append(users[1:] != users[:-1], True))
    return np.repeat(last, np.diff(last, prepend=-1)) - np.arange(len(users))


def _gather(logged: _WeightedRows, lag_weights: Iterable[float], item_count: int, *, both_ways: bool) -> Pairs:
    users, items, before, after = logged
    counted = _PairSums(item_count, MOST // 2 if both_ways else MOST)
    for lag, weight in enumerate(lag_weights, 1):
        rows = np.flatnonzero(users[lag:] == users[:-lag])
        if not len(rows):
            break
        left, right = items[rows].astype(np.int64), items[rows + lag].astype(np.int64)
        if both_ways:  # counted one way, and mirrored in the end
            left, right = np.minimum(left, right), np.maximum(left, right)
        weights = np.full(len(rows), weight, np.float32)
        weights = weights if before is None else weights * before[rows]
        counted.add(left * item_count + right, weights if after is None else weights * after[rows + lag])
    pairs = _pairs(*counted.merged(), item_count)
    return summed_pairs((pairs, Pairs(pairs.right, pairs.left, pairs.weight)), item_count) if both_ways else pairs


class _PairSums:
    """Codes of pairs with their weights, summed from time to time; the `most` heaviest stay.

    New ones are sorted alone, and merged with the sorted ones in one pass: to sort all of them again would take a time
    that grows with the square of the pairs.
    """

    def __init__(self, item_count: int, most: int) -> None:
        self._item_count, self._most, self._waiting = item_count, most, 0
        self._sums: tuple[Longs, Floats] = np.empty(0, np.int64), np.empty(0, np.float32)
        self._codes: list[Longs] = []
        self._weights: list[Floats] = []

    def add(self, codes: Longs, weights: Floats) -> None:
        self._codes.append(codes)
        self._weights.append(weights)
        self._waiting += len(codes)
        if self._waiting > BUFFER:
            self.merged()

    def merged(self) -> tuple[Longs, Floats]:
        """(m,) ascending codes and their weights."""
        if self._codes:
            more = _merge(np.concatenate(self._codes), np.concatenate(self._weights), self._item_count)
            self._codes, self._weights, self._waiting = [], [], 0
            codes, weights = np.concatenate((self._sums[0], more[0])), np.concatenate((self._sums[1], more[1]))
            self._sums = _heaviest(*_merge(codes, weights, self._item_count), self._most)
        return self._sums


def _heaviest(codes: Longs, weights: Floats, most: int) -> tuple[Longs, Floats]:
    """The `most` pairs of the greatest weights, in the order that they have."""
    if len(codes) <= most:
        return codes, weights
    heavy = np.sort(np.argpartition(weights, -most)[-most:])
    return codes[heavy], weights[heavy]


def _pairs(codes: Longs, weights: Floats, item_count: int) -> Pairs:
    left, right = np.divmod(codes, max(item_count, 1))
    return Pairs(left.astype(np.int32), right.astype(np.int32), weights)


def _merge(codes: Longs, weights: Floats, item_count: int) -> tuple[Longs, Floats]:
    """Equal codes become one with the summed weight."""
    if not len(codes):
        return codes, weights
    if item_count**2 < len(codes) * SORTED:
        present = np.flatnonzero(np.bincount(codes))
        return present, np.bincount(codes, weights)[present].astype(np.float32)
    if weights.min() == weights.max():
        codes = np.sort(codes)  # in a tenth of the time of finding the order
    else:
        order = np.argsort(codes, kind="stable")
        codes, weights = codes[order], weights[order]
    starts = np.flatnonzero(np.append(True, codes[1:] != codes[:-1]))
    return codes[starts], np.add.reduceat(weights, starts)
