"""Ridge logistic regression by Newton's method, towards a given centre."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Array

STEPS = 25
CLOSE = 1e-6


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
