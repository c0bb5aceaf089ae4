"""Ranks of the right items in a full ranking."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Floats, Ints

Ranks = NDArray[np.float64]


def mid_ranks(scores: Floats, truth: Ints) -> Ranks:
    """(r,) rank from 0 of each true item among all `scores` (items,); equal scores share the middle of their places."""
    own = scores[truth][:, None]  # (r, 1)
    above = (scores > own).sum(axis=1)
    return np.asarray(above + ((scores == own).sum(axis=1) - 1) / 2, np.float64)


def dcg(ranks: Ranks, cut: int, gains: Floats | None = None) -> float:
    """Discounted cumulative gain of the first `cut` places, given the ranks (r,) and gains (r,) of all true items."""
    shown = ranks < cut
    return float(((1.0 if gains is None else gains[shown]) / np.log2(ranks[shown] + 2)).sum())


def ndcg(ranks: Ranks, cut: int, gains: Floats | None = None) -> float:
    """`dcg` over that of a perfect ranking; 0 where nothing is worth anything."""
    best = None if gains is None else -np.sort(-gains)
    ideal = dcg(np.arange(len(ranks), dtype=np.float64), cut, best)
    return dcg(ranks, cut, gains) / ideal if ideal else 0.0


def without(scores: Floats, seen: Ints) -> Floats:
    """A copy of the scores in which seen items can't be recommended."""
    left = scores.copy()
    left[seen[seen < len(left)]] = -np.inf
    return left
