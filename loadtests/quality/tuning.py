"""Fair tuning: every peer tries its grid on the validation questions, for at most half of its time, then is refitted.

A fit is a generator of stages. A stage is a later state of one training (after so many epochs) or another reading of
one fit (how fast a history fades), and costs less than a fit of its own. Of a training whose stages got worse a few
times in a row the rest is not looked at.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from loadtests.quality.ranking import Scorer, measure
from loadtests.quality.task import Log, Task

TUNING_SHARE = 0.5  # of a run's time
PATIENCE = 4  # stages without a better one

Settings = Mapping[str, Any]
Stage = tuple[str, Scorer]  # its name among those of one fit


class Watch:
    """A run's time: how much of it is over, for whoever can do with less, and a line for whoever watches."""

    def __init__(self, limit_s: float, say: Callable[[float, str], None], seed: int) -> None:
        self.limit_s, self.seed = limit_s, seed
        self._say, self._began = say, time.monotonic()

    def over(self) -> float:
        """The share of the time that has passed."""
        return (time.monotonic() - self._began) / self.limit_s

    def say(self, words: str) -> None:
        self._say(min(self.over(), 1.0), words)


Fit = Callable[[Log, Settings, Watch], Iterator[Stage]]


@dataclass(frozen=True)
class Choice:
    settings: Settings
    stage: str
    ndcg: float  # on validation
    tried: int  # settings
    of: int
    improving: bool = False  # it was the newest stage of a training when the time was over

    @property
    def shortage(self) -> str:
        """What the time did not suffice for; empty: nothing."""
        words = ["still improving"] if self.improving else []
        words += [f"{self.tried} of {self.of} settings"] if self.tried < self.of else []
        return ", ".join(words)

    def __str__(self) -> str:
        words = [f"{name} {value}" for name, value in self.settings.items()]
        words += [self.stage] if self.stage else []
        return ", ".join(words)


def chosen(fit: Fit, grid: Sequence[Settings], task: Task, watch: Watch, *, epochs: bool) -> Choice:
    """The best settings and stage on validation. At least one stage of the first settings is tried."""
    best = Choice(grid[0], "", -1.0, 0, len(grid))
    for number, settings in enumerate(grid):
        if number and watch.over() > TUNING_SHARE:
            break
        peak, worse = -1.0, 0
        for stage, scorer in fit(task.validation.log, settings, watch):
            ndcg = float(measure(scorer, task.validation).ndcg.mean())
            watch.say(f"validation {', '.join(map(str, settings.values()))} {stage}: {ndcg:.4f}")
            late = watch.over() > TUNING_SHARE
            if ndcg > best.ndcg:
                best = Choice(settings, stage, ndcg, 0, len(grid), improving=late and epochs)
            peak, worse = (ndcg, 0) if ndcg > peak else (peak, worse + 1)
            if late or (epochs and worse >= PATIENCE):
                break
        tried = number + 1
    return replace(best, tried=tried)


def refitted(fit: Fit, choice: Choice, log: Log, watch: Watch) -> Stage:
    """The chosen stage on all that may train, or what there is of it when the time is over."""
    stage: Stage | None = None
    for stage in fit(log, choice.settings, watch):
        watch.say(f"refit: {stage[0]}")
        if stage[0] == choice.stage or watch.over() > 1:
            break
    if stage is None:
        raise RuntimeError("the fit had no stage")
    return stage
