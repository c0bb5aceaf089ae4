"""A metric in one arm: the number of units, the mean and its error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any]


@dataclass(frozen=True)
class Moments:
    units: int
    mean: float
    variance: float  # of one unit, so that the mean's is variance / units
    events: int  # units that are not 0: with few of them no normal law holds
    skewness: float = 0.0  # of one unit

    @property
    def error(self) -> float:
        """The standard error of the mean."""
        return sqrt(self.variance / self.units) if self.units > 1 else float("inf")


@dataclass(frozen=True)
class ArmSample:
    """A metric's mean in one arm, and what each unit adds to it: `influence` (n,) has the mean 0."""

    mean: float
    influence: Values
    events: int

    @property
    def moments(self) -> Moments:
        units = len(self.influence)
        if units < 2:
            return Moments(units, self.mean, float("inf"), self.events)
        squares = self.influence**2
        spread, cubed = float(squares.mean()), float((squares * self.influence).mean())
        skewness = cubed / spread**1.5 if spread > 0 else 0.0
        return Moments(units, self.mean, spread * units / (units - 1), self.events, skewness)


def of_values(values: Values) -> ArmSample:
    """A mean over units: (n,) what each did, bought or spent."""
    mean = float(values.mean()) if len(values) else 0.0
    return ArmSample(mean, values - mean, int(np.count_nonzero(values)))


def of_ratio(numerators: Values, denominators: Values) -> ArmSample:
    """A ratio of sums, such as clicks per exposure, over units whose numerator and denominator belong together: by the
    delta method (Deng, Knoblich and Lu, "Applying the delta method in metric analytics", 2018)."""
    below = float(denominators.mean()) if len(denominators) else 0.0
    if below == 0:
        return ArmSample(0.0, np.zeros(len(numerators)), 0)
    ratio = float(numerators.mean()) / below
    return ArmSample(ratio, (numerators - ratio * denominators) / below, int(np.count_nonzero(numerators)))


def adjusted(samples: Sequence[ArmSample], covariates: Sequence[Values]) -> list[ArmSample]:
    """The arms' samples with what a covariate foretold taken out; the covariate is of before the first exposure.

    CUPED (Deng, Xu, Kohavi and Walker, 2013): one slope for all arms, from what varies within them, so that the effect
    is not explained away. Lowers the variance by the squared correlation.
    """
    within = [each - each.mean() if len(each) else each for each in covariates]
    spread = sum(float(each @ each) for each in within)
    if spread == 0:
        return list(samples)
    shared = sum(float(x @ sample.influence) for x, sample in zip(within, samples, strict=True))
    slope, overall = shared / spread, float(np.concatenate(covariates).mean())
    return [
        replace(
            sample, mean=sample.mean - slope * (float(raw.mean()) - overall), influence=sample.influence - slope * x
        )
        if len(raw)
        else sample
        for sample, raw, x in zip(samples, covariates, within, strict=True)
    ]
