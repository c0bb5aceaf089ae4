"""Unit vectors in groups: k-means by cosine (Dhillon and Modha, 2001), begun as k-means++ (Arthur and Vassilvitskii,
2007). The same vectors and seed give the same groups.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Floats, Longs

Doubles = NDArray[np.float64]

STEPS = 25
ALIKE = 1e-6  # squared distance below which two vectors are one


def centres(vectors: Floats, count: int, seed: int, least: int = 1) -> Floats:
    """(≤ count, d) unit vectors in the middle of the groups of vectors (n, d), each of `least` vectors or more; fewer
    where few of them differ."""
    middles = _initial_centres(vectors, max(min(count, len(vectors) // least), 1), np.random.default_rng(seed))
    groups = nearest(vectors, middles)
    for _ in range(STEPS):
        middles = _group_means(vectors, groups, middles)
        moved = nearest(vectors, middles)
        if np.array_equal(moved, groups):
            break
        groups = moved
    return _without_small(vectors, middles, least)


def nearest(vectors: Floats, middles: Floats) -> Longs:
    """(n,) the place of each vector's nearest centre, the first of equals."""
    places: Longs = np.argmax(vectors @ middles.T, axis=1)
    return places


def unit(vectors: Floats) -> Floats:
    """The vectors scaled to length 1 along the last axis; a vector of length 0 stays 0."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: Floats = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > ALIKE)
    return scaled


def _initial_centres(vectors: Floats, count: int, draw: np.random.Generator) -> Floats:
    """Draw centres by k-means++: a vector's chance is its squared distance from the centres so far. Of a few drawn, the
    one that leaves the least distance is taken."""
    chosen = [int(draw.integers(len(vectors)))]
    far = _distances(vectors, vectors[chosen])[0]
    tries = 2 + int(np.log(count))
    while len(chosen) < count and far.any():
        drawn = draw.choice(len(vectors), tries, p=far / far.sum())
        left = np.minimum(far, _distances(vectors, vectors[drawn]))
        best = int(np.argmin(left.sum(axis=1)))
        chosen.append(int(drawn[best]))
        far = left[best]
    return vectors[chosen]


def _distances(vectors: Floats, others: Floats) -> Doubles:
    """(k, n) squared, of unit vectors (n, d) from others (k, d); 0 where they are one."""
    far = 2 - 2 * (others @ vectors.T).astype(np.float64)
    far[far < ALIKE] = 0
    return far


def _without_small(vectors: Floats, middles: Floats, least: int) -> Floats:
    """Dissolve the smallest group into the next nearest centres, as long as a group is too small."""
    while True:
        sizes = np.bincount(nearest(vectors, middles), minlength=len(middles))
        if sizes.min() >= least or len(middles) == 1:
            return middles
        middles = np.delete(middles, np.argmin(sizes), axis=0)


def _group_means(vectors: Floats, groups: Longs, before: Floats) -> Floats:
    """The mean of each group's vectors; an empty group keeps its centre."""
    order = np.argsort(groups, kind="stable")
    there, starts = np.unique(groups[order], return_index=True)
    middles = before.copy()
    middles[there] = unit(np.add.reduceat(vectors[order], starts))
    return middles
