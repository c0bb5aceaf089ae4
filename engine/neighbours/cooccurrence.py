"""Co-occurrence of items over users: counted as pairs, or as the dense Gram matrix of a few items."""

from __future__ import annotations

import numpy as np

from engine.data.columns import Floats, Ints
from engine.data.snapshot import Snapshot
from engine.neighbours.pairs import Pairs, distinct, from_end, strengths_of, together
from engine.neighbours.table import dense_fits

LONGEST = 100  # distinct items of a user that pair with each other in a large catalogue
GRAPH = 300_000  # items, up to which vectors are made of their graph; beyond, it takes more memory than all else
CHUNK = 32_000_000  # entries of a dense users × items block
PAIR = 500  # multiplications of a dense product that take as long as adding one pair


def cooccurrence(snapshot: Snapshot) -> tuple[Pairs, Floats]:
    """Pairs of different items with the number of users who touched both, and (items,) users who touched each.

    Where rows have weights, users × items holds a user's heaviest touch of each item instead of 1.
    """
    rows = distinct(snapshot)
    users, items = snapshot.users[rows], snapshot.items[rows]
    strengths = strengths_of(snapshot, rows)
    squares = None if strengths is None else strengths**2
    counts = np.bincount(items, squares, snapshot.item_count).astype(np.float32)
    if not dense_fits(snapshot.item_count):
        return together(users, items, LONGEST, snapshot.item_count, strengths), counts
    shared = gram(snapshot, np.arange(snapshot.item_count, dtype=np.int32))
    shared[np.diag_indices(len(shared))] = 0
    left, right = np.nonzero(shared)
    return Pairs(left.astype(np.int32), right.astype(np.int32), shared[left, right]), counts


def gram(snapshot: Snapshot, items: Ints) -> Floats:
    """(k, k) users who touched both of the chosen items (k,); the diagonal counts each item's users."""
    place = np.full(snapshot.item_count, -1, np.int32)
    place[items] = np.arange(len(items))
    rows = distinct(snapshot)
    rows = rows[place[snapshot.items[rows]] >= 0]
    users, columns = snapshot.users[rows], place[snapshot.items[rows]]
    strengths = strengths_of(snapshot, rows)
    values = np.ones(len(rows), np.float32) if strengths is None else strengths
    owner = np.cumsum(np.append(False, users[1:] != users[:-1])) if len(users) else users  # users in use, from 0
    total = np.zeros((len(items), len(items)), np.float32)
    lengths = np.bincount(owner).astype(np.float64)
    if (lengths**2).sum() * PAIR < len(lengths) * float(len(items)) ** 2:
        _add_pairs(total, owner, columns, values)
        return total
    step = max(CHUNK // max(len(items), 1), 1)
    for first in range(0, len(lengths), step):
        start, stop = np.searchsorted(owner, (first, first + step))
        block = np.zeros((int(owner[stop - 1]) - first + 1, len(items)), np.float32)
        block[owner[start:stop] - first, columns[start:stop]] = values[start:stop]
        total += block.T @ block
    return total


def _add_pairs(total: Floats, owner: Ints, columns: Ints, values: Floats) -> None:
    """Add every user's pairs of rows to `total` (k, k), lag by lag; (n,) rows are grouped by `owner`."""
    np.add.at(total, (columns, columns), values**2)
    later = from_end(owner)
    rows = np.arange(len(owner))
    for lag in range(1, int(later.max(initial=0)) + 1):
        rows = rows[later[rows] >= lag]
        left, right, weight = columns[rows], columns[rows + lag], values[rows] * values[rows + lag]
        np.add.at(total, (left, right), weight)
        np.add.at(total, (right, left), weight)


def most_popular(snapshot: Snapshot, most: int) -> Ints:
    """Ids of at most `most` items, those of most interactions, in order of id."""
    counts = np.bincount(snapshot.items, minlength=snapshot.item_count)
    if len(counts) <= most:
        return np.arange(len(counts), dtype=np.int32)
    return np.sort(np.argpartition(-counts, most)[:most]).astype(np.int32)
