"""`python -m loadtests.latency`: how long a list takes, by how many are asked for.

First the capacity of one worker, by as many connections as keep it busy; then shares of it. None of the lists is in its
cache. Prints a row of Markdown for each share: lists a second, share, median and 99th percentile in milliseconds.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
from rich.console import Console

from loadtests import processes, world
from loadtests.flood import quantile
from loadtests.overload import BUSY, MANY, flood
from loadtests.server import serving

SHARES = (0.1, 0.25, 0.4, 0.55, 0.7, 0.85)


@click.command(help=__doc__)
@click.option("--seconds", default=8.0, show_default=True, type=click.FloatRange(0.1, 600), help="Of each share.")
@click.option("--items", default=50_000, show_default=True, type=click.IntRange(100, 1_000_000))
@click.option("--users", default=world.Size.users, show_default=True, type=click.IntRange(100, 100_000))
@click.option("--recipe", default=world.QUICK, show_default=True)
def main(seconds: float, items: int, users: int, recipe: str) -> None:
    console = Console(soft_wrap=True)
    mine, other = processes.cores()
    with tempfile.TemporaryDirectory() as folder:
        world.prepare(Path(folder), world.Size(items, users), {"for-you": recipe}, console)
        with serving(Path(folder), 1, mine) as server, processes.kept_to(other):
            capacity = len(flood(server, users, seconds, BUSY, None).waits_ms(200)) / seconds
            console.print(f"capacity: {capacity:,.0f} answers/s")
            for share in SHARES:
                waits = flood(server, users, seconds, MANY, capacity * share).waits_ms(200)
                figures = f"{quantile(waits, 0.5):.1f} | {quantile(waits, 0.99):.1f}"
                console.print(f"| {len(waits) / seconds:,.0f} | {share:.0%} | {figures} |", markup=False)


if __name__ == "__main__":
    main()
