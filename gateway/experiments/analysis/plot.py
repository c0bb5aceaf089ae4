"""A verdict as a picture: a panel a metric, in it each arm's lift, or the preference for it, with its interval; another
for weights that change by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gateway.experiments.analysis.contest import Contest
from gateway.experiments.analysis.verdict import Step, Verdict, VerdictRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"better": "#2a9d5c", "safe": "#2a9d5c", "worse": "#d1495b", "harmed": "#d1495b"}
OPEN = "#5b8def"
WIDTH_IN = 4.6  # of a panel


class Bar(NamedTuple):
    """One arm's effect, in percent."""

    arm: str
    judgement: str
    guardrail: bool
    value: float
    low: float
    high: float


def save_plot(verdict: Verdict | Contest, path: Path) -> None:
    """Write the picture; the suffix decides the format. Raises ModuleNotFoundError without the extra `plots`,
    ValueError for a format that there is not and where there is nothing to draw."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError("a plot needs matplotlib: pip install 'recgate[plots]'") from missing
    panels = panels_of(verdict)
    if not panels:
        raise ValueError("there is no metric to draw")
    steps = verdict.steps if isinstance(verdict, Verdict) else ()
    changes = any(step.since is not None for step in steps)
    count = len(panels) + changes
    columns = across(count)
    rows = -(-count // columns)
    height = max(1.4 + 0.45 * max(map(len, panels.values())), 3 if changes else 0)
    figure = Figure(figsize=(WIDTH_IN * columns, height * rows + 0.5), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    what = "lift over" if isinstance(verdict, Verdict) else "preference to"
    for each, (metric, bars) in zip(axes, panels.items(), strict=False):
        _draw_bars(each, bars)
        each.set_title(metric + (" (guardrail)" if bars[0].guardrail else ""))
        each.set_xlabel(f"{what} {verdict.control}, %")
    if changes:
        _draw_weights(axes[len(panels)], steps)
    for each in axes[count:]:
        each.set_axis_off()
    if not verdict.trusted:
        figure.suptitle("NOT TO BE TRUSTED: the arms have not their shares", color="#d1495b")
    elif isinstance(verdict, Verdict) and verdict.alarms:
        figure.suptitle(f"ALARM: {', '.join(verdict.alarms)}", color="#d1495b")
    figure.savefig(path)


def _draw_bars(axes: Axes, bars: Sequence[Bar]) -> None:
    for height, bar in enumerate(reversed(bars)):
        colour = COLOURS.get(bar.judgement, OPEN)
        if isfinite(bar.value):
            axes.plot(bar.value, height, "o", color=colour)
            if isfinite(bar.low + bar.high):
                axes.hlines(height, bar.low, bar.high, color=colour, linewidth=3, alpha=0.6)
    axes.axvline(0, color="#333", linewidth=1)
    axes.set_yticks(range(len(bars)), [f"{bar.arm}: {bar.judgement}" for bar in reversed(bars)])
    axes.set_ylim(-0.6, len(bars) - 0.4)


def _draw_weights(axes: Axes, steps: Sequence[Step]) -> None:
    """Draw the weights from the first change on; before it, for as long as a step takes, those of the configuration."""
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


def across(panels: int) -> int:
    """The number of panels side by side: rows of two or three, with as few gaps as can be."""
    return panels if panels <= 3 else min((3, 2), key=lambda columns: -panels % columns)


def panels_of(verdict: Verdict | Contest) -> dict[str, list[Bar]]:
    """The bars of each metric."""
    panels: dict[str, list[Bar]] = {}
    for row in verdict.rows:
        effect = row.lift if isinstance(row, VerdictRow) else row.preference
        if effect is not None:
            figures = (100 * effect.value, 100 * effect.low, 100 * effect.high)
            panels.setdefault(row.metric, []).append(Bar(row.arm, row.said or "", row.guardrail, *figures))
    return panels
