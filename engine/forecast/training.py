"""The forecast of a training, and what it leaves out to keep within a budget."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from engine.cohorts.training import SCORES, USERS
from engine.cost import Cost, Sizes
from engine.data.snapshot import Snapshot
from engine.errors import InvalidInput
from engine.forecast.countdown import duration
from engine.forecast.machine import Machine
from engine.measure.solution import MOST_CASES
from engine.measure.tuning import MOST_ROWS
from engine.recipe import Recipe

SPARE = 0.9  # of a budget that the forecast of what is to fit may take: it may be wrong


@dataclass(frozen=True)
class TrainingForecast:
    params: msgspec.Struct  # the recipe's, of what fits
    cut: str  # what was left out to fit; empty: nothing
    parts: tuple[float, ...]  # seconds of trials, training, metrics, cohorts and index
    bytes: float  # of memory, at the highest
    budget_s: float | None = None

    @property
    def seconds(self) -> float:
        return sum(self.parts)

    def __str__(self) -> str:
        words = f"{duration(self.seconds)} and {self.bytes / 1e9:.1f} GB of memory"
        return f"{words}; {self.within}" if self.cut else words

    @property
    def within(self) -> str:
        """The part that was left out, for people."""
        return f"to fit into {(self.budget_s or 0) / 60:g} min: {self.cut}" if self.cut else ""

    def account(self) -> dict[str, float | str]:
        gigabytes = round(self.bytes / 1e9, 2)
        about: dict[str, float | str] = {"seconds": round(self.seconds, 1), "gigabytes": gigabytes, "words": str(self)}
        return {**about, "left_out": self.within} if self.cut else about


def forecast(
    recipe: Recipe[Any],
    params: msgspec.Struct,
    snapshot: Snapshot,
    machine: Machine,
    *,
    trials: Sequence[Recipe[Any]] = (),
    minutes: float | None = None,
) -> TrainingForecast:
    """The forecast of a training that first tries so many recipes (or settings); within `minutes`, as much as fits.

    Raises `InvalidInput` with the least number of minutes where nothing does even when nobody else wants the machine:
    who comes and goes there can't be foreseen.
    """
    slowness = machine.slowness * machine.crowd
    tried = slowness * sum(_trial_seconds(each, snapshot) for each in trials)
    budget = None if minutes is None else 60 * minutes
    for settings, cut in _cheaper_settings(recipe, params, snapshot):
        cost = recipe.cost(snapshot, settings)
        parts = tuple(slowness * part for part in _parts(recipe, cost, snapshot))
        if budget is None or sum(parts) <= SPARE * budget * (0.4 if trials else 1.0):
            return TrainingForecast(settings, cut, (tried, *parts), cost.bytes, budget)
    least = math.ceil(sum(parts) / machine.crowd / SPARE / (0.4 if trials else 1.0) / 6) / 10
    if budget is not None and budget >= 60 * least:
        return TrainingForecast(settings, cut, (tried, *parts), cost.bytes, budget)
    raise InvalidInput(
        f"training_minutes {minutes or 0:g} is too little: {recipe.name} takes at least about {least:g} minutes here."
    )


def _cheaper_settings(
    recipe: Recipe[Any], params: msgspec.Struct, snapshot: Snapshot
) -> Iterator[tuple[msgspec.Struct, str]]:
    yield params, ""
    if recipe.cheaper is not None:
        yield from recipe.cheaper(snapshot, params)


def _parts(recipe: Recipe[Any], cost: Cost, snapshot: Snapshot) -> tuple[float, float, float]:
    """Seconds of training, metrics, and cohorts and an index."""
    sizes = Sizes.of(snapshot)
    cases = min(MOST_CASES, 0.1 * sizes.users)
    metrics = cost.again + cases * (cost.ask + 2e-8 * sizes.items)
    if recipe.kind != "USER_PERSONALIZATION":
        return cost.train + 0.2, metrics, 0.0
    asked = min(SCORES / max(sizes.items, 1), USERS, sizes.users)
    return cost.train + 0.2, metrics, 0.3 + 1e-5 * sizes.rows + asked * (cost.ask + 2e-8 * sizes.items)


def _trial_seconds(recipe: Recipe[Any], snapshot: Snapshot) -> float:
    """The seconds of one trial, on some of the users where there are many."""
    cost = recipe.cost(snapshot, recipe.parse({}))
    share = min(MOST_ROWS / max(len(snapshot.items), 1), 1.0)
    return share * cost.train + 1_000 * cost.ask
