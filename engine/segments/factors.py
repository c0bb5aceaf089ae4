"""Users and items as short vectors: the truncated singular value decomposition of who touched what.

Randomised subspace iteration (Halko, Martinsson, Tropp, 2011) on the sparse users × items matrix of ones: memory is
that of the vectors, time one pass over the interactions a step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Floats, Ints
from engine.data.snapshot import Snapshot
from engine.neighbours.pairs import distinct
from engine.recipe import Progress

STEPS = 5
SPARE = 10  # vectors computed beyond those asked for, which makes the last of them exact
CHUNK = 20_000_000  # numbers gathered at once
ROWS = 65_536
NOTHING = 1e-10  # of the greatest square: what is rounding


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
    basis = _orthonormal(_sums(*by_user, _drawn(snapshot.item_count, width, seed), snapshot.user_count))
    for step in range(STEPS):
        progress(step / STEPS, "finding what users have in common")
        items = _orthonormal(_sums(*by_item, basis, snapshot.item_count))
        basis = _orthonormal(_sums(*by_user, items, snapshot.user_count))
    items = _sums(*by_item, basis, snapshot.item_count)
    squares, axes = np.linalg.eigh(_products(items))
    best = np.argsort(-squares)[:dimension]
    strength, turn = np.sqrt(np.maximum(squares[best], 0)), np.asarray(axes[:, best], np.float32)
    return Factors(basis @ turn, strength.astype(np.float32), _orthonormal(_turned(items, turn)))


def _drawn(count: int, width: int, seed: int) -> Floats:
    draw, vectors = np.random.default_rng(seed), np.empty((count, width), np.float32)
    for part in _parts(vectors):
        vectors[part] = draw.standard_normal((len(vectors[part]), width))
    return vectors


def _orthonormal(vectors: Floats) -> Floats:
    """The vectors (n, d), changed in place: columns of length 1, at right angles to each other, of the same space; of 0
    where that has fewer dimensions. Twice, as once leaves what rounding did (Yamamoto and others, 2015)."""
    for _ in range(2):
        squares, axes = np.linalg.eigh(_products(vectors))
        told = squares > NOTHING * squares.max(initial=0)
        scale = np.where(told, 1 / np.sqrt(np.where(told, squares, 1)), 0)
        _turned(vectors, (axes * scale @ axes.T).astype(np.float32))
    return vectors


def _products(vectors: Floats) -> NDArray[np.float64]:
    """(d, d) of the columns with each other."""
    total = np.zeros((vectors.shape[1], vectors.shape[1]))
    for part in _parts(vectors):
        few = vectors[part].astype(np.float64)
        total += few.T @ few
    return total


def _turned(vectors: Floats, turn: Floats) -> Floats:
    """The vectors times (d, k), in place where k is d."""
    turned = vectors if turn.shape[0] == turn.shape[1] else np.empty((len(vectors), turn.shape[1]), np.float32)
    for part in _parts(vectors):
        turned[part] = vectors[part] @ turn
    return turned


def _parts(vectors: Floats) -> list[slice]:
    """Rows that are looked at together: millions of items would be needed in double precision at once."""
    return [slice(first, first + ROWS) for first in range(0, len(vectors), ROWS)]


def _sums(owners: Ints, others: Ints, vectors: Floats, count: int) -> Floats:
    """(count, d) for each owner the sum of the vectors of its others; (m,) owners are sorted."""
    total = np.zeros((count, vectors.shape[1]), np.float32)
    step = max(CHUNK // max(vectors.shape[1], 1), 1)
    for first in range(0, len(owners), step):
        part = owners[first : first + step]
        starts = np.flatnonzero(np.append(True, part[1:] != part[:-1]))
        total[part[starts]] += np.add.reduceat(vectors[others[first : first + step]], starts)
    return total
