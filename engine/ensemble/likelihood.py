"""Weights of columns under which what users chose is likeliest.

A case is a choice from the catalogue, which its pool stands for: the probabilities of candidates are the softmax of a
weighted sum of columns (the conditional logit of McFadden, 1974). All readings of all members are weighed together,
because the best alone is not the best beside others. Weights are not below 0, and there are few of them, because each
column takes time to serve.

Much of what people choose nothing foretells. In a plain likelihood such cases outvote the others, and all columns lose
their say. So a probability of `LUCK` is added to every choice: a case counts by how much better than luck it is
foretold, much as in NDCG@10.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Array, Bools, Floats
from engine.ensemble.blend import blended
from engine.ensemble.pool import CandidatePool

RIDGE = 0.1  # log-likelihood of all cases, that the square of a weight of scores of unit deviation costs
LUCK = 0.2  # probability that any choice has without a reason
CRUMB = 0.02  # of all weights of scores of unit deviation, under which a column is left out
MOST = 6  # columns, as each takes time to serve
STEPS = 25  # of Newton's method; a handful is usual
ROUNDS = 100  # of one of them, in each of which a column may get a weight; as many as columns is usual
FLAT, TINY = 1e-9, 1e-300
ENOUGH = 0.02  # log-likelihood of all cases, that a step must add
SHORTEST = 1e-3  # of a whole step
BLOCK = 4_000_000  # scores that are centred at once


def likeliest(pool: CandidatePool, among: Sequence[int] | None = None) -> Floats:
    """(columns,) weights that sum to 1, of some columns or of all; all 0 where no column helps."""
    used = _without_twins(pool, np.arange(len(pool.scores)) if among is None else np.array(among))
    choices, weights = Choices.of(pool, used), np.full(len(used), 1 / len(used))
    while True:
        weights = fitted(choices, weights)
        enough = (weights > 0) & (weights >= CRUMB * weights.sum())
        if enough.all():
            if len(used) <= MOST:
                break
            enough[int(np.argmin(weights))] = False
        choices, used, weights = choices.columns(enough), used[enough], weights[enough]
        if not len(used):
            break
    shares = np.zeros(len(pool.scores), np.float32)
    shares[used] = weights / choices.deviations
    return shares / max(float(shares.sum()), 1e-9)


def _without_twins(pool: CandidatePool, places: NDArray[np.intp]) -> NDArray[np.intp]:
    """The first of those columns that are the same."""
    sums = [pool.scores[place].sum(dtype=np.float64, where=pool.counts > 0) for place in places]
    return places[np.sort(np.unique(sums, return_index=True)[1])]


def log_likelihoods(pool: CandidatePool, weights: Floats) -> Floats:
    """(cases,) of what was chosen, by a blend at its best scale."""
    mixed = blended(pool, weights)[None]
    choices = Choices.of(replace(pool, scores=mixed), np.array([0]))
    return -choices.losses(fitted(choices, np.ones(1)))


@dataclass(frozen=True)
class Choices:
    scores: Floats  # (columns, cases, width) of unit deviation, 0 where there is no candidate
    deviations: Floats  # (columns,) what the scores were divided by
    counts: Floats  # (cases, width) how many items a candidate stands for
    truth: NDArray[np.intp]  # (cases, r) places of what was chosen
    gains: Floats  # (cases, r) how much each counts, 0 where there is none

    @classmethod
    def of(cls, pool: CandidatePool, places: NDArray[np.intp]) -> Choices:
        """Of the pool's columns at these places."""
        candidates = pool.counts > 0
        truth = np.maximum(pool.truth, 0)
        there = (pool.truth >= 0) & np.take_along_axis(candidates, truth, axis=1)
        gains = np.where(there, pool.gains, 0) / np.maximum(there.sum(axis=1, keepdims=True), 1)
        gains *= len(gains) / max(float(gains.sum()), 1e-9)  # only their ratios count
        deviations = np.array([pool.scores[place][candidates].std() for place in places], np.float32)
        deviations[deviations < 1e-9] = 1
        scores = np.zeros((len(places), *candidates.shape), np.float32)
        for column, place, deviation in zip(scores, places, deviations, strict=True):
            np.divide(pool.scores[place], deviation, out=column, where=candidates)
        return cls(scores, deviations, pool.counts, truth, gains.astype(np.float32))

    def columns(self, which: Array) -> Choices:
        return Choices(self.scores[which], self.deviations[which], self.counts, self.truth, self.gains)

    def loss(self, weights: Array) -> float:
        """The negative log-likelihood of all cases, and what the weights cost."""
        return float(self.losses(weights).sum(dtype=np.float64)) + RIDGE * float(weights @ weights)

    def derivatives(self, weights: Array) -> tuple[Array, Array]:
        """(columns,) gradient and (columns, columns) curvature of the loss, as if what luck explains were settled."""
        losses, chances = self._chances(weights)  # (cases, r), (cases, width)
        own = np.exp(-losses)
        gains = self.gains * (own / (own + LUCK))
        worth = gains.sum(axis=1)  # (cases,)
        expected = np.einsum("nw,cnw->cn", chances, self.scores)  # (columns, cases)
        chosen = np.take_along_axis(self.scores, self.truth[None], axis=2)  # (columns, cases, r)
        gradient = expected @ worth - (chosen * gains).sum(axis=(1, 2))
        curvature = 2 * RIDGE * np.eye(len(weights))
        columns, cases, width = self.scores.shape
        step = max(BLOCK // (columns * width), 1)
        for part in (slice(first, first + step) for first in range(0, cases, step)):
            centred = (self.scores[:, part] - expected[:, part, None]).reshape(len(weights), -1)
            curvature += (centred * (chances[part] * worth[part, None]).ravel()) @ centred.T
        return gradient + 2 * RIDGE * weights, curvature

    def losses(self, weights: Array) -> Floats:
        """(cases,) negative log-likelihoods."""
        own = np.exp(-self._chances(weights)[0])
        return np.asarray(-(self.gains * np.log(own + LUCK)).sum(axis=1))

    def _chances(self, weights: Array) -> tuple[Floats, Floats]:
        """(cases, r) negative logs of the probabilities of what was chosen; (cases, width) those of candidates."""
        logits = np.tensordot(weights.astype(np.float32), self.scores, axes=1)
        chosen = np.take_along_axis(logits, self.truth, axis=1)
        top = logits.max(axis=1, keepdims=True, initial=-1e9)
        chances = self.counts * np.exp(logits - top)
        total = np.maximum(chances.sum(axis=1, keepdims=True), np.float32(1e-30))
        lost = np.log(total) + top - chosen
        return np.asarray(lost, np.float32), np.asarray(chances / total, np.float32)


def fitted(choices: Choices, weights: Array) -> Array:
    """Newton's method from these weights on."""
    loss = choices.loss(weights)
    for _ in range(STEPS):
        gradient, curvature = choices.derivatives(weights)
        step, length = nearest_to_least(gradient, curvature, weights) - weights, 1.0
        while (after := choices.loss(weights + length * step)) > loss and length > SHORTEST:
            length /= 2
        if loss - after < ENOUGH:
            break
        weights, loss = weights + length * step, after
    return weights


def nearest_to_least(gradient: Array, curvature: Array, weights: Array) -> Array:
    """(columns,) the weights, none below 0, at which the parabola through `weights` is least: the active set method of
    Lawson and Hanson (1974), which begins with the columns that have a weight.
    """
    slope_at_zero = gradient - curvature @ weights
    least, free = weights, weights > 0
    for _ in range(ROUNDS):
        least, free = _least_of(free, least, slope_at_zero, curvature)
        slopes = np.where(free, 0, slope_at_zero + curvature @ least)
        steepest = int(np.argmin(slopes))
        if slopes[steepest] >= -FLAT:
            break
        free[steepest] = True
    return least


def _least_of(free: Bools, start: Array, slope_at_zero: Array, curvature: Array) -> tuple[Array, Bools]:
    """The least point where only the `free` columns have weights, and which of them do: one that would fall below 0 on
    the way there loses its own.
    """
    least, free = start, free.copy()
    while True:
        target = np.zeros(len(least))
        target[free] = np.linalg.solve(curvature[np.ix_(free, free)], -slope_at_zero[free])
        falling = np.flatnonzero(free & (target <= 0))
        if not len(falling):
            return target, free
        shares = least[falling] / np.maximum(least[falling] - target[falling], TINY)
        least = least + shares.min() * (target - least)
        free[falling[shares <= shares.min()]] = False
        least = np.where(free, least, 0)
