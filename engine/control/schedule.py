"""The schedule by which solutions and recommenders train (specification §1.8, §11a): arithmetic of moments, no clock.

A schedule is the moment of its next training. Later ones keep its time of day, whatever was missed meanwhile.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from engine.records import JsonMap

DAY = 86_400.0
USUAL_DAYS = 7


class Scheduled(NamedTuple):
    arn: str  # of a solution or recommender
    days: int  # between two trainings
    next_at: float  # epoch seconds


def days_of(solution_config: JsonMap) -> int:
    """The N of `rate(N days)`."""
    expression = solution_config.get("autoTrainingConfig", {}).get("schedulingExpression", "")
    return int("".join(filter(str.isdigit, expression)) or USUAL_DAYS)


def following(moment: float, days: int, now: float) -> float:
    """The first of `moment`, `moment` + days, … that is later than now."""
    every = days * DAY
    return moment + every * max(0, math.floor((now - moment) / every) + 1)


def changed(moment: float, before: int, after: int, now: float) -> float:
    """A schedule of every `before` days as one of every `after`."""
    if before == after:
        return moment
    return following(moment - before * DAY, after, now)
