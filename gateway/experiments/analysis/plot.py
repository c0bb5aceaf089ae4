"""A verdict as a picture: a panel for every metric, in it each arm's lift with its interval."""

from __future__ import annotations

from math import isfinite
from pathlib import Path

from gateway.experiments.analysis.verdict import Row, Verdict

COLOURS = {"better": "#2a9d5c", "safe": "#2a9d5c", "worse": "#d1495b", "harmed": "#d1495b"}
OPEN = "#5b8def"


def save_plot(verdict: Verdict, path: Path) -> None:
    """Write the picture; the suffix decides the format. Raises ModuleNotFoundError without the extra `plots`,
    ValueError for a format that there is not and where there is nothing to draw."""
    try:
        from matplotlib.axes import Axes
        from matplotlib.figure import Figure
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError("a plot needs matplotlib: pip install 'recgate[plots]'") from missing
    panels: dict[str, list[Row]] = {}
    for row in verdict.rows:
        if row.lift is not None:
            panels.setdefault(row.metric, []).append(row)
    if not panels:
        raise ValueError("there is no metric to draw")

    def draw(axes: Axes, metric: str, rows: list[Row]) -> None:
        for height, row in enumerate(reversed(rows)):
            lift, colour = row.lift, COLOURS.get(row.said or "", OPEN)
            if lift is not None and isfinite(lift.value):
                axes.plot(lift.value * 100, height, "o", color=colour)
                if isfinite(lift.low + lift.high):
                    axes.hlines(height, lift.low * 100, lift.high * 100, color=colour, linewidth=3, alpha=0.6)
        axes.axvline(0, color="#333", linewidth=1)
        axes.set_yticks(range(len(rows)), [f"{row.arm}: {row.said}" for row in reversed(rows)])
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.set_title(metric + (" (guardrail)" if rows[0].guardrail else ""))
        axes.set_xlabel(f"lift over {verdict.control}, %")

    figure = Figure(figsize=(5 * len(panels), 1.5 + 0.5 * len(verdict.units)), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for each, (metric, rows) in zip(axes, panels.items(), strict=True):
        draw(each, metric, rows)
    if not verdict.trusted:
        figure.suptitle("NOT TO BE TRUSTED: the arms have not their shares", color="#d1495b")
    figure.savefig(path)
