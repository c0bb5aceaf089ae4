"""Exposures that wait for an event which shows that the list was seen: not every answer comes to a screen."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from math import floor, inf

from engine import Exposure, UnitOutcome
from gateway.plan.experiment import Experiment, ExperimentMetric

SEEN = " "  # the name of outcomes that show it by themselves: events of whatever type, which nobody says


def confirming(experiment: Experiment) -> Iterator[ExperimentMetric]:
    """The metric that counts the events which confirm exposures, where an experiment waits for them."""
    if experiment.confirmed_by is not None:
        yield ExperimentMetric(experiment.confirmed_by, inf)


def confirmed(
    experiment: Experiment,
    exposures: Sequence[Exposure],
    done: Mapping[str, Sequence[UnitOutcome]],
    answers: Collection[str],
) -> list[Exposure]:
    """The exposures that count, at the time from which they do; `done` is what each unit did, `answers` the
    experiment's own. An event that names another answer, or is of before the exposure, confirms none."""
    if experiment.confirmed_by is None:
        return list(exposures)
    confirming_name = f"{experiment.confirmed_by} "
    first = {each.unit: _first(done[each.unit], confirming_name, answers, each.at) for each in exposures}
    return [each._replace(at=first[each.unit]) for each in exposures if first[each.unit] < inf]


def _first(outcomes: Sequence[UnitOutcome], name: str, answers: Collection[str], since: float) -> float:
    """The time of the first confirming outcome. It may be in whole seconds: the exposure's second counts."""
    return min(
        (
            max(each.at, since)
            for each in outcomes
            if each.metric == name
            and each.at >= floor(since)
            and (each.recommendation_id is None or each.recommendation_id in answers)
        ),
        default=inf,
    )
