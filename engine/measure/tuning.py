"""Choosing by trial: hyperparameters by search (the only home of optuna), and the best of several recipes.

The users who test the solution version take no part. Of the others a tenth is hidden as in specification §6.1; each
trial trains on the rest and is measured there. Large data is tried on some of its users. The search is the
tree-structured Parzen estimator of Bergstra et al. (2011), seeded; it starts from what would be used without it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isinf
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from engine.data.snapshot import Snapshot
from engine.extras import OPTUNA, importing
from engine.measure.metrics import METRICS
from engine.measure.solution import outcome_of
from engine.measure.split import Split, user_split
from engine.recipe import Progress, Recipe, stretch

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.distributions import BaseDistribution

METRIC = "normalized_discounted_cumulative_gain_at_25"
TRIALS = 6  # where nobody says how many
BLIND = 10  # trials of a search that are drawn by the seed alone, whatever the scores of the others
PATIENCE = 5  # trials in a row that bring nothing, after which the search ends
MOST_ROWS = 200_000
MOST_CASES = 1_000

Settings = dict[str, str]  # hyperparameters as AWS writes them


@dataclass(frozen=True)
class Dimension:
    """One hyperparameter to search: whole numbers or any between `low` and `high`, or one of `values`."""

    name: str
    low: float = 0.0
    high: float = 0.0
    whole: bool = False
    values: tuple[str, ...] = ()

    def text(self, value: Any) -> str:
        return str(value) if self.whole or self.values else f"{value:.6g}"

    def value(self, text: str) -> Any:
        """The nearest value in the dimension's range."""
        if self.values:
            alike = (value for value in self.values if value.casefold() == text.casefold())
            return next(alike, self.values[0])
        inside = min(max(float(text), self.low), self.high)
        return round(inside) if self.whole else inside


@dataclass(frozen=True)
class TuningTrial:
    what: str  # the settings, or the recipe
    settings: Settings
    score: float
    seconds: float = field(default=0.0, compare=False)


@dataclass(frozen=True)
class SearchBudget:
    """What a search may take: so many trials, and the time. The first trial is made in any case; another begins only
    where one of the usual length would be over in time, and hurries where it is not."""

    trials: int
    seconds: float = inf
    clock: Callable[[], float] = field(default=time.monotonic, compare=False)

    def share(self, trials: int, seconds: float) -> float:
        """The share of it, 0..1, that so many trials and so much time are."""
        return min(max(trials / self.trials, seconds / self.seconds), 1.0)

    def hurrying(self, progress: Progress, over_s: float) -> Progress:
        """The progress of a trial that begins now, when so much of the time is over: all that is left is its own."""
        began, left = self.clock(), max(self.seconds - over_s, 1e-9)

        def hurried(fraction: float, message: str) -> float | None:
            over, own = progress(fraction, message), (self.clock() - began) / left
            return own if over is None else max(over, own)

        return progress if isinf(left) else hurried

    def __str__(self) -> str:
        return f"{self.trials}" if isinf(self.seconds) else f"at most {self.trials} within {self.seconds / 60:g} min"


@dataclass(frozen=True)
class TuningTask:
    """The split on which settings are tried, and the metric, one of METRICS, by which they are measured."""

    split: Split
    seed: int
    metric: str = METRIC

    @classmethod
    def of(cls, snapshot: Snapshot, seed: int, metric: str = METRIC) -> TuningTask:
        """Raises `ValueError` where there are not enough users to hide any."""
        others = user_split(snapshot, seed).train
        if np.count_nonzero(np.diff(others.indptr) > 1) < 2:
            raise ValueError("too few users with two interactions to try anything on")
        return cls(user_split(_some_users(others, seed), seed + 1), seed, metric)

    def foresee(self, wanted: Iterable[tuple[Recipe[Any], Settings]]) -> None:
        """Hears of trials that may be asked for."""

    def close(self) -> None:
        """Hears that no more trials are."""

    def measured(self, recipe: Recipe[Any], settings: Mapping[str, str], progress: Progress) -> float:
        model = recipe.train(self.split.train, recipe.parse(settings), self.seed, progress)
        outcome = outcome_of(recipe.ready(model), self.split.cases[:MOST_CASES], self.split.train)
        return METRICS[self.metric](outcome)


class Trials(Protocol):
    """Makes trials here, or elsewhere and side by side."""

    @property
    def metric(self) -> str: ...

    @property
    def seed(self) -> int: ...

    def foresee(self, wanted: Iterable[tuple[Recipe[Any], Settings]]) -> None: ...

    def measured(self, recipe: Recipe[Any], settings: Mapping[str, str], progress: Progress) -> float: ...

    def close(self) -> None: ...


def best_recipe(recipes: Sequence[Recipe[Any]], trials: Trials, progress: Progress) -> list[TuningTrial]:
    """Each recipe with its defaults, the best first; equals keep their order."""
    done: list[TuningTrial] = []
    trials.foresee((recipe, {}) for recipe in recipes)
    for place, recipe in enumerate(recipes):
        part = stretch(progress, place / len(recipes), (place + 1) / len(recipes))
        score = trials.measured(recipe, {}, _with_words(part, f"recipe {place + 1} of {len(recipes)}: {recipe.name}"))
        done.append(TuningTrial(recipe.name, {}, score))
    return sorted(done, key=lambda trial: -trial.score)


def tuned(
    recipe: Recipe[Any],
    dimensions: Sequence[Dimension],
    fixed: Mapping[str, str],
    budget: SearchBudget,
    trials: Trials,
    progress: Progress,
) -> list[TuningTrial]:
    """Try settings in order, as many as the budget has room for; `fixed` are the settings outside the search, and its
    start.

    What was tried before is not tried again, but counts as a trial.
    """
    search = _Search(recipe, dimensions, fixed, budget.trials, trials.seed)
    trials.foresee((recipe, {**fixed, **search.settings(each)}) for each in search.ahead)
    began, usual_s = budget.clock(), 0.0
    done: list[TuningTrial] = []
    for number in range(1, budget.trials + 1):
        asked = search.ask()
        settings = search.settings(asked)
        best, over_s = max((trial.score for trial in done), default=0.0), budget.clock() - began
        words = f"trial {number} of {budget}, best {trials.metric} {best:.4f}"
        ends = budget.share(number, over_s + usual_s)
        part = stretch(progress, budget.share(number - 1, over_s), ends)
        trial = next((each for each in done if each.settings == settings), None)
        if trial is None:
            hurried = budget.hurrying(_with_words(part, words), over_s)
            score = trials.measured(recipe, {**fixed, **settings}, hurried)
            trial = TuningTrial(_label(settings), settings, score, budget.clock() - began - over_s)
        search.study.tell(asked, trial.score)
        done.append(trial)
        usual_s = float(np.mean([each.seconds for each in {each.what: each for each in done}.values()]))
        late = (progress(ends, words) or 0.0) >= 1 or budget.clock() - began + usual_s > budget.seconds
        if late or len(done) - 1 - done.index(best_of(done)) >= PATIENCE:
            break
    progress(1.0, f"tried {len(done)} settings")
    return done


class _Search:
    """The study of optuna; `ahead` are the trials that can be named before any has a score."""

    def __init__(
        self, recipe: Recipe[Any], dimensions: Sequence[Dimension], fixed: Mapping[str, str], trials: int, seed: int
    ) -> None:
        with importing(OPTUNA, "Hyperparameters are searched with"):
            import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=BLIND)
        self.study = optuna.create_study(direction="maximize", sampler=sampler)
        self.study.enqueue_trial(_start(recipe, dimensions, fixed))
        self._dimensions, self._space = dimensions, {each.name: _distribution(each) for each in dimensions}
        self.ahead = deque(self.study.ask(self._space) for _ in range(min(trials, BLIND)))

    def ask(self) -> Trial:
        return self.ahead.popleft() if self.ahead else self.study.ask(self._space)

    def settings(self, asked: Trial) -> Settings:
        return {each.name: each.text(asked.params[each.name]) for each in self._dimensions}


def _label(settings: Settings) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def best_of(done: Sequence[TuningTrial]) -> TuningTrial:
    """The first of those with the highest score."""
    return max(done, key=lambda trial: trial.score)


def _start(recipe: Recipe[Any], dimensions: Sequence[Dimension], fixed: Mapping[str, str]) -> dict[str, Any]:
    usual = recipe.parse(fixed)
    return {each.name: each.value(str(getattr(usual, each.name))) for each in dimensions}


def _distribution(dimension: Dimension) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if dimension.values:
        return CategoricalDistribution(dimension.values)
    if dimension.whole:
        return IntDistribution(int(dimension.low), int(dimension.high))
    return FloatDistribution(dimension.low, dimension.high)


def _some_users(snapshot: Snapshot, seed: int) -> Snapshot:
    """Users drawn by the seed who have at most MOST_ROWS interactions together."""
    if len(snapshot.items) <= MOST_ROWS:
        return snapshot
    order = np.random.default_rng(seed).permutation(snapshot.user_count)
    drawn = order[np.cumsum(np.diff(snapshot.indptr)[order]) <= MOST_ROWS]
    return snapshot.take(np.isin(snapshot.users, drawn))


def _with_words(progress: Progress, words: str) -> Progress:
    return lambda fraction, message: progress(fraction, f"{words}: {message}")
