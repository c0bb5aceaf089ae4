"""The contest of variations that share a list: which of them units prefer, by who placed what earned.

A unit votes for the variation that it credits with more of a metric (see `interleaving`). The error rate `alpha` is
shared by all goals and variations, as in `verdict`; guardrails are not corrected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from gateway.experiments.analysis.interleaving import Preference, preference
from gateway.experiments.analysis.lift import Method
from gateway.experiments.analysis.mismatch import ALARM, mismatch
from gateway.experiments.analysis.moments import Values
from gateway.experiments.analysis.rows import UnitRow
from gateway.experiments.analysis.verdict import Comparison, Judgement, MetricDefinition, comparisons
from gateway.experiments.draft import first


@dataclass(frozen=True)
class Standing:
    """A variation's credit of a metric, and how many units prefer it to the control; None for the control itself."""

    metric: str
    arm: str
    events: int
    credit: float
    preference: Preference | None
    said: Judgement | None
    guardrail: bool


@dataclass(frozen=True)
class Contest(Comparison):
    """`units` are by who began their list: each variation is meant to begin as many. `unattributed` are events of units
    that say of no item of their list, or of no list, that it earned them."""

    unattributed: Mapping[str, int] = field(default_factory=dict)  # of each metric
    rows: Sequence[Standing] = field(default_factory=list)


def credit_of(metric: str, ranker: str) -> str:
    """The name, in a unit's row, of what it did with a variation's items; metrics have no spaces."""
    return f"{metric} {ranker}"


def contest(
    rows: Sequence[UnitRow],
    rankers: Sequence[str],
    metrics: Sequence[MetricDefinition],
    seed: str,
    *,
    method: Method = "always",
    alpha: float = 0.05,
) -> Contest:
    """Rows have beside each metric what each ranker is credited with; the first ranker is the control, `seed` the
    experiment's."""
    began = np.bincount([first(len(rankers), seed, row.unit) for row in rows], minlength=len(rankers)).tolist()
    odds = mismatch(began, [1.0] * len(rankers))
    among = comparisons(metrics, len(rankers))
    standings: list[Standing] = []
    unattributed = {}
    for metric in metrics:
        names = [credit_of(metric.name, ranker) for ranker in rankers]
        times, earned = (np.stack([column(rows, name, part) for name in names]) for part in (0, 1))
        unattributed[metric.name] = int(column(rows, metric.name, 0).sum() - times.sum())
        for number, ranker in enumerate(rankers):
            votes, judgement = None, None
            if number:
                votes = preference(earned[number], earned[0], method, alpha, 1 if metric.guardrail else among)
                judgement = judged(votes, metric)
            credit, events = float(earned[number].sum()), int(times[number].sum())
            standings.append(Standing(metric.name, ranker, events, credit, votes, judgement, metric.guardrail))
    units = dict(zip(rankers, began, strict=True))
    return Contest(method, alpha, among, rankers[0], units, odds, odds >= ALARM, unattributed, standings)


def judged(votes: Preference, metric: MetricDefinition) -> Judgement:
    if not votes.enough:
        return "too early"
    if not votes.sure:
        return "open"
    better = (votes.value > 0) == metric.increase
    if metric.guardrail:
        return "open" if better else "harmed"
    return "better" if better else "worse"


def column(rows: Sequence[UnitRow], name: str, part: int) -> Values:
    """The (units,) numbers of events (part 0), or sums of their values (part 1)."""
    return np.array([row.metrics.get(name, (0.0, 0.0))[part] for row in rows], float)
