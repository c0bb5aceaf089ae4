"""The verdict of an experiment as it is configured, from what is known of its units."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from gateway.experiments.analysis.contest import Contest, contest
from gateway.experiments.analysis.lift import Method
from gateway.experiments.analysis.moments import Moments
from gateway.experiments.analysis.rows import UnitRow, units_of
from gateway.experiments.analysis.verdict import Design, MetricDefinition, Verdict, verdict
from gateway.plan.experiment import Experiment

TOLERATED = 0.1  # the share by which an arm may answer worse: of thousands of answers a lesser one is soon certain


class GuardrailReading(NamedTuple):
    """A guardrail that no event counts, such as latency, errors, diversity or the share of cache hits."""

    arms: Sequence[Moments]  # one a variation, in their order
    increase: bool = False  # is better


def judge(
    experiment: Experiment,
    rows: Iterable[UnitRow],
    method: Method = "always",
    alpha: float = 0.05,
    readings: Mapping[str, GuardrailReading] | None = None,
) -> Verdict:
    """The first variation is the control, as it answers whoever is in no experiment; a metric is the sum of its values
    per unit. Raises `ValueError` for a variation that the experiment has not, and readings that are not one for each.
    """
    design, moments = watched(design_of(experiment), readings or {})
    return verdict(units_of(rows, design.arms), design, method=method, alpha=alpha, readings=moments)


def watched(design: Design, readings: Mapping[str, GuardrailReading]) -> tuple[Design, dict[str, Sequence[Moments]]]:
    """The design with a guardrail for each reading, and the arms' moments of each."""
    guardrails = [
        MetricDefinition(name, increase=each.increase, guardrail=True, margin=TOLERATED, tolerated=TOLERATED)
        for name, each in readings.items()
    ]
    return design._replace(metrics=[*design.metrics, *guardrails]), {name: each.arms for name, each in readings.items()}


def preferred(
    experiment: Experiment, rows: Iterable[UnitRow], method: Method = "always", alpha: float = 0.05
) -> Contest:
    """Judge lists that are drafted into one: there are no arms to compare, and nothing else is read of them."""
    metrics = design_of(experiment).metrics
    return contest(list(rows), experiment.rankers, metrics, experiment.seed, method=method, alpha=alpha)


def design_of(experiment: Experiment) -> Design:
    """The design, in which the first arm is the control."""
    metrics = [
        MetricDefinition(name, increase=each.direction == "increase", guardrail=each.guardrail)
        for name, each in experiment.metrics.items()
    ]
    return Design([arm.variation for arm in experiment.arms], experiment.shares, metrics)
