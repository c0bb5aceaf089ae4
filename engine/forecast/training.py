"""The forecast of a training on this machine, what it leaves out to fit into a budget, and the time left as it runs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

import msgspec
import numpy as np

from engine.cohorts.training import SCORES, USERS
from engine.cost import Cost, Sizes
from engine.data.snapshot import Snapshot
from engine.errors import InvalidInput
from engine.measure.solution import most_cases
from engine.measure.tuning import MOST_ROWS
from engine.recipe import Progress, Recipe

SPARE = 0.9  # of a budget that the forecast of what is to fit may take: it may be wrong
FAITH = 0.1  # of the forecast: work after which the pace so far counts as much as the forecast
REFERENCE_S = 0.13  # that the tasks take a processor of the machine on which the costs were measured
MOST = 20.0  # a moment's crowd says little about the next half hour


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
    tried = slowness * sum(trial_seconds(each, snapshot) for each in trials)
    budget = None if minutes is None else 60 * minutes
    cheaper = () if recipe.cheaper is None else recipe.cheaper(snapshot, params)
    for settings, cut in chain(((params, ""),), cheaper):
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


def _parts(recipe: Recipe[Any], cost: Cost, snapshot: Snapshot) -> tuple[float, float, float]:
    """Seconds of training, metrics, and cohorts and an index."""
    sizes = Sizes.of(snapshot)
    cases = min(most_cases(snapshot.item_count), 0.1 * sizes.users)
    metrics = cost.again + cases * (cost.ask + 2e-8 * sizes.items)
    if recipe.kind != "USER_PERSONALIZATION":
        return cost.train + 0.2, metrics, 0.0
    asked = min(SCORES / max(sizes.items, 1), USERS, sizes.users)
    return cost.train + 0.2, metrics, 0.3 + 1e-5 * sizes.rows + asked * (cost.ask + 2e-8 * sizes.items)


def trial_seconds(recipe: Recipe[Any], snapshot: Snapshot) -> float:
    """The seconds of one trial, on some of the users where there are many."""
    cost = recipe.cost(snapshot, recipe.parse({}))
    share = min(MOST_ROWS / max(len(snapshot.items), 1), 1.0)
    return share * cost.train + 1_000 * cost.ask


class Countdown:
    """A `Progress` whose fractions are shares of the time that the work was forecast to take."""

    def __init__(
        self, progress: Progress, forecast_s: float, clock: Callable[[], float], budget_s: float | None = None
    ) -> None:
        self._progress, self._forecast_s, self._clock, self._budget_s = progress, forecast_s, clock, budget_s
        self._began = clock()

    def __call__(self, fraction: float, message: str) -> float | None:
        elapsed = self._clock() - self._began
        self._progress(fraction, f"{message}, {duration(self._left(fraction, elapsed))} left")
        return None if self._budget_s is None else elapsed / self._budget_s

    def _left(self, fraction: float, elapsed: float) -> float:
        """The seconds left, at the forecast's pace and, the more was done, at that of this training so far."""
        faith = FAITH * self._forecast_s
        pace = (elapsed + faith) / (fraction * self._forecast_s + faith) if self._forecast_s else 1.0
        return (1 - fraction) * self._forecast_s * pace


def duration(seconds: float) -> str:
    """The duration in words: "about 6 min"."""
    if seconds < 10:
        return "a few seconds"
    if seconds < 90:
        return f"about {round(seconds, -1):.0f} s"
    if seconds < 5_400:
        return f"about {seconds / 60:.0f} min"
    return f"about {seconds / 3600:.1f} h"


class Machine(NamedTuple):
    slowness: float = 1.0  # seconds of its processor for one of the reference machine's
    crowd: float = 1.0  # seconds that pass for one of its processor, as others want it as well


def this_machine(
    wall: Callable[[], float] = time.monotonic, processor: Callable[[], float] = time.thread_time
) -> Machine:
    began, used = wall(), processor()
    matrix = np.full((400, 400), 1 / 400, np.float32)
    for _ in range(10):
        matrix = matrix @ matrix
    np.argsort(np.random.default_rng(0).integers(0, 1 << 40, 400_000), kind="stable")
    total = 0
    for number in range(600_000):
        total += number & 7
    used = max(processor() - used, 1e-9)
    return Machine(max(used / REFERENCE_S, 0.1), min(max((wall() - began) / used, 1.0), MOST))
