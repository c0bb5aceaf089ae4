"""`python -m loadtests.doctor`: what the data doctor takes for a hundred thousand to ten million interactions.

Each size is examined twice: as CSV files that were not imported yet, and as a dataset group that has them. Prints the
seconds, the processor time and the most memory of `recgate doctor`. Ends with status 1 where its processor time grows
faster than the rows, or its memory is beyond the limit.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import click
from rich.console import Console
from rich.table import Table

from gateway.processes.supervisor import python
from loadtests.growth import LITTLE_S, ROWS_A_USER, ROWS_AN_ITEM, SIZES, STEADY, write_csv
from loadtests.world import FIRST_DAY

LIMIT_MB = 2_000.0
KINDS = ("red", "green", "blue", "black")


class Examination(NamedTuple):
    """One run of `recgate doctor`."""

    rows: int
    of: str
    seconds: float
    cpu_s: float
    peak_mb: float
    insights: str


@click.command(help=__doc__)
@click.option("--rows", type=click.IntRange(1_000), multiple=True, default=SIZES, show_default=True)
def main(rows: Sequence[int]) -> None:
    console, runs = Console(soft_wrap=True), []
    for count in sorted(rows):
        with tempfile.TemporaryDirectory() as folder:
            for run in examinations(count, Path(folder)):
                console.print(
                    f"{run.rows:,} rows, {run.of}: {run.seconds:.1f} s, {run.peak_mb:,.0f} MB: {run.insights}"
                )
                runs.append(run)
    console.print(table(runs))
    for fault in (faults := too_much(runs)):
        console.print(f"[bold]{fault}[/bold]")
    raise SystemExit(1 if faults else 0)


def examinations(rows: int, folder: Path) -> Sequence[Examination]:
    users, items = rows // ROWS_A_USER, rows // ROWS_AN_ITEM
    interactions, catalogue, data = folder / "interactions.csv", folder / "items.csv", folder / "data"
    write_csv(interactions, rows, users, items, FIRST_DAY)
    write_items(catalogue, items)
    of_files = examined(rows, "files", "--interactions", str(interactions), "--items", str(catalogue))
    for kind, file in (("interactions", interactions), ("items", catalogue)):
        argv = python("gateway", "import", str(file), "--type", kind, "--data", str(data))
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return [of_files, examined(rows, "dataset group", "--data", str(data))]


def write_items(file: Path, items: int) -> None:
    with file.open("w", encoding="utf-8") as out:
        out.write("ITEM_ID,COLOUR,PRICE\n")
        out.writelines(f"item-{item},{KINDS[item % 4]},{item % 900 + 1}.5\n" for item in range(items))


def examined(rows: int, of: str, *arguments: str) -> Examination:
    """Raises `RuntimeError` where the doctor ended with neither 0 nor 1."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(python("gateway", "doctor", "--json", *arguments), stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - began
        if process.returncode not in (0, 1):
            raise RuntimeError(f"recgate doctor {arguments}: status {process.returncode}")
        out.seek(0)
        insights = [each["id"] for each in json.load(out)["insights"]]
    spent, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6
    return Examination(rows, of, seconds, spent, peak, ", ".join(insights) or "nothing")


def too_much(runs: Sequence[Examination]) -> list[str]:
    """What grew faster than the rows, or took too much memory."""
    faults = [f"{run.of}: {run.rows:,} rows took {run.peak_mb:,.0f} MB" for run in runs if run.peak_mb > LIMIT_MB]
    for of in {run.of: None for run in runs}:
        for small, large in pairwise(run for run in runs if run.of == of):
            if large.cpu_s > STEADY * max(small.cpu_s, LITTLE_S) * large.rows / small.rows:
                faults.append(f"{of}: faster than the rows from {small.rows:,} to {large.rows:,}")
    return faults


def table(runs: Sequence[Examination]) -> Table:
    shown = Table("interactions", "of", "seconds", "of processor time", "most memory, MB", title="recgate doctor")
    for run in runs:
        shown.add_row(f"{run.rows:,}", run.of, f"{run.seconds:.1f}", f"{run.cpu_s:.1f}", f"{run.peak_mb:,.0f}")
    return shown


if __name__ == "__main__":
    main()
