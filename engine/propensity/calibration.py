"""Scores to probabilities, learned from rows held out: Platt's scaling, bent where many rows say that it is off.

The bend is isotonic regression (pool adjacent violators) over parts of equal size, each drawn towards Platt's
probability, with straight lines of log odds between; a share of Platt's own keeps different scores different.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Array

ROWS = 200  # of a part
MOST_PARTS, FEWEST_PARTS = 20, 8
PULL = 50.0  # rows' worth of Platt's probability in each part
NEAR_ONE, LOOSE = 10.0, 0.1  # how strongly slope and shift are drawn to 1 and 0
FLAT = 0.05  # the least slope
PLATT = 0.05  # the share that stays straight
STEPS = 25  # of Newton's method
CLOSE = 1e-6  # a step, after which it ends


class Calibration(NamedTuple):
    """`knots` are scores, ascending, and what to add to the log odds there; none: Platt's scaling alone."""

    slope: float = 1.0
    shift: float = 0.0
    knots: tuple[tuple[float, float], ...] = ()

    def __call__(self, scores: Array) -> Array:
        """Probabilities, strictly rising with the score."""
        odds = self.slope * scores + self.shift
        if not self.knots:
            return sigmoid(odds)
        at, more = zip(*self.knots, strict=True)
        bent: Array = PLATT * sigmoid(odds) + (1 - PLATT) * sigmoid(odds + np.interp(scores, at, more))
        return bent


def calibrated(scores: Array, taken: NDArray[np.bool_]) -> Calibration:
    """Fit a calibration on (m,) scores of rows that their model has not seen, and on what came of them."""
    rows = np.column_stack((scores, np.ones(len(scores))))
    slope, shift = fitted(rows, taken, np.array([1.0, 0.0]), np.array([NEAR_ONE, LOOSE]))
    if slope < FLAT:  # scores that say nothing, or the opposite, out of the sample
        slope, shift = fitted(rows, taken, np.array([FLAT, 0.0]), np.array([1e9, LOOSE]))
    straight = Calibration(float(slope), float(shift))
    parts = min(len(scores) // ROWS, MOST_PARTS)
    if parts < FEWEST_PARTS:
        return straight
    split = np.array_split(np.argsort(scores, kind="stable"), parts)
    at = np.array([scores[part].mean() for part in split])
    sizes = np.array([len(part) + PULL for part in split])
    shares = (np.array([taken[part].sum() for part in split]) + PULL * straight(at)) / sizes
    shares = rising(shares, sizes)
    more = np.log(shares / (1 - shares)) - (straight.slope * at + straight.shift)
    return straight._replace(knots=tuple(zip(at.tolist(), more.tolist(), strict=True)))


def rising(values: Array, weights: Array) -> Array:
    """The values (n,) that never fall and are nearest in weighted squares: pooled where they fall."""
    pools: list[tuple[float, float, int]] = []  # mean, weight, length
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        pools.append((value, weight, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (first, a, n), (second, b, m) = pools[-2:]
            pools[-2:] = [((first * a + second * b) / (a + b), a + b, n + m)]
    return np.repeat([mean for mean, _, _ in pools], [length for _, _, length in pools])


def sigmoid(scores: Array) -> Array:
    shares: Array = 1 / (1 + np.exp(-np.clip(scores, -35, 35)))
    return shares


def fitted(rows: Array, taken: NDArray[np.bool_], centre: Array, strength: Array) -> Array:
    """(d,) the weights w that minimise log loss of (m, d) rows + ½ Σ strength (w - centre)²."""
    weights = centre.copy()
    for _ in range(STEPS):
        shares = sigmoid(rows @ weights)
        gradient = rows.T @ (shares - taken) + strength * (weights - centre)
        hessian = (rows * (shares * (1 - shares))[:, None]).T @ rows
        hessian[np.diag_indices_from(hessian)] += strength + 1e-9
        step = np.linalg.solve(hessian, gradient)
        weights = weights - step * min(1.0, 4 / max(float(np.abs(rows @ step).max(initial=0)), 1e-9))
        if np.abs(step).max() < CLOSE:
            break
    return weights


def log_loss(scores: Array, taken: NDArray[np.bool_]) -> float:
    """The mean of -log p of what happened."""
    return float(np.logaddexp(0, np.where(taken, -scores, scores)).mean()) if len(scores) else 0.0
