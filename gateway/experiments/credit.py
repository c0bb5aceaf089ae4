"""Whose a deed is: of the unit that did it, unless it names an answer that another arm gave.

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
    deeds: Iterable[UnitOutcome], arms: Mapping[str, str], answers: Iterable[ArmAnswer]
) -> Iterator[UnitOutcome]:
    """The deeds that are an exposed unit's, under its name; `arms` are the units' variations.

    One that names another arm's answer is of the unit to which this was given first. It is nobody's where that unit is
    of yet another arm: it got the answer after its own arm had been taken from it.
    """
    known: dict[str, ArmAnswer | None] = {}
    for each in answers:
        known[each.recommendation_id] = None if each.recommendation_id in known else each
    for deed in deeds:
        answer, unit = known.get(deed.recommendation_id or ""), deed.unit
        if answer is not None and arms.get(unit) != answer.variation:
            unit = answer.unit if arms.get(answer.unit) == answer.variation else ""
        if unit in arms:
            yield deed if unit == deed.unit else deed._replace(unit=unit)


def teams_of(answers: Iterable[ArmAnswer]) -> dict[tuple[str, str], Mapping[str, str]]:
    """Of lists of several variations: whose each item is, by the unit that was shown it and the recommendationId."""
    return {(each.unit, each.recommendation_id): decoded(each.teams) for each in answers if each.teams is not None}
