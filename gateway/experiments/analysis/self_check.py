"""An A/A check on one's own data: units of one arm, split at random many times, show how often a method cries wolf."""

from __future__ import annotations

import numpy as np

from gateway.experiments.analysis.lift import Method, lift
from gateway.experiments.analysis.moments import Values, of_values


def false_alarms(
    values: Values, method: Method = "always", alpha: float = 0.05, splits: int = 500, looks: int = 1
) -> float:
    """The share of `splits` in which one of `looks` evenly spaced ones finds a difference; `values` (n,) are in the
    order of first exposure, of units that were all treated alike. More than alpha: the metric is too skewed for
    its number of units, or the units are not independent."""
    draw = np.random.default_rng(0)
    ends = np.linspace(0, len(values), looks + 1).astype(int)[1:]
    alarms = 0
    for _ in range(splits):
        arm = draw.random(len(values)) < 0.5
        alarms += any(_differ(values[:end], arm[:end], method, alpha) for end in ends)
    return alarms / splits


def _differ(values: Values, arm: Values, method: Method, alpha: float) -> bool:
    return lift(of_values(values[arm]).moments, of_values(values[~arm]).moments, method, alpha).sure
