"""Validation cases reduced to what can matter: each case's best items of every column, and the true ones.

A blend's ranking of the pool is its ranking of the catalogue, unless it lifts an item that no column has among its
best. That makes trying a blend a matter of milliseconds, whatever the size of the catalogue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Floats
from engine.ensemble.member import Score
from engine.measure.metrics import dcg
from engine.measure.split import EvaluationCase

BEST = 25  # items of each column in a pool
OTHERS = 60  # drawn from the rest of the catalogue, which they stand for
CUT = 10
MOST_TRUTH = 10  # true items of a case that count


@dataclass(frozen=True)
class CandidatePool:
    scores: Floats  # (columns, cases, width), -inf where padded
    truth: NDArray[np.intp]  # (cases, r) place in the pool, -1 where padded
    gains: Floats  # (cases, r) how much each true item is worth, 0 where padded
    ideal: Floats  # (cases,) gain of a perfect ranking of items that are all worth 1
    counts: Floats  # (cases, width) how many items each stands for, 0 where padded

    def above(self, floor: Floats) -> CandidatePool:
        """With scores (cases, width) added to every column."""
        return replace(self, scores=self.scores + floor)

    def of(self, cases: NDArray[np.intp]) -> CandidatePool:
        return CandidatePool(
            self.scores[:, cases], self.truth[cases], self.gains[cases], self.ideal[cases], self.counts[cases]
        )


def joined(pools: Sequence[CandidatePool]) -> CandidatePool:
    """Pools of the same columns over different cases, as one."""
    return CandidatePool(
        _stacked([pool.scores for pool in pools], -np.inf),
        _stacked([pool.truth for pool in pools], -1),
        _stacked([pool.gains for pool in pools], 0),
        np.concatenate([pool.ideal for pool in pools]),
        _stacked([pool.counts for pool in pools], 0),
    )


def _stacked(arrays: Sequence[NDArray[Any]], filler: float) -> NDArray[Any]:
    """Arrays (…, cases, width) as one, filled up to the greatest width; the only copy, as scores are many."""
    cases, width = sum(array.shape[-2] for array in arrays), max(array.shape[-1] for array in arrays)
    kind = np.result_type(*{array.dtype for array in arrays})
    whole = np.full((*arrays[0].shape[:-2], cases, width), filler, kind)
    first = 0
    for array in arrays:
        whole[..., first : first + array.shape[-2], : array.shape[-1]] = array
        first += array.shape[-2]
    return whole


def own_ndcg(
    columns: Sequence[Score], cases: Sequence[EvaluationCase], remove_seen: bool, cut: int = CUT
) -> NDArray[np.float64]:
    """(columns,) mean NDCG@cut of every column alone, 0 without cases; a true item counts as much as it is worth."""
    gains = np.zeros(len(columns))
    for case in cases:
        shown = _shown(columns, case, remove_seen)
        worth = np.ones(len(case.truth)) if case.gains is None else case.gains
        gained = np.zeros(len(columns))
        for item, gain in zip(case.truth, worth, strict=True):  # one by one: a basket may have many
            own = shown[:, item, None]  # (columns, 1)
            above, equal = (np.count_nonzero(ranked, axis=1) for ranked in (shown > own, shown == own))
            ranks = above + (equal - 1) / 2  # (columns,)
            gained += np.where(ranks < cut, gain / np.log2(ranks + 2), 0)
        gains += gained / _ideal(len(case.truth))
    return gains / max(len(cases), 1)


@cache
def _ideal(count: int) -> float:
    """The gain of a perfect ranking of `count` items that are all worth 1.

    Weighed by their gains, cases of one true item would all read the same; so a case counts as much as it is worth.
    """
    return dcg(np.arange(count, dtype=np.float64), CUT)


def _shown(columns: Sequence[Score], case: EvaluationCase, remove_seen: bool) -> Floats:
    """(columns, items) every column's scores, -inf where an item is not to be shown again."""
    scores = np.stack([column(case.query) for column in columns])
    if remove_seen:
        scores[:, case.history[case.history < scores.shape[1]]] = -np.inf
    return scores


def pool_of(
    columns: Sequence[Score], cases: Sequence[EvaluationCase], remove_seen: bool, seed: int = 0
) -> CandidatePool:
    draw = np.random.default_rng(seed)
    return joined([_pool_of_one(columns, case, remove_seen, draw) for case in cases])


def _pool_of_one(
    columns: Sequence[Score], case: EvaluationCase, remove_seen: bool, draw: np.random.Generator
) -> CandidatePool:
    shown = _shown(columns, case, remove_seen)
    count = shown.shape[1]
    best = min(BEST, count)
    strong = np.argpartition(-shown, best - 1, axis=1)[:, :best]
    truth = case.truth[:MOST_TRUTH]
    alone, others = np.zeros((2, count), bool)
    alone[strong.ravel()] = alone[truth] = True
    others[draw.integers(count, size=OTHERS)] = True
    others &= ~alone
    items = np.flatnonzero(alone | others)
    each = (count - np.count_nonzero(alone)) / max(np.count_nonzero(others), 1)
    counts = np.where(others[items], np.float32(each), np.float32(1))[None]
    counts[~np.isfinite(shown[:1, items])] = 0
    gains = np.ones(len(truth), np.float32) if case.gains is None else case.gains[:MOST_TRUTH]
    ideal = np.array([_ideal(len(truth))], np.float32)
    return CandidatePool(shown[:, None, items], np.searchsorted(items, truth)[None], gains[None], ideal, counts)


def blended_ndcg(pool: CandidatePool, mixed: Floats) -> Floats:
    """(cases,) NDCG@10 of the mixed scores (cases, width), true items counting as much as they are worth."""
    own = np.take_along_axis(mixed, np.maximum(pool.truth, 0), axis=1)  # (cases, r)
    gains = np.zeros(len(mixed), np.float32)
    for place in range(own.shape[1]):
        mine = own[:, place : place + 1]
        ranks = (mixed > mine).sum(axis=1) + ((mixed == mine).sum(axis=1) - 1) / 2
        counts = (ranks < CUT) & (pool.truth[:, place] >= 0) & np.isfinite(mine[:, 0])
        gains += np.where(counts, pool.gains[:, place] / np.log2(ranks + 2), 0)
    return gains / pool.ideal
