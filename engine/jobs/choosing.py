"""Choices before a solution version is trained: its recipe by AutoML, its hyperparameters by HPO."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from engine import recipes
from engine.arns import name_of
from engine.control.hpo_config import auto_ml_of, search_of
from engine.control.hyperparameters import BUDGETS, HPO_MINUTES, bare
from engine.control.recipes import auto_ml_recipes
from engine.control.solution_config import hyperparameters, minutes_in
from engine.data.snapshot import Snapshot
from engine.errors import InvalidInput
from engine.forecast.training import Machine, TrainingForecast, forecast, trial_seconds
from engine.jobs.trials import SpreadTrials
from engine.measure.tuning import METRIC, Settings, Trials, TuningTask, TuningTrial, best_of, best_recipe, tuned
from engine.ray_tasks import RayTasks
from engine.recipe import Progress, Recipe
from engine.records import SolutionVersionRecord


@dataclass(frozen=True)
class Choice:
    recipe: Recipe[Any]
    settings: Settings  # hyperparameters by bare name, tuned ones included
    tuned: Settings = field(default_factory=dict)
    trials: Sequence[TuningTrial] = ()
    metric: str = ""

    def account(self) -> dict[str, object]:
        """The trials for people."""
        if not self.trials:
            return {}
        return {
            "trials": [
                {"what": each.what, self.metric: round(each.score, 4), "seconds": round(each.seconds, 1)}
                for each in self.trials
            ]
        }


def settings_of(version: SolutionVersionRecord) -> Settings:
    """The hyperparameters that a version is asked for, and has been tuned to."""
    config = version.solution_config
    asked = {**config.get("featureTransformationParameters", {}), **config.get("algorithmHyperParameters", {})}
    tuned = version.tuned_hpo_params.get("algorithmHyperParameters", {})
    settings = {bare(name): value for name, value in {**asked, **tuned}.items()}
    return {name: value for name, value in settings.items() if name not in BUDGETS}


def minutes_of(version: SolutionVersionRecord) -> float | None:
    """The budget that a version's solution gives it."""
    return minutes_in(version.solution_config.get("algorithmHyperParameters", {}))


def hpo_minutes_of(version: SolutionVersionRecord) -> float | None:
    """The budget that a version's solution gives its search for hyperparameters."""
    return minutes_in(version.solution_config.get("algorithmHyperParameters", {}), HPO_MINUTES)


def foreseen(
    version: SolutionVersionRecord, snapshot: Snapshot, machine: Machine, minutes: float | None
) -> TrainingForecast:
    """The forecast of a training that is still to choose its settings, by those that it starts from. Raises
    `InvalidInput` where it does not fit into the minutes."""
    config = version.solution_config
    if version.perform_auto_ml:
        candidates = auto_ml_recipes(auto_ml_of(config)[1])
        dearest = max(candidates, key=lambda recipe: recipe.cost(snapshot, recipe.parse({})).train)
        params = dearest.parse({})
        return forecast(dearest, params, snapshot, machine, trials=candidates, minutes=minutes)
    recipe = recipes.RECIPES[name_of(version.recipe_arn)]
    trials = [recipe] * _trials_ahead(version, recipe, snapshot, machine) if version.perform_hpo else []
    params = hyperparameters(settings_of(version), recipe)
    return forecast(recipe, params, snapshot, machine, trials=trials, minutes=minutes)


def _trials_ahead(version: SolutionVersionRecord, recipe: Recipe[Any], snapshot: Snapshot, machine: Machine) -> int:
    """The number of trials that the search is forecast to make within its budget."""
    _, budget = search_of(version.solution_config, recipe, hpo_minutes_of(version))
    if not isfinite(budget.seconds):
        return budget.trials
    seconds = machine.slowness * machine.crowd * trial_seconds(recipe, snapshot)
    return int(min(max(budget.seconds / seconds, 1), budget.trials))


def chosen_settings(
    version: SolutionVersionRecord, snapshot: Snapshot, seed: int, progress: Progress, tasks: RayTasks | None = None
) -> Choice:
    """Chooses by trials where the solution asks for them, side by side where there are `tasks`. Raises `InvalidInput`
    where there is too little data."""
    config, settings = version.solution_config, settings_of(version)
    if version.perform_auto_ml:
        metric, allowed = auto_ml_of(config)
        with _trials(snapshot, seed, tasks, metric) as trials:
            done = best_recipe(auto_ml_recipes(allowed), trials, progress)
        return Choice(recipes.RECIPES[done[0].what], {}, trials=done, metric=metric)
    recipe = recipes.RECIPES[name_of(version.recipe_arn)]
    if not version.perform_hpo:
        return Choice(recipe, settings)
    dimensions, budget = search_of(config, recipe, hpo_minutes_of(version))
    if isfinite(budget.seconds):
        tasks = None  # a trial that hurries is told so by this process
    with _trials(snapshot, seed, tasks) as trials:
        done = tuned(recipe, dimensions, settings, budget, trials, progress)
    best = best_of(done).settings
    return Choice(recipe, {**settings, **best}, best, done, trials.metric)


@contextmanager
def _trials(snapshot: Snapshot, seed: int, tasks: RayTasks | None, metric: str = METRIC) -> Iterator[Trials]:
    try:
        task = TuningTask.of(snapshot, seed, metric)
    except ValueError as error:
        raise InvalidInput(f"performHPO and performAutoML need more data: {error}.") from error
    with closing(task if tasks is None else SpreadTrials(task, tasks)) as trials:
        yield trials
