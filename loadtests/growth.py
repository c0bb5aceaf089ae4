"""`python -m loadtests.growth`: 100 thousand, a million and ten million interactions, from a CSV to answers.

Each size has a data directory of its own. Its rows are imported by `recgate import`; a server takes live events; one
more day is imported on top of both, which makes a new snapshot of everything; models are trained by `recgate train`,
and asked. Prints the seconds of each step, how they grow from one size to the next, and the most memory that all
processes together had. Ends with status 1 where a step grows faster than the rows, or the memory is beyond its limit.
"""

from __future__ import annotations

import asyncio
import re
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from gateway.processes.supervisor import python
from loadtests import client
from loadtests.large_training import Peak
from loadtests.server import serving
from loadtests.world import FIRST_DAY, SPAN_S

CONFIG = Path(__file__).with_name("growth.yaml")
GROUP = "shop"
SIZES = (100_000, 1_000_000, 10_000_000)
LIMIT_MB = 6_000.0
STEADY = 1.25  # how much faster than the rows a step may grow, as measured
LITTLE_S = 5.0  # a step this short is mostly its start
MODELS = {"popular": "aws-popularity-count", "similar": "aws-similar-items", "for-you": "aws-user-personalization-v2"}
ROWS_A_USER, ROWS_AN_ITEM, ITEMS_A_TASTE = 20, 100, 100
FAITHFUL = 0.7  # how often somebody chooses by taste
LATER = 0.01  # of the rows: one more day
EVENTS, BATCH = 5_000, 10
ASKED = 200
CHUNK = 1_000_000  # rows drawn at once
HEADER = "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE\n"
TRACKING_ID, FORECAST = re.compile(r"trackingId (\S+)"), re.compile(r"forecast: (.+)")


@click.command(help=__doc__)
@click.option("--rows", type=click.IntRange(1_000), multiple=True, default=SIZES, show_default=True)
@click.option("--model", "models", type=click.Choice([*MODELS]), multiple=True, default=tuple(MODELS))
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help="A budget for each training.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="A new directory, which is kept.")
def main(rows: Sequence[int], models: Sequence[str], minutes: float | None, data: Path | None) -> None:
    console, measured = Console(soft_wrap=True), []
    with tempfile.TemporaryDirectory() as folder:
        for count in sorted(rows):
            run = Run(count, (data or Path(folder)) / str(count), console)
            run.measure(models, minutes)
            measured.append(run)
    console.print(table(measured))
    for step in (fast := too_fast(measured)):
        console.print(f"[bold]faster than the rows: {step}[/bold]")
    raise SystemExit(1 if fast or any(run.peak_mb > LIMIT_MB for run in measured) else 0)


class Run:
    """One size, measured."""

    def __init__(self, rows: int, folder: Path, console: Console) -> None:
        self.rows, self.peak_mb = rows, 0.0
        self.seconds: dict[str, float] = {}
        self.cpu_s: dict[str, float] = {}  # processor time of the processes that ended meanwhile
        self._folder, self._data, self._console = folder, folder / "data", console
        self._users, self._items = max(rows // ROWS_A_USER, 10), max(rows // ROWS_AN_ITEM, 10)

    def measure(self, models: Sequence[str], minutes: float | None) -> None:
        self._folder.mkdir(parents=True)
        first, later = self._folder / "first.csv", self._folder / "later.csv"
        write_csv(first, self.rows, self._users, self._items, FIRST_DAY)
        write_csv(later, int(self.rows * LATER), self._users, self._items, FIRST_DAY + SPAN_S)
        budget = [] if minutes is None else ["--minutes", str(minutes)]
        with Peak() as peak:
            said = self._command("import", "import", str(first), "--type", "interactions")
            tracking_id = TRACKING_ID.search(said)
            assert tracking_id is not None, said
            with self._timed(f"{EVENTS:,} events"), self._serving(tracking_id[1]) as port:
                asyncio.run(send_events(port, self._users, self._items))
            self._command("a day more", "import", str(later), "--type", "interactions", "--mode", "incremental")
            for name in models:
                said = self._command(f"train {name}", "train", name, "--recipe", MODELS[name], *budget)
                self._console.print(f"{self.rows:,} rows: forecast of {name}: {FORECAST.findall(said)}")
            with self._timed(f"{ASKED} answers of each"), self._serving(tracking_id[1]) as port:
                for name in models:
                    asyncio.run(ask(port, name, self._users, self._items))
        self.peak_mb = peak.megabytes
        self._console.print(f"[bold]{self.rows:,} rows: {self.peak_mb:,.0f} MB at the highest[/bold]")

    def _command(self, step: str, verb: str, *arguments: str) -> str:
        argv = python("gateway", verb, *arguments, "--group", GROUP, "--data", str(self._data))
        with self._timed(step):
            done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout

    @contextmanager
    def _serving(self, tracking_id: str) -> Iterator[int]:
        with serving(self._data, 1, config=CONFIG, environ={"TRACKING_ID": tracking_id}) as server:
            yield server.port

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        began, before = time.monotonic(), _spent_s()
        yield
        self.seconds[step] = time.monotonic() - began
        self.cpu_s[step] = _spent_s() - before
        words = f"{self.seconds[step]:,.1f} s, {self.cpu_s[step]:,.1f} s of processor time"
        self._console.print(f"{self.rows:,} rows: {step}: {words}")


def _spent_s() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def write_csv(file: Path, rows: int, users: int, items: int, first: int) -> None:
    """Rows by time. A few users and items have most of them, as in life, and most are of their user's taste."""
    chance = np.random.default_rng(7)
    tastes = max(items // ITEMS_A_TASTE, 1)
    with file.open("w", encoding="utf-8") as out:
        out.write(HEADER)
        for done in range(0, rows, CHUNK):
            count = min(CHUNK, rows - done)
            user = often(users, count, chance) * 7_919 % users
            place = often(-(-items // tastes), count, chance)
            taste = np.where(chance.random(count) < FAITHFUL, user % tastes, often(tastes, count, chance))
            item = (place * tastes + taste) % items
            at = first + (done + np.arange(count)) * SPAN_S // rows
            kind = chance.choice(["view", "click", "purchase"], count, p=[0.8, 0.15, 0.05])
            columns = zip(user.tolist(), item.tolist(), at.tolist(), kind.tolist(), strict=True)
            out.writelines(f"user-{user},item-{item},{at},{kind}\n" for user, item, at, kind in columns)


def often(count: int, size: int, chance: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """(size,) numbers below `count`, the lower the more often: by a power of their place, a little less than Zipf's."""
    return np.asarray(count * chance.random(size) ** 2, np.int64)


async def send_events(port: int, users: int, items: int) -> None:
    """Raises `RuntimeError` where one is not acknowledged."""
    connection = await client.Connection.open(port)
    for number in range(EVENTS // BATCH):
        user = number * 31 % users
        events = [{"eventType": "view", "itemId": f"item-{(number + each) % items}"} for each in range(BATCH)]
        body = {"sessionId": f"session-{user}", "userId": f"user-{user}", "eventList": events}
        answer = await connection.post(f"/events/{GROUP}", body)
        if answer.status != 200:
            raise RuntimeError(f"status {answer.status}: {answer.body!r}")
    connection.close()


async def ask(port: int, model: str, users: int, items: int) -> None:
    """Raises `RuntimeError` where an answer is none."""
    connection = await client.Connection.open(port)
    for number in range(ASKED):
        related = model == "similar"
        path = f"related-items/{GROUP}/{model}/item-" if related else f"recommend-items/{GROUP}/{model}/user-"
        answer = await connection.get(f"/{path}{number * 37 % (items if related else users)}")
        if answer.status != 200 or b'"itemId"' not in answer.body:
            raise RuntimeError(f"{path}: status {answer.status}: {answer.body!r}")
    connection.close()


def too_fast(measured: Sequence[Run]) -> list[str]:
    """The steps whose processor time grew faster than the rows."""
    return [
        f"{step} from {small.rows:,} to {large.rows:,} rows"
        for small, large in pairwise(measured)
        for step, seconds in large.cpu_s.items()
        if seconds > STEADY * max(small.cpu_s[step], LITTLE_S) * large.rows / small.rows
    ]


def table(measured: Sequence[Run]) -> Table:
    """Seconds and processor time of each step, and by how much more of it than the size before."""
    found = Table("step", *(f"{run.rows:,} rows" for run in measured), title="seconds (of processor time, growth)")
    for step in measured[-1].cpu_s:
        cells, before = [], 0.0
        for run in measured:
            growth = f", {run.cpu_s[step] / before:.1f} ×" if before else ""
            cells.append(f"{run.seconds[step]:,.1f} ({run.cpu_s[step]:,.1f}{growth})")
            before = run.cpu_s[step]
        found.add_row(step, *cells)
    found.add_row("most memory, MB", *(f"{run.peak_mb:,.0f}" for run in measured))
    return found


if __name__ == "__main__":
    main()
