"""An experiment's verdict on each arm and metric, from one row a unit.

The error rate `alpha` is shared by all goals and arms (Bonferroni: its intervals hold all together, at every look).
Guardrails are not corrected: there a false alarm costs less than a missed one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from gateway.experiments.analysis.lift import Lift, Method, lift
from gateway.experiments.analysis.mismatch import ALARM, mismatch
from gateway.experiments.analysis.moments import ArmSample, Moments, Values, adjusted, of_ratio, of_values
from gateway.experiments.analysis.periods import by_period

Judgement = Literal["better", "worse", "open", "too early", "harmed", "safe"]


@dataclass(frozen=True)
class Units:
    """One row a unit that was shown its arm: (n,) each."""

    variation: npt.NDArray[np.int64]  # index into the names of the arms
    first_exposed: Values  # epoch seconds
    metrics: Mapping[str, Values]  # the sum of the events' values
    covariate: Values | None = None  # of before the first exposure, such as the metric's value then
    period: npt.NDArray[np.int64] | None = None  # in which the weights were constant; 0 is now's; None: never changed


@dataclass(frozen=True)
class MetricDefinition:
    """A sum of events' values per unit, or `per` sum of another metric. A guardrail may get worse by the share
    `margin`, and is safe when more is ruled out; it is harmed when more than `tolerated` is certain."""

    name: str
    per: str | None = None
    increase: bool = True  # is better
    guardrail: bool = False
    margin: float = 0.02
    tolerated: float = 0.0
    source: str = ""  # the metric whose events count, if not those of its name


class Design(NamedTuple):
    """An experiment as it was meant. The first arm is the control."""

    arms: Sequence[str]
    shares: Sequence[float]  # that are meant now
    metrics: Sequence[MetricDefinition]


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
class Comparison:
    """The head of a verdict or contest: how variations are compared with the control, and whether that may be
    trusted."""

    method: Method
    alpha: float
    among: int  # comparisons share alpha
    control: str
    units: Mapping[str, int]
    mismatch: float  # a p-value that holds at every look
    trusted: bool  # False: the variations have not the shares of units that were meant, and nothing else holds


@dataclass(frozen=True)
class Verdict(Comparison):
    rows: Sequence[VerdictRow] = field(default_factory=list)
    steps: Sequence[Step] = ()  # of weights that change by themselves, so far
    alarms: Sequence[str] = ()  # guardrails that are harmed: "metric: variation"


def verdict(
    units: Units,
    design: Design,
    *,
    method: Method = "always",
    alpha: float = 0.05,
    readings: Mapping[str, Sequence[Moments]] | None = None,
) -> Verdict:
    """`readings` are moments of each arm that are not counted by unit, such as latency, errors, diversity or cache
    hits, by the name of a metric of the design.

    With a covariate, means are adjusted by it. Raises `ValueError` where arms, shares and readings differ in number.
    """
    arms, shares, metrics = design
    readings = readings or {}
    if len(arms) != len(shares) or any(len(each) != len(arms) for each in readings.values()):
        raise ValueError("one weight and one reading for each arm")
    counts = np.bincount(units.variation, minlength=len(arms)).tolist()
    among = comparisons(metrics, len(arms))
    drawn = units.variation if units.period is None else units.variation[units.period == 0]
    odds = mismatch(np.bincount(drawn, minlength=len(arms)).tolist(), shares)
    rows: list[VerdictRow] = []
    for metric in metrics:
        reading = readings.get(metric.name)
        measured = _measured(units, metric, len(arms)) if reading is None else [(each, 1.0) for each in reading]
        for number, (arm, (moments, remaining)) in enumerate(zip(arms, measured, strict=True)):
            over, judgement = None, None
            if number:
                over = lift(moments, measured[0][0], method, alpha, 1 if metric.guardrail else among)
                judgement = judged(over, metric)
            figures = (moments.mean, moments.error, over, judgement)
            rows.append(VerdictRow(metric.name, arm, *figures, metric.guardrail, remaining))
    alarms = [f"{row.metric}: {row.arm}" for row in rows if row.said == "harmed"]
    by_arm = dict(zip(arms, counts, strict=True))
    return Verdict(method, alpha, among, arms[0], by_arm, odds, odds >= ALARM, rows, alarms=alarms)


def comparisons(metrics: Sequence[MetricDefinition], variations: int) -> int:
    """The number of comparisons that share the error rate: of goals only."""
    return max(sum(not each.guardrail for each in metrics) * (variations - 1), 1)


def judged(over: Lift, metric: MetricDefinition) -> Judgement:
    low = over.low if metric.increase else -over.high
    better = over.difference_low > 0 if metric.increase else over.difference_high < 0
    if not over.enough:
        return "too early"
    if metric.guardrail:
        high = over.high if metric.increase else -over.low
        harmed = over.sure and not better and (not isfinite(high) or high < -metric.tolerated)
        return "safe" if low > -metric.margin else "harmed" if harmed else "open"
    return "open" if not over.sure else "better" if better else "worse"


def _measured(units: Units, metric: MetricDefinition, arms: int) -> list[tuple[Moments, float]]:
    """Each arm's moments, and the share of the variance that CUPED left."""
    nothing = np.zeros(len(units.variation))
    values = units.metrics.get(metric.source or metric.name, nothing)
    per = None if metric.per is None else units.metrics.get(metric.per, nothing)
    if units.period is not None and per is None:
        return [(each, 1.0) for each in by_period(values, units.variation, units.period, arms)]
    members = [units.variation == number for number in range(arms)]
    plain = [of_values(values[each]) if per is None else of_ratio(values[each], per[each]) for each in members]
    if units.covariate is None:
        return [(each.moments, 1.0) for each in plain]
    better = adjusted(plain, [units.covariate[each].astype(float) for each in members])
    return [(after.moments, _remaining(before, after)) for before, after in zip(plain, better, strict=True)]


def _remaining(before: ArmSample, after: ArmSample) -> float:
    spread = before.moments.variance
    return after.moments.variance / spread if spread > 0 else 1.0
