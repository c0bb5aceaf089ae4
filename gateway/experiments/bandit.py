"""Thompson sampling over variations, in periods: weights from what each has earned so far (Thompson, 1933; Chapelle and
Li, "An empirical evaluation of Thompson sampling", 2011).

An arm earns its mean by period. So arms are compared on the same days, and among units that have been there as long:
late units had no time to convert, in every arm alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt

from engine import ArmAllocation
from gateway.experiments.analysis.moments import Moments
from gateway.experiments.analysis.periods import by_period
from gateway.experiments.analysis.rows import UnitRow, units_of
from gateway.plan.draw import BUCKETS
from gateway.plan.experiment import Bandit, Experiment

FEW_EVENTS = 10  # of an arm: with fewer its own variance says too little
LEAD_S = 120.0  # at most: the next period's weights are found so long before it begins


def weights(
    means: Sequence[float],
    errors: Sequence[float],
    minimum: float = 0.01,
    increase: bool = True,
    draws: int = 10_000,
    seed: int = 0,
) -> list[float]:
    """The chance of each variation to be the best, in their order; at least `minimum` each, 1 together, in steps that
    the draw can tell.

    Each mean is normal, with its standard error; the chances are shares of `draws` from them. The same arguments give
    the same weights. Raises `ValueError` for what is no mean or error, and where the minimum times the variations
    exceeds 1.
    """
    mean, error = np.asarray(means, float), np.asarray(errors, float)
    if mean.ndim != 1 or mean.shape != error.shape or len(mean) == 0:
        raise ValueError("means and errors: one number a variation, each")
    if not np.isfinite(mean + error).all() or error.min() < 0:
        raise ValueError("means and errors: finite numbers, errors of 0 and more")
    if not 0 <= minimum * len(mean) <= 1:
        raise ValueError(f"minimum: {minimum} for each of {len(mean)} variations is more than there is")
    drawn = np.random.default_rng(seed).normal(mean, error, (draws, len(mean)))
    best = (drawn if increase else -drawn).argmax(axis=1)
    return _in_buckets(np.bincount(best, minlength=len(mean)) / draws, minimum)


def _in_buckets(chances: npt.NDArray[Any], minimum: float) -> list[float]:
    """Rounding takes from the best arm, which has most to give."""
    least = ceil(round(minimum * BUCKETS, 6))
    spread = BUCKETS - least * len(chances)
    if spread < 0:  # a minimum that leaves nothing to spread
        return [1 / len(chances)] * len(chances)
    buckets = least + np.floor(chances * spread).astype(int)
    buckets[chances.argmax()] += BUCKETS - buckets.sum()
    shares: list[float] = (buckets / BUCKETS).tolist()
    return shares


def next_allocation(experiment: Experiment, bandit: Bandit, rows: Iterable[UnitRow]) -> dict[str, ArmAllocation]:
    """The next weights, and what they were found from, of each variation. Those of the configuration hold until every
    arm that they give anybody has had its burn-in, and something was earned; an arm that they give nobody gets none.
    """
    arms = [arm for arm in experiment.arms if arm.share > 0]
    names = [arm.variation for arm in arms]
    earned = earnings(bandit.reward, [row for row in rows if row.variation in names], names)
    shares = [arm.share for arm in arms]
    errors = [each.error for each in earned]
    if min(each.units for each in earned) >= bandit.burn_in and 0 < max(errors) < np.inf:
        increase = experiment.metrics[bandit.reward].direction == "increase"
        shares = weights([each.mean for each in earned], errors, bandit.minimum, increase)
    allocations = {
        name: ArmAllocation(share, each.units, each.mean, each.error if each.error < np.inf else None)
        for name, share, each in zip(names, shares, earned, strict=True)
    }
    return {arm.variation: allocations.get(arm.variation, ArmAllocation(0.0, 0, 0.0, None)) for arm in experiment.arms}


def earnings(reward: str, rows: Sequence[UnitRow], names: Sequence[str]) -> list[Moments]:
    """Each arm's mean of the reward's sum per unit, by period."""
    units = units_of(rows, names)
    count = len(units.variation)
    values = units.metrics.get(reward, np.zeros(count))
    period = np.zeros(count, np.int64) if units.period is None else units.period
    moments = by_period(values, units.variation, period, len(names))
    spread = float(values.var()) if count else 0.0
    # an arm that earned nothing yet is not sure to earn nothing: it varies at least as all arms together
    return [
        replace(each, variance=max(each.variance, spread)) if each.events < FEW_EVENTS else each for each in moments
    ]


def lead(period_s: float) -> float:
    """The time before a period from which its weights are sought, in seconds."""
    return min(period_s / 2, LEAD_S)
