"""Plans an experiment: the units that it needs, the days that takes, the lift that it could find in a given time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

from gateway.experiments.analysis.lift import Method, reach_always
from gateway.experiments.analysis.student import NORMAL


@dataclass(frozen=True)
class Forecast:
    units_per_arm: int
    days: int  # until the slowest arm has them; 0 where no traffic was told
    detectable: float | None  # the least relative lift that is found after `weeks` whole weeks of that traffic
    weeks: int


@dataclass(frozen=True)
class PlannedTest:
    """A relative lift of a mean, and the test that is to find it with this power when all units are there; with
    `always` it is often found much earlier. Raises `ValueError` for what is not above 0."""

    mean: float
    deviation: float  # of a unit, standard: sqrt(p (1 - p)) for a share p
    lift: float
    method: Method = "always"
    alpha: float = 0.05
    power: float = 0.8
    among: int = 1  # comparisons share alpha

    def __post_init__(self) -> None:
        least = min(self.deviation, abs(self.mean), abs(self.lift))
        if least <= 0 or not 0 < self.alpha < 1 or not 0 < self.power < 1:
            raise ValueError("mean, deviation and lift must not be 0, alpha and power lie between 0 and 1")

    def units_needed(self) -> int:
        """The units that each of two arms needs."""
        low, high, difference = 1, 2, abs(self.mean * self.lift)
        while self._detectable(high) > difference:
            low, high = high, high * 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._detectable(middle) > difference else (low, middle)
        return high

    def forecast(self, daily: float = 0.0, shares: Sequence[float] = (0.5, 0.5)) -> Forecast:
        """`daily` new units come a day, of whom each arm gets its share (which may add up to less than 1)."""
        units, least = self.units_needed(), daily * min(shares)
        if least <= 0:
            return Forecast(units, 0, None, 0)
        days = ceil(units / least)
        weeks = ceil(days / 7)
        detectable = self._detectable(max(int(least * 7 * weeks), 1)) / abs(self.mean)
        return Forecast(units, days, detectable, weeks)

    def _detectable(self, units: int) -> float:
        """The least difference of means that this many units of each arm show."""
        if self.method == "always":
            reach = reach_always(2 * units, self.alpha / self.among, self.alpha)
        else:
            reach = NORMAL.inv_cdf(1 - self.alpha / self.among / 2)
        return (reach + NORMAL.inv_cdf(self.power)) * self.deviation * sqrt(2 / units)
