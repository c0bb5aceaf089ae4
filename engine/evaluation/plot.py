"""Reports as pictures: a bar with its interval for every model, a panel a split; a point for each number of cohorts or
strength of diversity."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.evaluation.cohorts import Curve
from engine.evaluation.diversity import DiversityCurve
from engine.evaluation.report import EvaluationReport

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_plot(report: EvaluationReport, path: Path) -> None:
    """Write the picture; the suffix decides the format. Raises ModuleNotFoundError without the extra `plots`."""
    heights = [1.2 + 0.35 * len(part.rows) for part in report.parts]
    figure = _figure(9, sum(heights))
    panels = figure.subplots(len(report.parts), 1, squeeze=False, height_ratios=heights)
    for axes, part in zip(panels[:, 0], report.parts, strict=True):
        axes.set_title(part.title)
        if not part.rows:
            axes.set_axis_off()
            continue
        rows = part.rows[::-1]
        values = [row.ndcg_at_10 for row in rows]
        below = [max(row.ndcg_at_10 - row.interval[0], 0) for row in rows]
        above = [max(row.interval[1] - row.ndcg_at_10, 0) for row in rows]
        axes.barh([row.model for row in rows], values, xerr=[below, above], color="#5b8def", ecolor="#333")
        axes.set_xlabel("NDCG@10, 95 % interval")
    figure.savefig(path)


def save_curve(curve: Curve, path: Path) -> None:
    """Quality against the hit rate of a shared cache. As `save_plot` otherwise."""
    figure = _figure(7, 4)
    axes = figure.subplots()
    rates, values = [row.hit_rate for row in curve.rows], [row.ndcg_at_10 for row in curve.rows]
    below = [max(row.ndcg_at_10 - row.interval[0], 0) for row in curve.rows]
    above = [max(row.interval[1] - row.ndcg_at_10, 0) for row in curve.rows]
    axes.errorbar(rates, values, yerr=[below, above], fmt="o-", color="#5b8def", ecolor="#bbb", label="all users")
    others = [(row.hit_rate, row.of_others) for row in curve.rows if row.of_others is not None]
    axes.plot([rate for rate, _ in others], [value for _, value in others], "s--", color="#d9822b")
    axes.lines[-1].set_label("users that the list was not made of")
    for row in curve.rows:
        axes.annotate(row.name, (row.hit_rate, row.ndcg_at_10), textcoords="offset points", xytext=(6, 6))
    axes.set_xlabel(f"hit rate of a cache for {curve.traffic.lists:,} lists, {curve.traffic.users:,} users")
    axes.set_ylabel("NDCG@10, 95 % interval")
    axes.margins(x=0.15)
    axes.legend()
    figure.savefig(path)


def save_diversity(curve: DiversityCurve, path: Path) -> None:
    """Quality against diversity: a line by strength, a point for each cap. As `save_plot` otherwise."""
    figure = _figure(7, 4.5)
    axes = figure.subplots()
    for is_cap, style, colour in ((False, "o-", "#5b8def"), (True, "s", "#d9822b")):
        rows = [row for row in curve.rows if (row.strength is None) is is_cap]
        values = [row.ndcg_at_10 for row in rows]
        below = [max(row.ndcg_at_10 - row.interval[0], 0) for row in rows]
        above = [max(row.interval[1] - row.ndcg_at_10, 0) for row in rows]
        label = f"caps on {curve.column}" if is_cap else f"strength, by {curve.similarity}"
        spread = [row.diversity for row in rows]
        axes.errorbar(spread, values, yerr=[below, above], fmt=style, color=colour, ecolor="#bbb", label=label)
        for row in rows:
            text = row.name.removeprefix("strength ").removesuffix(f" of a {curve.column}")
            axes.annotate(text, (row.diversity, row.ndcg_at_10), textcoords="offset points", xytext=(6, 6))
    axes.set_xlabel("diversity of ten items: 1 less the mean similarity of two of them")
    axes.set_ylabel("NDCG@10, 95 % interval")
    axes.margins(x=0.1)
    axes.legend()
    figure.savefig(path)


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError("a plot needs matplotlib: pip install 'recgate[plots]'") from missing
    return Figure(figsize=(width, height), layout="constrained")
