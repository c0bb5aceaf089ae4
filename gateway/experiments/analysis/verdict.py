"""An experiment's verdict: from one row a unit to what may be said of each arm and metric.

The error rate `alpha` is shared by all goals and arms (Bonferroni: its intervals hold all together, at every look).
Guardrails are not corrected: there a false alarm costs less than a missed one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gateway.experiments.analysis.lift import Lift, Method, lift
from gateway.experiments.analysis.mismatch import ALARM, mismatch
from gateway.experiments.analysis.moments import ArmSample, Moments, adjusted, of_ratio, of_values
from gateway.experiments.analysis.periods import by_period

Values = npt.NDArray[Any]
Judgement = Literal["better", "worse", "open", "too early", "harmed", "safe"]


@dataclass(frozen=True)
class Units:
    """One row a unit that was shown its arm: (n,) each."""

    variation: npt.NDArray[np.int64]  # index into the names of the arms
    first_exposed: Values  # epoch seconds
    metrics: Mapping[str, tuple[Values, Values]]  # how many events, and the sum of their values
    covariate: Values | None = None  # of before the first exposure, such as the metric's value then
    period: npt.NDArray[np.int64] | None = None  # in which the weights were constant; 0 is now's; None: never changed

    def until(self, time: float) -> Units:
        """Without units first exposed later: those whose attribution window is still open would look poor."""
        rows = self.first_exposed <= time
        return Units(
            self.variation[rows],
            self.first_exposed[rows],
            {name: (counts[rows], sums[rows]) for name, (counts, sums) in self.metrics.items()},
            None if self.covariate is None else self.covariate[rows],
            None if self.period is None else self.period[rows],
        )


@dataclass(frozen=True)
class MetricDefinition:
    """What counts, per unit: how many events, the sum of their values, or whether there were any; or their sum `per`
    event of another metric. A guardrail may get worse by the share `margin`, and is safe when more is ruled out; it is
    harmed when more than `tolerated` is certain."""

    name: str
    of: Literal["count", "sum", "any"] = "sum"
    per: str | None = None
    increase: bool = True  # is better
    guardrail: bool = False
    margin: float = 0.02
    tolerated: float = 0.0
    source: str = ""  # whose events, if not those of its name


@dataclass(frozen=True)
class VerdictRow:
    """A metric in an arm, beside the control's; `lift` is None for the control itself."""

    metric: str
    arm: str
    mean: float
    error: float
    lift: Lift | None
    said: Judgement | None
    guardrail: bool
    variance_kept: float  # by CUPED: 1 without


@dataclass(frozen=True)
class Share:
    """An arm's weight, and what a bandit found it from: the mean of the reward per unit, by period."""

    weight: float
    units: int | None = None
    mean: float | None = None
    error: float | None = None


@dataclass(frozen=True)
class Step:
    """The arms' weights from an epoch second on; None: from the beginning."""

    since: float | None
    arms: Mapping[str, Share]


@dataclass(frozen=True)
class Verdict:
    method: Method
    alpha: float
    among: int  # comparisons share alpha
    control: str
    units: Mapping[str, int]
    mismatch: float  # a p-value that holds at every look
    trusted: bool  # False: the arms have not the shares that were meant, and nothing below holds
    rows: Sequence[VerdictRow] = field(default_factory=list)
    steps: Sequence[Step] = ()  # of weights that change by themselves, so far
    alarms: Sequence[str] = ()  # guardrails that are harmed: "metric: variation"


def verdict(
    units: Units,
    arms: Sequence[str],
    weights: Sequence[float],
    metrics: Sequence[MetricDefinition],
    *,
    control: int = 0,
    method: Method = "always",
    alpha: float = 0.05,
    readings: Mapping[str, Sequence[Moments]] | None = None,
) -> Verdict:
    """`weights` are the shares that are meant now; `readings` what is not counted by unit, such as latency, errors,
    diversity or cache hits of each arm, by the name of a metric among `metrics`.

    With a covariate, means are adjusted by it. Raises `ValueError` where arms, weights and readings differ in number.
    """
    readings = readings or {}
    if len(arms) != len(weights) or any(len(each) != len(arms) for each in readings.values()):
        raise ValueError("one weight and one reading for each arm")
    counts = np.bincount(units.variation, minlength=len(arms)).tolist()
    goals = [each for each in metrics if not each.guardrail]
    among = max(len(goals) * (len(arms) - 1), 1)
    drawn = units.variation if units.period is None else units.variation[units.period == 0]
    odds = mismatch(np.bincount(drawn, minlength=len(arms)).tolist(), weights)
    rows: list[VerdictRow] = []
    for metric in metrics:
        told = (
            [(each, 1.0) for each in readings[metric.name]]
            if metric.name in readings
            else _measured(units, metric, arms)
        )
        for number, (moments, kept) in enumerate(told):
            found = None
            if number != control:
                found = lift(moments, told[control][0], method, alpha, 1 if metric.guardrail else among)
            said = None if found is None else judged(found, metric)
            rows.append(
                VerdictRow(metric.name, arms[number], moments.mean, moments.error, found, said, metric.guardrail, kept)
            )
    alarms = [f"{row.metric}: {row.arm}" for row in rows if row.said == "harmed"]
    shown = dict(zip(arms, counts, strict=True))
    return Verdict(method, alpha, among, arms[control], shown, odds, odds >= ALARM, rows, alarms=alarms)


def judged(found: Lift, metric: MetricDefinition) -> Judgement:
    low = found.low if metric.increase else -found.high
    better = found.difference_low > 0 if metric.increase else found.difference_high < 0
    if not found.enough:
        return "too early"
    if metric.guardrail:
        high = found.high if metric.increase else -found.low
        harmed = found.sure and not better and (not isfinite(high) or high < -metric.tolerated)
        return "safe" if low > -metric.margin else "harmed" if harmed else "open"
    return "open" if not found.sure else "better" if better else "worse"


def _measured(units: Units, metric: MetricDefinition, arms: Sequence[str]) -> list[tuple[Moments, float]]:
    """Each arm's moments, and which share of the variance CUPED left."""
    values = _values(units, metric.source or metric.name, metric.of)
    per = None if metric.per is None else _values(units, metric.per, "sum")
    if units.period is not None and per is None:
        return [(each, 1.0) for each in by_period(values, units.variation, units.period, len(arms))]
    members = [units.variation == number for number in range(len(arms))]
    plain = [of_values(values[each]) if per is None else of_ratio(values[each], per[each]) for each in members]
    if units.covariate is None:
        return [(each.moments, 1.0) for each in plain]
    better = adjusted(plain, [units.covariate[each].astype(float) for each in members])
    return [(after.moments, _kept(before, after)) for before, after in zip(plain, better, strict=True)]


def _values(units: Units, name: str, of: str) -> Values:
    """(n,) zeros of a metric that nobody sent."""
    if name not in units.metrics:
        return np.zeros(len(units.variation))
    counts, sums = units.metrics[name]
    return np.asarray({"count": counts, "sum": sums, "any": counts > 0}[of], float)


def _kept(before: ArmSample, after: ArmSample) -> float:
    spread = before.moments.variance
    return after.moments.variance / spread if spread > 0 else 1.0
