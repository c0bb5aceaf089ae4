"""Pictures of the docs, drawn anew: `make plots` (python -m loadtests.plots).

Curves are of the tables in docs/benchmarks.md, so a figure that is measured again is drawn again. The pictures are SVG
of plain shapes and texts, with colours for light and dark.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from math import log
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
STYLE = """
svg { font: 13px system-ui, sans-serif; --ink: #1f2430; --soft: #68707f; --line: #c9ced8; --fill: #f4f6fa;
  --a: #3b6fd4; --b: #c7722b; }
@media (prefers-color-scheme: dark) {
  svg { --ink: #e8eaf0; --soft: #a2a9b8; --line: #4a5160; --fill: #262b36; --a: #7fa8ff; --b: #f0a35e; }
}
text { fill: var(--ink); } .soft { fill: var(--soft); font-size: 12px; } .a { fill: var(--a); } .b { fill: var(--b); }
.box { fill: var(--fill); stroke: var(--line); } .frame { fill: none; stroke: var(--line); stroke-dasharray: 5 4; }
.axis { stroke: var(--line); fill: none; } .maybe { stroke-dasharray: 4 4; } .head { fill: var(--soft); }
.way { stroke: var(--soft); fill: none; stroke-width: 1.4; marker-end: url(#head); }
.line-a { stroke: var(--a); fill: none; stroke-width: 2; } .line-b { stroke: var(--b); fill: none; stroke-width: 2; }
"""
HEAD = (
    '<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path class="head" d="M0 0 8 4 0 8z"/></marker>'
)


@dataclass
class Drawing:
    """An SVG picture; its `title` is what a screen reader says."""

    width: int
    height: int
    title: str
    parts: list[str] = field(default_factory=list)

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "middle") -> None:
        named = f' class="{kind}"' if kind else ""
        self.parts.append(f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{named}>{escape(words)}</text>')

    def box(self, place: tuple[float, float, float, float], lines: Sequence[str], kind: str = "box") -> None:
        """A rounded box at x, y, width and height; its first line is its name."""
        x, y, width, height = place
        self.parts.append(f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="8"/>')
        first = y + height / 2 - (len(lines) - 1) * 8 + 4
        for number, line in enumerate(lines):
            self.text(x + width / 2, first + number * 17, line, "soft" if number else "")

    def way(self, path: str, kind: str = "way") -> None:
        self.parts.append(f'<path class="{kind}" d="{path}"/>')

    def band(self, place: tuple[float, float, float, float], colour: str, strength: float) -> None:
        x, y, width, height = place
        self.parts.append(
            f'<rect class="{colour}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
            f'fill-opacity="{strength:g}"/>'
        )

    def dot(self, x: float, y: float, colour: str) -> None:
        self.parts.append(f'<circle class="{colour}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>')

    def svg(self) -> str:
        size = f'width="{self.width}" height="{self.height}" viewBox="0 0 {self.width} {self.height}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
        return (
            "\n".join(
                [
                    head,
                    f"<title>{escape(self.title)}</title>",
                    f"<style>{STYLE}</style><defs>{HEAD}</defs>",
                    *self.parts,
                    "</svg>",
                ]
            )
            + "\n"
        )


# ---- what is drawn as it is built


def architecture() -> str:
    drawing = Drawing(
        860,
        430,
        "Pages ask the gateway, which asks the engine on a miss; events go to the log, and jobs make models of it.",
    )
    drawing.box((250, 20, 400, 390), [], "frame")
    drawing.text(262, 40, "recgate serve", "soft", "start")
    drawing.box((20, 70, 150, 54), ["page, app", "lists and events"])
    drawing.box((10, 160, 170, 54), ["boto3", "Amazon Personalize's API"])
    drawing.box((290, 60, 320, 66), ["gateway, a process a core", "experiments · cache · rules · metadata"])
    drawing.box((290, 190, 150, 66), ["engine", "models · filters"])
    drawing.box((460, 190, 150, 66), ["event log", "SQLite or PostgreSQL"])
    drawing.box((290, 320, 320, 66), ["job process, of low priority", "imports · trainings · batch jobs"])
    drawing.box((710, 40, 130, 54), ["other origins", "AWS, HTTP"])
    drawing.box((710, 114, 130, 54), ["Redis", "shared answers"])
    drawing.box((710, 188, 130, 54), ["event targets", "Kinesis, Kafka"])
    drawing.box((710, 262, 130, 54), ["Kafka topics", "event sources"])
    for path in ("M170 97H288", "M180 187C236 187 230 105 288 105", "M365 126V188", "M535 126V188", "M460 223H442"):
        drawing.way(path)
    for path in ("M535 256V318", "M365 320V258"):
        drawing.way(path)
    for path in ("M610 80C660 80 660 67 708 67", "M610 93C660 93 660 141 708 141", "M610 106C670 106 660 215 708 215"):
        drawing.way(path, "way maybe")
    drawing.way("M710 289C660 289 660 230 612 230", "way maybe")
    for x, y, words in (
        (372, 162, "on a miss"),
        (542, 152, "events"),
        (451, 214, ""),
        (542, 292, "data"),
        (372, 292, "models"),
    ):
        drawing.text(x, y, words, "soft", "start")
    drawing.text(540, 178, "what is outdated ↑", "soft", "start")
    return drawing.svg()


def cache_life() -> str:
    drawing = Drawing(
        860,
        250,
        "An answer is fresh, then stale, then only given if making one fails. Its user's event outdates it.",
    )
    left, right, top = 150, 840, 50
    scale = (right - left) / 150  # seconds: the last part is cut short
    for y, name, fresh, stale in ((top, "nobody clicks", 60, 30), (top + 90, "a click after 25 s", 25, 0)):
        late = left + (fresh + stale) * scale
        drawing.text(left - 12, y + 24, name, anchor="end")
        drawing.band((left, y, fresh * scale, 38), "a", 0.55)
        drawing.band((left + fresh * scale, y, stale * scale, 38), "a", 0.25)
        drawing.band((late, y, right - late, 38), "b", 0.2)
        drawing.text(left + fresh * scale / 2, y + 24, "hit")
        if stale:
            drawing.text(left + (fresh + stale / 2) * scale, y + 24, "stale, renewed")
        drawing.text((late + right) / 2, y + 24, "made anew; the old one only if that fails")
    click = left + 25 * scale
    drawing.way(f"M{click:.1f} {top + 76}V{top + 134}", "line-b")
    drawing.text(click, top + 72, "event of this user: all its lists are outdated, in every worker", "b", "start")
    for seconds, words in (
        (0, "made"),
        (60, "maxAge: 60"),
        (90, "+ stale-while-revalidate: 30"),
        (150, "… stale-if-error: 600"),
    ):
        anchor = {0: "start", 150: "end"}.get(seconds, "middle")
        drawing.text(left + seconds * scale, top - 12, words, "soft", anchor)
    drawing.text(
        left,
        top + 158,
        "The first request after the click waits for a new answer, as the old one lacks the click.",
        "soft",
        "start",
    )
    return drawing.svg()


# ---- curves of what was measured


@dataclass
class Axes:
    """A frame with two scales; `place` puts a value where it belongs."""

    drawing: Drawing
    x: tuple[float, float]
    y: tuple[float, float]
    frame: tuple[float, float, float, float] = (80, 30, 740, 300)  # left, top, right, bottom

    def place(self, x: float, y: float) -> tuple[float, float]:
        left, top, right, bottom = self.frame
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return left + across * (right - left), bottom - up * (bottom - top)

    def label(
        self, ticks: tuple[Sequence[float], Sequence[float]], names: tuple[str, str], form: tuple[str, str]
    ) -> None:
        left, top, right, bottom = self.frame
        self.drawing.way(f"M{left} {top}V{bottom}H{right}", "axis")
        for tick in ticks[0]:
            self.drawing.text(self.place(tick, self.y[0])[0], bottom + 18, form[0].format(tick), "soft")
        for tick in ticks[1]:
            y = self.place(self.x[0], tick)[1]
            self.drawing.way(f"M{left} {y:.1f}H{right}", "axis")
            self.drawing.text(left - 8, y + 4, form[1].format(tick), "soft", "end")
        self.drawing.text((left + right) / 2, bottom + 40, names[0], "soft")
        self.drawing.text(left, top - 12, names[1], "soft", "start")

    def curve(self, points: Sequence[tuple[float, float]], colour: str, name: str) -> None:
        placed = [self.place(*point) for point in points]
        self.drawing.way("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in placed), f"line-{colour}")
        for x, y in placed:
            self.drawing.dot(x, y, colour)
        x, y = placed[-1]
        self.drawing.text(x - 8, y - 10, name, colour, "end")


def table_below(heading: str, page: str = "benchmarks.md") -> list[list[str]]:
    """The rows of the first table below a heading, without its head."""
    text = (DOCS / page).read_text("utf-8").partition(f"\n## {heading}\n")[2]
    rows = re.search(r"^\|.*\n\| ?-.*\n((?:\|.*\n)+)", text, re.MULTILINE)
    if rows is None:
        raise SystemExit(f"docs/{page} has no table below {heading!r}")
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in rows[1].splitlines()]


def number(cell: str) -> float:
    found = re.search(r"\d*\.?\d+", cell.replace(",", ""))
    if found is None:
        raise SystemExit(f"{cell!r} has no figure")
    return float(found[0])


def cohorts() -> str:
    rows = [(number(row[4]), number(row[1]), row[0], row[3]) for row in table_below("Cohorts")]
    drawing = Drawing(820, 360, "Quality of lists against the hit rate of a cache, by the number of cohorts.")
    axes = Axes(drawing, (50, 101), (0, 0.14))
    axes.label(
        ((50, 60, 70, 80, 90, 100), (0, 0.05, 0.1)),
        ("hit rate of a shared cache, %", "NDCG@10 on MovieLens-100K"),
        ("{:g}", "{:.2f}"),
    )
    axes.curve([(rate, ndcg) for rate, ndcg, _, _ in rows], "a", "")
    axes.curve([(rate, number(others)) for rate, _, _, others in rows if others], "b", "")
    for rate, ndcg, name, _ in (rows[0], rows[1], rows[3], rows[-1]):
        x, y = axes.place(rate, ndcg)
        drawing.text(
            x + (8 if rate < 60 else -10), y - 10, name.partition(" (")[0], "soft", "start" if rate < 60 else "end"
        )
    drawing.text(90, 250, "all users", "a", "start")
    drawing.text(90, 268, "users that the list was not made of", "b", "start")
    return drawing.svg()


LOADS = (  # how a row of the table of speeds begins, what it is of
    ("`misses --recipe aws-popularity-count`", "popularity, 50,000 items"),
    ("`misses`: the same", "trained blend, 50,000 items"),
    ("`misses --items 1000000 --users 10000 --factors`: likewise", "blend, 1,000,000 items, by the index"),
    ("`misses --items 1000000 --users 10000 --factors --exact", "blend, 1,000,000 items, by the scan"),
    ("`overload`", "popularity, twice of what can be answered"),
)


def latency() -> str:
    rows = {cells[0]: cells[1] for cells in table_below("Speed")}
    title = "99th percentile of lists that nobody has cached, under load"
    drawing = Drawing(820, 290, title)
    left, right = 330, 790
    drawing.text(left, 20, "milliseconds, from the best to the worst run", "soft", "start")
    for tick in (2, 5, 10, 20, 50, 100, 200):
        x = milliseconds(tick, left, right)
        drawing.way(f"M{x:.1f} 34V246", "axis")
        drawing.text(x, 264, str(tick), "soft")
    for place, (start, name) in enumerate(LOADS):
        figures = next(figures for row, figures in rows.items() if row.startswith(start))
        low, high = p99(figures)
        y = 44 + place * 41
        drawing.text(left - 14, y + 17, name, anchor="end")
        begin, end = milliseconds(low, left, right), milliseconds(high, left, right)
        drawing.band((begin, y, max(end - begin, 4), 26), "b" if start == "`overload`" else "a", 0.6)
        drawing.text(end + 8, y + 17, f"{low:g} to {high:g}", "soft", "start")
    drawing.text(
        left, 284, "at half of the capacity; the last at twice of it, where the rest is refused", "soft", "start"
    )
    return drawing.svg()


def milliseconds(value: float, left: float, right: float) -> float:
    """The place of a value between 2 and 250 on a logarithmic scale."""
    return left + log(value / 2) / log(125) * (right - left)


def p99(figures: str) -> tuple[float, float]:
    """The first range of the 99th percentile that a row names."""
    found = re.search(r"p99 ([\d.]+)–([\d.]+) ms", figures)
    if found is None:
        raise SystemExit(f"no range of p99 in {figures!r}")
    return float(found[1]), float(found[2])


PICTURES: dict[str, Callable[[], str]] = {
    "architecture.svg": architecture,
    "cache-life.svg": cache_life,
    "cohorts.svg": cohorts,
    "latency.svg": latency,
}

if __name__ == "__main__":
    for picture, draw in PICTURES.items():
        (DOCS / picture).write_text(draw(), "utf-8")
