"""The offline metrics of GetSolutionMetrics: one function each, found by its name.

A metric sees, per case, the ranks from 0 of the items that should have been recommended, and the lists that were.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from engine.data.columns import Ints
from engine.measure.ranks import Ranks, ndcg

LONGEST = 25  # recommendations looked at


@dataclass(frozen=True)
class Outcome:
    """What came of a test."""

    ranks: list[Ranks]  # a case each: (r,) rank of every relevant item in the full ranking
    lists: list[Ints]  # a case each: (≤ LONGEST,) what was recommended
    item_count: int


Metric = Callable[[Outcome], float]
METRICS: dict[str, Metric] = {}


def metric(function: Metric) -> Metric:
    METRICS[function.__name__] = function
    return function


@metric
def coverage(outcome: Outcome) -> float:
    """The share of the catalogue that was recommended to anyone."""
    shown = np.unique(np.concatenate([*outcome.lists, np.empty(0, np.int32)]))
    return len(shown) / max(outcome.item_count, 1)


@metric
def mean_reciprocal_rank_at_25(outcome: Outcome) -> float:
    """The mean of 1 / place of the first relevant item, 0 where it is not among 25."""
    return _mean([1 / (ranks.min() + 1) if ranks.min() < LONGEST else 0.0 for ranks in outcome.ranks])


def _ndcg_at(cut: int, outcome: Outcome) -> float:
    """The mean gain 1 / log(1 + place) of relevant items, over that of a perfect list."""
    return _mean([ndcg(ranks, cut) for ranks in outcome.ranks])


def _precision_at(cut: int, outcome: Outcome) -> float:
    """The mean share of relevant items among the first `cut`, which always divides."""
    return _mean([float((ranks < cut).sum()) / cut for ranks in outcome.ranks])


for _cut in (5, 10, 25):
    METRICS[f"normalized_discounted_cumulative_gain_at_{_cut}"] = partial(_ndcg_at, _cut)
    METRICS[f"precision_at_{_cut}"] = partial(_precision_at, _cut)


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else 0.0
