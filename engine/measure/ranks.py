"""Where the right items stand in a full ranking."""

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


def ndcg(ranks: Ranks, cut: int) -> float:
    """Normalized discounted cumulative gain of the first `cut` places, given the ranks (r,) of all true items."""
    ideal = (1 / np.log2(np.arange(min(cut, len(ranks))) + 2)).sum()
    return float((1 / np.log2(ranks[ranks < cut] + 2)).sum() / ideal)


def without(scores: Floats, seen: Ints) -> Floats:
    """A copy of the scores in which seen items can't be recommended."""
    left = scores.copy()
    left[seen[seen < len(left)]] = -np.inf
    return left
