"""`make bench-quality`: recgate and the libraries that its users would train, on the same splits, by one metric.

Each peer tries a small grid on validation inside the training part, and is refitted. A run gets its share of the time
that is left; what it leaves in `loadtests/out/quality/` is kept, and the tables and the plot in docs/ are made of all
that is there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from loadtests.quality import picture, report
from loadtests.quality.datasets import DATASETS
from loadtests.quality.peers import PEERS
from loadtests.quality.protocol import SPLITS
from loadtests.quality.record import OUT, RunRecord, stored
from loadtests.quality.runs import Contest, Plan, Say
from loadtests.report import PAGE, rewritten

WIDTH = 150  # of the tables, whatever the terminal: figures must not be cut


def names(known: Collection[str]) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """A callback that reads a list with commas, of names that are known."""

    def read(context: click.Context, option: click.Parameter, text: str) -> list[str]:
        chosen = [name.strip() for name in text.split(",") if name.strip()]
        for name in chosen:
            if name not in known:
                raise click.BadParameter(f"{name} is none of {','.join(known)}")
        return chosen

    return read


def listed(option: str, known: Collection[str], words: str = "") -> Callable[[Any], Any]:
    return click.option(option, default=",".join(known), show_default=True, callback=names(known), help=words)


@click.command(help=__doc__)
@listed("--peers", PEERS)
@listed("--data", DATASETS)
@listed("--splits", SPLITS, "Hide each user's last item or basket, or all from a moment on.")
@click.option(
    "--budget-minutes",
    default=240.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Of all runs together; what one leaves the next ones have.",
)
@click.option("--seeds", default=1, show_default=True, type=click.IntRange(1, 20), help="Of those that draw anything.")
@click.option("--threads", default=len(os.sched_getaffinity(0)), show_default=True, type=click.IntRange(1))
@click.option("--out", default=OUT, show_default=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("--page", default=PAGE, show_default=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
def main(
    peers: list[str], data: list[str], splits: list[str], budget_minutes: float, seeds: int, threads: int, **paths: Path
) -> None:
    console = Console(soft_wrap=True, width=max(WIDTH, Console().width))
    plan = Plan(data, splits, peers, seeds, 60 * budget_minutes, threads)
    with bars(console, len(plan.runs)) as (overall, began, say):
        for record in Contest(plan, began, say).records():
            record.save(paths["out"])
            console.print(line(record), highlight=False)
            overall()
    tables = report.parts(stored(paths["out"]))
    for part in tables:
        console.print(table(part))
    if tables:
        write(tables, paths["page"])
        console.print(f"{paths['page']} rewritten")


@contextmanager
def bars(console: Console, runs: int) -> Iterator[tuple[Callable[[], None], Callable[[str], None], Say]]:
    """A bar of all runs and one of the time of the run at hand; as functions: one is done, one begins, it says."""
    columns = (TextColumn("{task.fields[words]}"), BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        overall = progress.add_task("", total=runs, words="runs")
        current = progress.add_task("", total=100, words="")
        title = ""

        def began(words: str) -> None:
            nonlocal title
            title = words
            progress.reset(current, total=100, words=words)

        def say(over: float, words: str) -> None:
            progress.update(current, completed=round(100 * over), words=f"{title}: {words[:60]}")

        yield lambda: progress.advance(overall), began, say


def line(record: RunRecord) -> str:
    """A run in a line, as it ends."""
    head = f"{record.setting.title}, {record.setting.split}, {PEERS[record.peer].name}, seed {record.seed}: "
    if record.failure:
        return f"{head}[red]{record.failure}[/red]"
    values = [sum(reading.ndcg) / len(reading.ndcg) for reading in record.gains.values()]
    took = record.tuning.wall_s + record.fitting.wall_s
    return f"{head}NDCG@10 {' / '.join(f'{value:.4f}' for value in values)} in {took:.1f} s; {record.settings}"


def table(part: report.Part) -> Table:
    shown = Table(*report.COLUMNS, title=f"{part.title} ({part.about})", title_justify="left", box=SIMPLE)
    for row in part.rows:
        shown.add_row(*report.texts(part, row))
    return shown


def write(tables: Sequence[report.Part], page: Path) -> None:
    picture.draw(tables, page.parent / report.PICTURE)
    page.write_text(rewritten(page.read_text(), report.markdown(tables), report.MARKERS))


if __name__ == "__main__":
    main()
