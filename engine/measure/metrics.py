"""The offline metrics of GetSolutionMetrics: one function each, found by its name.

A metric sees, per case, the ranks from 0 of the items that should have been recommended, and the lists that were.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Floats, Ints
from engine.measure.split import EvaluationCase, drawn
from engine.rank.topk import top_k
from engine.recipe import Query, Scorer

Ranks = NDArray[np.float64]

LONGEST = 25  # recommendations looked at
CUTS = (5, 10, 25)
MOST_ITEMS = 1_000  # of a catalogue, that `catalogue_metrics` asks for


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


@dataclass(frozen=True)
class Outcome:
    """The rankings of a test's cases."""

    ranks: list[Ranks]  # a case each: (r,) rank of every relevant item in the full ranking
    lists: list[Ints]  # a case each: (≤ LONGEST,) what was recommended
    item_count: int
    cases: Sequence[EvaluationCase] = ()
    rewards: Floats | None = None  # with an optimizationObjective, (items,) what an item is worth


def coverage(outcome: Outcome) -> float:
    """The share of the catalogue that was recommended to anyone."""
    shown = np.unique(np.concatenate([*outcome.lists, np.empty(0, np.int32)]))
    return len(shown) / max(outcome.item_count, 1)


def mean_reciprocal_rank_at_25(outcome: Outcome) -> float:
    """The mean of 1 / place of the first relevant item, 0 where it is not among 25."""
    return mean([1 / (ranks.min() + 1) if ranks.min() < LONGEST else 0.0 for ranks in outcome.ranks])


def _ndcg_at(cut: int, outcome: Outcome) -> float:
    """The mean gain 1 / log(1 + place) of relevant items, over that of a perfect list."""
    return mean([ndcg(ranks, cut) for ranks in outcome.ranks])


def _precision_at(cut: int, outcome: Outcome) -> float:
    """The mean share of relevant items among the first `cut`, which always divides."""
    return mean([float((ranks < cut).sum()) / cut for ranks in outcome.ranks])


METRICS: dict[str, Callable[[Outcome], float]] = {
    "coverage": coverage,
    "mean_reciprocal_rank_at_25": mean_reciprocal_rank_at_25,
}
for _cut in CUTS:
    METRICS[f"normalized_discounted_cumulative_gain_at_{_cut}"] = partial(_ndcg_at, _cut)
    METRICS[f"precision_at_{_cut}"] = partial(_precision_at, _cut)


def reward_metrics(outcome: Outcome) -> dict[str, float]:
    """The share that the first 25 recommendations had of the reward of the items that users took. Users whose items
    are worth nothing are left out; there is no such metric without rewards.
    """
    if outcome.rewards is None:
        return {}
    worth = [outcome.rewards[case.truth] for case in outcome.cases]
    shares = [float(w[r < LONGEST].sum() / w.sum()) for r, w in zip(outcome.ranks, worth, strict=True) if w.sum() > 0]
    return {"average_rewards_at_k": mean(shares)}


def event_weight_metrics(outcome: Outcome) -> dict[str, float]:
    """The gains that event weights give; none without weights."""
    if not outcome.cases or outcome.cases[0].gains is None:
        return {}
    cases = list(zip(outcome.ranks, outcome.cases, strict=True))
    name = "normalized_discounted_cumulative_gain_with_event_weights_at_{}"
    return {name.format(cut): mean([ndcg(ranks, cut, case.gains) for ranks, case in cases]) for cut in CUTS}


def mean(values: Sequence[float] | NDArray[Any]) -> float:
    return float(np.mean(values)) if len(values) else 0.0


def catalogue_metrics(
    score: Scorer, vectors: Floats, popularity: Floats, freshness: Floats, seed: int
) -> dict[str, float]:
    """Means over what is recommended for items (a sample of a large catalogue): popularity and freshness (items,) in
    0..1, and the similarity of unit vectors (items, d) to the item asked for, in -1..1, of items that have one.
    """
    asked = drawn(np.flatnonzero(vectors.any(axis=1)), MOST_ITEMS, seed)
    lists = [top_k(score(Query(item=int(item))), LONGEST) for item in asked]
    shown = np.concatenate([*lists, np.empty(0, np.int32)])
    owner = np.repeat(asked, [len(each) for each in lists])
    alike = [float(vectors[item] @ vectors[other]) for item, other in zip(owner, shown, strict=True)]
    return {
        "item_popularity": mean(popularity[shown]),
        "item_freshness": mean(freshness[shown]),
        "item_similarity": mean(alike),
    }
