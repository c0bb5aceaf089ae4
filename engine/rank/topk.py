"""The best k of many scores, best first."""

from __future__ import annotations

import numpy as np

from engine.data.columns import Bools, Floats, Ints

SMALL = 8192  # below this many scores a partition of all of them costs less than choosing a threshold
SAMPLE = 1024


def top_k(scores: Floats, k: int, allowed: Bools | None = None) -> Ints:
    """Indices of the k greatest finite scores, best first; equal scores by index, -inf never. (n,) -> (<=k,).

    Where only some are `allowed` (n,), the best of those.
    """
    best = _candidates(scores, k, allowed)
    best = best[scores[best] > -np.inf]
    order = np.lexsort((best, -scores[best]))
    return best[order[:k]].astype(np.int32)


def _candidates(scores: Floats, k: int, allowed: Bools | None) -> Ints:
    """A few indices that hold the best k of the allowed, ties at the edge included.

    Large arrays are cut by a threshold taken from a strided sample; partitioning what is left costs a twentieth of
    partitioning everything. Where the sample misled (too few left), everything is partitioned after all.
    """
    n = len(scores)
    if k >= n:
        return _all(n, allowed)
    if n > SMALL:
        sample = scores[:: n // SAMPLE]
        rank = min(len(sample) - 1, 8 + 2 * k * len(sample) // n)
        threshold = -np.partition(-sample, rank)[rank]
        above = np.flatnonzero(scores >= threshold)
        if allowed is not None:
            above = above[allowed[above]]
        if k <= len(above) < n // 4:
            return _edge(scores, above.astype(np.int32), k)
    return _edge(scores, _all(n, allowed), k)


def _all(n: int, allowed: Bools | None) -> Ints:
    return np.arange(n, dtype=np.int32) if allowed is None else np.flatnonzero(allowed).astype(np.int32)


def _edge(scores: Floats, among: Ints, k: int) -> Ints:
    """All of `among` whose score is at least the k-th best."""
    if len(among) <= k:
        return among
    values = scores[among]
    kth = -np.partition(-values, k - 1)[k - 1]
    edge: Ints = among[values >= kth]
    return edge
