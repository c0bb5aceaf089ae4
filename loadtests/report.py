"""What the bench found, as tables. `python -m loadtests.report` writes it between the markers of docs/benchmarks.md."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE
from rich.table import Table

OUT = Path(__file__).parent / "out" / "bench.json"
PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"
COLUMNS = ("", "how", "ratio", "min–max", "CPU µs/request", "ratio by CPU", "requests/s", "p50 ms", "p99 ms")
COLUMNS += ("bytes", "failed", "peak MiB")
SHORT = {
    "plain": "hit, plain",
    "full": "hit, everything on, ten headers",
    "l2": "hit in Redis",
    "miss": "miss, engine",
    "origin": "miss, HTTP origin",
}

Told = Mapping[str, Any]


def keep(out: Path, kind: str, told: Told) -> None:
    """One kind's figures, beside those that the file has of the others."""
    kept = json.loads(out.read_text()) if out.exists() else {}
    out.parent.mkdir(parents=True, exist_ok=True)
    when = datetime.now(UTC).date().isoformat()
    out.write_text(json.dumps({**kept, kind: {"when": when, "machine": machine(), **told}}, indent=2) + "\n")


def machine() -> str:
    """In words."""
    cpu = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores, {cpu[1] if cpu else 'unknown'}, {memory:.0f} GiB, Python {platform.python_version()}"


def table(title: str, lines: Sequence[Told]) -> Table:
    shown = Table(*COLUMNS, title=title, title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    for each in sorted(lines, key=lambda each: -each["ratio"]):
        shown.add_row(
            each["name"],
            each["how"],
            f"{each['ratio']:.3f}",
            f"{each['least']:.3f}–{each['most']:.3f}",
            f"{each['cpu_us']:.1f}",
            f"{each['cpu_ratio']:.3f}",
            f"{each['rate']:,.0f}",
            f"{each['p50_ms']:.2f}",
            f"{each['p99_ms']:.2f}",
            f"{each['answer_bytes']:.0f}",
            str(each["failed"]),
            f"{each['peak_mib']:.0f}",
        )
    return shown


# ---- in the docs


def markdown(found: Mapping[str, Told]) -> str:
    """A row a contestant, a column a kind: ratio (spread), CPU."""
    kinds = [kind for kind in SHORT if kind in found]
    lines = {(kind, line["name"]): line for kind in kinds for line in found[kind]["lines"]}
    names = list(dict.fromkeys(name for _, name in lines))
    rows = [
        ["ratio to nginx's cache (min–max) · CPU µs", *(SHORT[kind] for kind in kinds)],
        ["---"] * (1 + len(kinds)),
        *([name, *(cell(lines.get((kind, name))) for kind in kinds)] for name in names),
    ]
    first = found[kinds[0]]
    told = f"`{first['command']}` on {first['machine']}: medians of {first['rounds']} alternating rounds of"
    told += f" {first['seconds']:g} s, one core a server, {first['users']:,} users, 64 connections"
    text = [f"{told}.", "", *(f"| {' | '.join(row)} |" for row in rows)]
    if "workers" in found:
        text += ["", workers(found["workers"]["lines"])]
    return "\n".join(text)


def cell(line: Told | None) -> str:
    if line is None:
        return ""
    digits = 2 if line["ratio"] >= 0.1 else 3
    spread = f"{line['least']:.{digits}f}–{line['most']:.{digits}f}"
    return f"{line['ratio']:.{digits}f} ({spread}) · {line['cpu_us']:.{0 if line['cpu_us'] >= 100 else 1}f}"


def workers(lines: Sequence[Told]) -> str:
    """Each program's two workers against its one, whose line comes first."""
    one: dict[str, Told] = {}
    told = []
    for line in lines:
        program = line["name"].split(",")[0]
        if one.setdefault(program, line) is not line:
            told.append(scaled(one[program], line))
    how = "Two workers against one, with everything on, each with its share of the load on its own core"
    return f"{how}: {'; '.join(told)}."


def scaled(one: Told, two: Told) -> str:
    return (
        f"{two['name']}, {two['ratio']:.2f} × ({two['least']:.2f}–{two['most']:.2f}) the requests/s,"
        f" {two['cpu_us']:.1f} µs of CPU a request against {one['cpu_us']:.1f}"
    )


def rewritten(text: str, inner: str, markers: tuple[str, str] = (BEGIN, END)) -> str:
    """The text with `inner` between the markers. Raises `ValueError` where they are not there, in order."""
    begin, end = text.index(markers[0]) + len(markers[0]), text.index(markers[1])
    return f"{text[:begin]}\n{inner}\n{text[end:]}"


@click.command(help=__doc__)
@click.option("--bench", default=OUT, show_default=True, type=click.Path(path_type=Path, exists=True))
@click.option("--page", default=PAGE, show_default=True, type=click.Path(path_type=Path, exists=True))
def main(bench: Path, page: Path) -> None:
    page.write_text(rewritten(page.read_text(), markdown(json.loads(bench.read_text()))))
    click.echo(f"{page} rewritten")


if __name__ == "__main__":
    main()
