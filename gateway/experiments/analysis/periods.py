"""Means of arms whose weights changed on the way, by a bandit or a ramp.

Over all units together an arm that got most of its units on good days looks good (Simpson's paradox). Within a period
the weights are constant, so that an arm's mean there is unbiased; periods are then weighed by all units that came,
which no arm's success decides. Given the weights, periods are independent, and the error follows (as in Zhang, Janson
and Murphy, "Inference for batched bandits", 2020).
"""

from __future__ import annotations

import numpy as np

from gateway.experiments.analysis.moments import Moments, Values

FEWEST = 2  # units of each arm in a period; one with fewer is joined to the next


def by_period(values: Values, arm: Values, period: Values, arms: int) -> list[Moments]:
    """Each arm's moments, from a value, an arm and a period (0 and up) of each unit, all (n,). The variance is scaled
    so that `Moments.error` is the estimate's; it is infinite for an arm with fewer units than FEWEST: nothing is
    known."""
    periods = int(period.max(initial=-1)) + 1
    cell = period.astype(np.int64) * arms + arm
    powers = [
        np.bincount(cell, each, periods * arms).reshape(periods, arms)
        for each in (None, values, values**2, values**3, values != 0)
    ]
    total = powers[0].sum(axis=0)
    by_arm = [Moments(int(each), 0.0, float("inf"), 0) for each in total]
    enough = np.flatnonzero(total >= FEWEST)
    if len(enough):
        for number, moments in zip(enough, _of_cells(*(each[:, enough] for each in powers)), strict=True):
            by_arm[number] = moments
    return by_arm


def _of_cells(
    units: Values,
    sums: Values,
    squares: Values,
    cubes: Values,
    events: Values,
) -> list[Moments]:
    """The moments of arms that have units, from (periods, arms) each."""
    skewness = _skewness(*(each.sum(axis=0) for each in (units, sums, squares, cubes)))
    joined = _joined(units)
    units, sums, squares, events = (np.add.reduceat(each, joined, axis=0) for each in (units, sums, squares, events))
    means = sums / units
    variances = np.maximum(squares - units * means**2, 0) / (units - 1)
    shares = (units.sum(axis=1) / units.sum())[:, None]
    error = (shares**2 * variances / units).sum(axis=0)
    columns = (units.sum(axis=0), (shares * means).sum(axis=0), error, events.sum(axis=0), skewness)
    return [
        Moments(int(n), float(mean), float(n * squared), int(seen), float(skew))
        for n, mean, squared, seen, skew in zip(*columns, strict=True)
    ]


def _skewness(units: Values, *powers: Values) -> Values:
    """The (arms,) skewness, from the sums of first, second and third powers."""
    first, second, third = (each / np.maximum(units, 1) for each in powers)
    spread = np.maximum(second - first**2, 0)
    cubed = third - 3 * first * second + 2 * first**3
    skewness: Values = np.divide(cubed, spread**1.5, out=np.zeros_like(cubed), where=spread > 0)
    return skewness


def _joined(units: Values) -> list[int]:
    """The starts of joined periods, such that each has FEWEST units of each arm; what is left over joins the last."""
    starts: list[int] = []
    gathered = np.full(units.shape[1], FEWEST)
    for number, row in enumerate(units):
        if gathered.min() >= FEWEST:
            starts.append(number)
            gathered = np.zeros_like(row)
        gathered = gathered + row
    if len(starts) > 1 and gathered.min() < FEWEST:
        starts.pop()
    return starts
