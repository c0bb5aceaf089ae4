"""A verdict as a picture: a panel a metric, in it each arm's lift, or the preference for it, with its interval; another
for weights that change by themselves."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import NamedTuple

from gateway.experiments.analysis.contest import Contest
from gateway.experiments.analysis.verdict import Verdict, VerdictRow

COLOURS = {"better": "#2a9d5c", "safe": "#2a9d5c", "worse": "#d1495b", "harmed": "#d1495b"}
OPEN = "#5b8def"
WIDTH_IN = 4.6  # of a panel


class Bar(NamedTuple):
    """One arm's, in percent."""

    arm: str
    said: str
    guardrail: bool
    value: float
    low: float
    high: float


def save_plot(verdict: Verdict | Contest, path: Path) -> None:
    """Write the picture; the suffix decides the format. Raises ModuleNotFoundError without the extra `plots`,
    ValueError for a format that there is not and where there is nothing to draw."""
    try:
        from matplotlib.axes import Axes
        from matplotlib.figure import Figure
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError("a plot needs matplotlib: pip install 'recgate[plots]'") from missing
    panels = panels_of(verdict)
    if not panels:
        raise ValueError("there is no metric to draw")
    what = "lift over" if isinstance(verdict, Verdict) else "preference to"

    def draw(axes: Axes, metric: str, bars: list[Bar]) -> None:
        for height, bar in enumerate(reversed(bars)):
            colour = COLOURS.get(bar.said, OPEN)
            if isfinite(bar.value):
                axes.plot(bar.value, height, "o", color=colour)
                if isfinite(bar.low + bar.high):
                    axes.hlines(height, bar.low, bar.high, color=colour, linewidth=3, alpha=0.6)
        axes.axvline(0, color="#333", linewidth=1)
        axes.set_yticks(range(len(bars)), [f"{bar.arm}: {bar.said}" for bar in reversed(bars)])
        axes.set_ylim(-0.6, len(bars) - 0.4)
        axes.set_title(metric + (" (guardrail)" if bars[0].guardrail else ""))
        axes.set_xlabel(f"{what} {verdict.control}, %")

    steps = verdict.steps if isinstance(verdict, Verdict) else ()

    def draw_weights(axes: Axes) -> None:
        """From the first change on; before it, for as long as a step takes, what the configuration says."""
        times = [step.since for step in steps if step.since is not None]
        before = times[0] - (times[-1] - times[0]) / len(times) - 1
        since = [datetime.fromtimestamp(before if step.since is None else step.since, UTC) for step in steps]
        for arm in steps[-1].arms:
            weights = [step.arms[arm].weight * 100 if arm in step.arms else 0.0 for step in steps]
            axes.step(since, weights, where="post", label=arm)  # type: ignore[arg-type]  # dates are welcome
        axes.set_title("weights, %")
        axes.set_ylim(0, 100)
        axes.tick_params(axis="x", rotation=30)
        axes.legend()

    changes = any(step.since is not None for step in steps)
    count = len(panels) + changes
    columns = across(count)
    rows = -(-count // columns)
    height = max(1.4 + 0.45 * max(map(len, panels.values())), 3 if changes else 0)
    figure = Figure(figsize=(WIDTH_IN * columns, height * rows + 0.5), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for each, (metric, bars) in zip(axes, panels.items(), strict=False):
        draw(each, metric, bars)
    if changes:
        draw_weights(axes[len(panels)])
    for each in axes[count:]:
        each.set_axis_off()
    if not verdict.trusted:
        figure.suptitle("NOT TO BE TRUSTED: the arms have not their shares", color="#d1495b")
    elif isinstance(verdict, Verdict) and verdict.alarms:
        figure.suptitle(f"ALARM: {', '.join(verdict.alarms)}", color="#d1495b")
    figure.savefig(path)


def across(panels: int) -> int:
    """How many stand side by side: in rows of two or three, with as few gaps as can be."""
    return panels if panels <= 3 else min((3, 2), key=lambda columns: -panels % columns)


def panels_of(verdict: Verdict | Contest) -> dict[str, list[Bar]]:
    """By metric."""
    panels: dict[str, list[Bar]] = {}
    for row in verdict.rows:
        found = row.lift if isinstance(row, VerdictRow) else row.preference
        if found is not None:
            figures = (100 * found.value, 100 * found.low, 100 * found.high)
            panels.setdefault(row.metric, []).append(Bar(row.arm, row.said or "", row.guardrail, *figures))
    return panels
