"""Trials of a search side by side: each begins as soon as it is known that it will be asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from engine.errors import EngineError
from engine.measure.tuning import Settings, TuningTask
from engine.ray_tasks import RayTasks
from engine.recipe import Progress, Recipe, silent
from engine.recipes import RECIPES


class SpreadTrials:
    """A tuning task whose trials are tasks of Ray."""

    def __init__(self, task: TuningTask, tasks: RayTasks) -> None:
        self.metric, self.seed, self._tasks = task.metric, task.seed, tasks
        self._shared = tasks.share(task)
        self._begun: dict[str, Any] = {}

    def foresee(self, wanted: Iterable[tuple[Recipe[Any], Settings]]) -> None:
        for recipe, settings in wanted:
            self._begin(recipe, settings)

    def measured(self, recipe: Recipe[Any], settings: Mapping[str, str], progress: Progress) -> float:
        self._begin(recipe, settings)
        score: float = self._tasks.result(
            self._begun[_key(recipe, settings)], lambda: progress(0.0, "waiting for Ray's task")
        )
        return score

    def close(self) -> None:
        """What was begun in vain ends."""
        for task in self._begun.values():
            with suppress(EngineError):
                self._tasks.cancel(task)

    def _begin(self, recipe: Recipe[Any], settings: Mapping[str, str]) -> None:
        key = _key(recipe, settings)
        if key not in self._begun:
            self._begun[key] = self._tasks.begin(_score, self._shared, recipe.name, dict(settings))


def _key(recipe: Recipe[Any], settings: Mapping[str, str]) -> str:
    return f"{recipe.name} {sorted(settings.items())}"


def _score(task: TuningTask, recipe: str, settings: Settings) -> float:
    return task.measured(RECIPES[recipe], settings, silent)
