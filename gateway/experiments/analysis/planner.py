"""Before an experiment: how many units it needs, how many days that takes, and what it could find in a given time."""

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


def units_needed(
    mean: float,
    deviation: float,
    lift: float,
    method: Method = "always",
    alpha: float = 0.05,
    power: float = 0.8,
    among: int = 1,
) -> int:
    """Of each of two arms, that a relative lift of the mean is found with that power when all units are there.

    `deviation` is a unit's standard deviation: sqrt(p (1 - p)) for a share p. With `always` it is often found much
    earlier. Raises `ValueError` for what is not above 0.
    """
    if min(deviation, abs(mean), abs(lift)) <= 0 or not 0 < alpha < 1 or not 0 < power < 1:
        raise ValueError("mean, deviation and lift must not be 0, alpha and power lie between 0 and 1")
    low, high = 1, 2
    while _detectable(high, deviation, method, alpha, power, among) > abs(mean * lift):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        far = _detectable(middle, deviation, method, alpha, power, among) > abs(mean * lift)
        low, high = (middle, high) if far else (low, middle)
    return high


def forecast(
    mean: float,
    deviation: float,
    lift: float,
    daily: float = 0.0,
    shares: Sequence[float] = (0.5, 0.5),
    method: Method = "always",
    alpha: float = 0.05,
    power: float = 0.8,
    among: int = 1,
) -> Forecast:
    """`daily` new units come a day, of whom each arm gets its share (which may add up to less than 1)."""
    units = units_needed(mean, deviation, lift, method, alpha, power, among)
    least = daily * min(shares)
    if least <= 0:
        return Forecast(units, 0, None, 0)
    days = ceil(units / least)
    weeks = ceil(days / 7)
    found = _detectable(max(int(least * 7 * weeks), 1), deviation, method, alpha, power, among) / abs(mean)
    return Forecast(units, days, found, weeks)


def _detectable(units: int, deviation: float, method: Method, alpha: float, power: float, among: int) -> float:
    """The least difference of means that this many units of each arm show."""
    if method == "always":
        reach = reach_always(2 * units, alpha / among, alpha)
    else:
        reach = NORMAL.inv_cdf(1 - alpha / among / 2)
    return (reach + NORMAL.inv_cdf(power)) * deviation * sqrt(2 / units)
