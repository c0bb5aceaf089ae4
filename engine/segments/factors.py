"""Users and items as short vectors: the truncated singular value decomposition of who touched what.

Randomised subspace iteration (Halko, Martinsson, Tropp, 2011) on the sparse users × items matrix of ones: memory is
that of the vectors, time one pass over the interactions a step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.data.columns import Floats, Ints
from engine.data.snapshot import Snapshot
from engine.neighbours.pairs import distinct
from engine.recipe import Progress

STEPS = 5
SPARE = 10  # vectors computed beyond those asked for, which makes the last of them exact
CHUNK = 20_000_000  # numbers gathered at once


@dataclass(frozen=True)
class Factors:
    """`users @ diag(strength) @ items.T` is the best approximation of its rank."""

    users: Floats  # (users, d) orthonormal columns
    strength: Floats  # (d,) descending
    items: Floats  # (items, d)


def factors(snapshot: Snapshot, dimension: int, seed: int, progress: Progress) -> Factors:
    """Factors at most `dimension` wide, fewer where users or items are fewer. The same seed gives the same vectors."""
    rows = distinct(snapshot)
    by_user = (snapshot.users[rows], snapshot.items[rows])
    order = np.argsort(by_user[1], kind="stable")
    by_item = (by_user[1][order], by_user[0][order])
    width = min(dimension + SPARE, snapshot.user_count, snapshot.item_count)
    start = np.random.default_rng(seed).standard_normal((snapshot.item_count, width)).astype(np.float32)
    basis = _orthonormal(_sums(*by_user, start, snapshot.user_count))
    for step in range(STEPS):
        progress(step / STEPS, "finding what users have in common")
        items = _orthonormal(_sums(*by_item, basis, snapshot.item_count))
        basis = _orthonormal(_sums(*by_user, items, snapshot.user_count))
    left, strength, right = np.linalg.svd(_sums(*by_item, basis, snapshot.item_count), full_matrices=False)
    first = slice(min(dimension, width))
    return Factors(basis @ right.T[:, first], strength[first], left[:, first])


def _orthonormal(vectors: Floats) -> Floats:
    return np.linalg.qr(vectors)[0].astype(np.float32)


def _sums(owners: Ints, others: Ints, vectors: Floats, count: int) -> Floats:
    """(count, d) for each owner the sum of the vectors of its others; (m,) owners are sorted."""
    total = np.zeros((count, vectors.shape[1]), np.float32)
    step = max(CHUNK // max(vectors.shape[1], 1), 1)
    for first in range(0, len(owners), step):
        part = owners[first : first + step]
        starts = np.flatnonzero(np.append(True, part[1:] != part[:-1]))
        total[part[starts]] += np.add.reduceat(vectors[others[first : first + step]], starts)
    return total
