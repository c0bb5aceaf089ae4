"""What a blend is worth on validation, whether it is clearly better than another, and how sure its scores are.

Weights of few columns that are the same for everyone are grown one small step at a time, keeping what raised NDCG@10:
forward selection with replacement (Caruana et al., 2004), on several random halves of the cases, averaged, because one
walk chases the noise of its cases. `engine.ensemble.likelihood` weighs columns that hear of users.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.data.columns import Floats
from engine.ensemble.member import Score
from engine.ensemble.pool import CandidatePool, blended_ndcg
from engine.measure.metrics import without
from engine.measure.split import EvaluationCase

STEPS = 10  # of a walk
BAGS = 6
CRUMB = 0.05
WORTH = 1.0  # standard errors a blend must gain to replace a simpler one
SCALES = np.geomspace(0.02, 12, 40)
ENTRIES = 3_000_000  # scores looked at for the scale


def bagged(pool: CandidatePool, seed: int) -> Floats:
    """(columns,) weights that sum to 1: the mean of `grown` over random halves of the cases."""
    draw = np.random.default_rng(seed)
    cases = pool.scores.shape[1]
    total = np.zeros(len(pool.scores), np.float32)
    for _ in range(BAGS):
        total += grown(pool.of(draw.choice(cases, -(-cases // 2), replace=False)))
    total = np.where(total < CRUMB * BAGS, 0, total)
    return np.asarray(total / total.sum(), np.float32)


def grown(pool: CandidatePool) -> Floats:
    """(columns,) weights that sum to 1, the best prefix of one walk."""
    shares = np.zeros(len(pool.scores), np.float32)
    mixed = np.zeros_like(pool.scores[0])
    best, best_shares = -1.0, shares
    for _ in range(STEPS):
        gains = [float(blended_ndcg(pool, mixed + column).mean()) for column in pool.scores]
        helper = int(np.argmax(gains))
        shares[helper] += 1
        mixed += pool.scores[helper]
        if gains[helper] > best:
            best, best_shares = gains[helper], shares.copy()
    return np.asarray(best_shares / best_shares.sum(), np.float32)


def ndcg_of(pool: CandidatePool, weights: Floats) -> Floats:
    """(cases,) NDCG@10 of a blend."""
    return blended_ndcg(pool, blended(pool, weights))


def blended(pool: CandidatePool, weights: Floats) -> Floats:
    """(cases, width) the weighted sum of the columns, -inf where there is no candidate."""
    used = np.flatnonzero(weights)
    if not len(used):
        return np.where(np.isfinite(pool.scores[0]), np.float32(0), -np.inf).astype(np.float32)
    return np.tensordot(weights[used], pool.scores[used], axes=1).astype(np.float32)


def clearly_better(gains: Floats, others: Floats) -> bool:
    """Paired gains (cases,) beat the others by more than the noise of their difference."""
    difference = gains - others
    return bool(difference.mean() > WORTH * difference.std() / np.sqrt(len(difference)))


def fitted_scale(score: Score, cases: Sequence[EvaluationCase], remove_seen: bool) -> float:
    """The best of `SCALES` by log-likelihood; 1 where no case can tell."""
    loss, counted = np.zeros(len(SCALES)), 0
    for case in cases:
        scores = score(case.query)
        scores = without(scores, case.history) if remove_seen else scores
        own = scores[case.truth]
        own = own[np.isfinite(own)]
        if len(own) and counted < ENTRIES:
            counted += len(scores)
            loss += _losses(scores[np.isfinite(scores)], float(own.mean()))
    return float(SCALES[int(np.argmin(loss))]) if counted else 1.0


def _losses(scores: Floats, own: float) -> Floats:
    """(scales,) the negative log-likelihood of a choice that scored `own`."""
    top = float(scores.max())
    exponents = SCALES[:, None] * (scores - top)[None, :]  # (scales, items)
    return np.asarray(np.log(np.exp(exponents).sum(axis=1)) - SCALES * (own - top))
