"""The progress of a training: its message tells the time that is left, its answer whether the training is late."""

from __future__ import annotations

from collections.abc import Callable

from engine.recipe import Progress

FAITH = 0.1  # of the forecast: work after which the pace so far counts as much as the forecast


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
