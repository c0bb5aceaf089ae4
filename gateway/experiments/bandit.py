"""Thompson sampling over variations, in periods: weights from what each has earned so far (Thompson, 1933; Chapelle and
Li, "An empirical evaluation of Thompson sampling", 2011)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def weights(
    successes: Sequence[float], failures: Sequence[float], minimum: float = 0.01, draws: int = 10_000, seed: int = 0
) -> list[float]:
    """The chance of each variation to be the best, in their order; at least `minimum` each, 1 together.

    Success rates have a Beta(1, 1) prior; the chances are shares of `draws` from the posteriors. The same arguments
    give the same weights. Raises `ValueError` for counts below 0 and where the minimum times the variations exceeds 1.
    """
    won, lost = np.asarray(successes, float), np.asarray(failures, float)
    if won.ndim != 1 or won.shape != lost.shape or len(won) == 0:
        raise ValueError("successes and failures: one number a variation, each")
    if not np.isfinite(won + lost).all() or min(won.min(), lost.min()) < 0:
        raise ValueError("successes and failures: numbers of 0 and more")
    if not 0 <= minimum * len(won) <= 1:
        raise ValueError(f"minimum: {minimum} for each of {len(won)} variations is more than there is")
    drawn = np.random.default_rng(seed).beta(won + 1, lost + 1, (draws, len(won)))
    chances = np.bincount(drawn.argmax(axis=1), minlength=len(won)) / draws
    found: list[float] = (minimum + chances * (1 - minimum * len(won))).tolist()
    return found
