"""The plot: a panel a data set and split, a bar with its interval a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from loadtests.quality.peers import OURS
from loadtests.quality.report import Part

BAR, ROOM, WIDTH = 0.24, 0.9, 6.0  # inches of a bar, around a panel's bars, and of a panel
COLOURS = {True: "#d9822b", False: "#5b8def"}


def draw(tables: Sequence[Part], file: Path) -> None:
    """Raises ModuleNotFoundError without the extra `bench-quality`."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError("the plot needs matplotlib: pip install -e '.[bench-quality]'") from missing
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "quality", "font.size": 8})
    heights = [ROOM + BAR * len(part.rows) for part in tables]
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    panels = figure.subplots(len(tables), 1, squeeze=False, height_ratios=heights)
    for axes, part in zip(panels[:, 0], tables, strict=True):
        rows = part.rows[::-1]
        errors = [[row.mean - row.interval[0] for row in rows], [row.interval[1] - row.mean for row in rows]]
        colours = [COLOURS[row.peer == OURS] for row in rows]
        axes.barh([row.name for row in rows], [row.mean for row in rows], xerr=errors, color=colours, ecolor="#555")
        axes.set_title(part.title)
        axes.set_xlabel("NDCG@10, 95 % interval")
    figure.savefig(file, metadata={"Date": None})
