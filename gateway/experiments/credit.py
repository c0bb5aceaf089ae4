"""Attributes outcomes to units: to the one that reports it, unless the outcome names an answer that another arm gave.

An event with a `recommendationId` says which list led to it. So it counts in the arm that gave this list, though it
comes without the unit's id, under another one, or from a unit of another arm. Where the unit's own arm gave the same
list, or several arms did, there is nothing to learn from the name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from engine import ArmAnswer, UnitOutcome

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
