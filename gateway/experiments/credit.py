"""Attributes outcomes to units: to the one that reports it, unless the outcome names an answer that another arm gave.
Confirms exposures by them, where an experiment waits for that: not every answer comes to a screen.

An event with a `recommendationId` says which list led to it. So it counts in the arm that gave this list, though it
comes without the unit's id, under another one, or from a unit of another arm. Where the unit's own arm gave the same
list, or several arms did, there is nothing to learn from the name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from math import floor, inf

import msgspec

from engine import ArmAnswer, Exposure, UnitOutcome
from gateway.plan.experiment import Experiment, ExperimentMetric

decoded = msgspec.json.Decoder(dict[str, str]).decode


def attributed(
    outcomes: Iterable[UnitOutcome], arms: Mapping[str, str], answers: Iterable[ArmAnswer]
) -> Iterator[UnitOutcome]:
    """The outcomes that are an exposed unit's, under its name; `arms` are the units' variations.

    One that names another arm's answer is of the unit to which this was given first. It is nobody's where that unit is
    of yet another arm: it got the answer after its own arm had been taken from it.
    """
    by_id: dict[str, ArmAnswer | None] = {}
    for each in answers:
        by_id[each.recommendation_id] = None if each.recommendation_id in by_id else each
    for outcome in outcomes:
        answer, unit = by_id.get(outcome.recommendation_id or ""), outcome.unit
        if answer is not None and arms.get(unit) != answer.variation:
            unit = answer.unit if arms.get(answer.unit) == answer.variation else ""
        if unit in arms:
            yield outcome if unit == outcome.unit else outcome._replace(unit=unit)


def teams_of(answers: Iterable[ArmAnswer]) -> dict[tuple[str, str], Mapping[str, str]]:
    """The variation that placed each item of a list of several, by the unit that was shown it and the
    recommendationId."""
    return {(each.unit, each.recommendation_id): decoded(each.teams) for each in answers if each.teams is not None}


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
