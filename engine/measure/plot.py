"""The report as a picture: a bar with its interval for every model, a panel for every split."""

from __future__ import annotations

from pathlib import Path

from engine.measure.report import Part, Report


def save_plot(report: Report, path: Path) -> None:
    """Write the picture; the suffix decides the format. Raises ModuleNotFoundError without the extra `plots`."""
    try:
        from matplotlib.axes import Axes
        from matplotlib.figure import Figure
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError("a plot needs matplotlib: pip install 'recgate[plots]'") from missing

    def draw(axes: Axes, part: Part) -> None:
        rows = part.rows[::-1]
        values = [row.ndcg_at_10 for row in rows]
        below = [max(row.ndcg_at_10 - row.interval[0], 0) for row in rows]
        above = [max(row.interval[1] - row.ndcg_at_10, 0) for row in rows]
        axes.barh([row.model for row in rows], values, xerr=[below, above], color="#5b8def", ecolor="#333")
        axes.set_title(f"{part.split} ({part.users} users)")
        axes.set_xlabel("NDCG@10, 95 % interval")

    figure = Figure(figsize=(6 * len(report.parts), 4), layout="constrained")
    panels = figure.subplots(1, len(report.parts), squeeze=False)
    for axes, part in zip(panels[0], report.parts, strict=True):
        draw(axes, part)
    figure.savefig(path)
