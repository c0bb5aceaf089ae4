"""`python -m loadtests.training`: does a model that trains beside the server slow its answers?

One server, a fixed modest rate of requests, windows in turn: the job process held, and the job process training.
Answers are timed from the moment they were asked for, whether earlier ones have come or not. Ends with status 1
where the median ratio of the 99th percentiles is above 2.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from gateway.cli.local import Local, opened
from loadtests import processes, world
from loadtests.client import Answer, Connection
from loadtests.server import Server, serving

CACHED, UNCACHED = "/recommend-items/shop/for-you/{}", "/recommend-items/shop/fresh/{}"
SHARE = 20  # users whose cached answers are asked for
CONNECTIONS = 16
LIMIT = 2.0
START_S = 30.0
SETTLE_S = 0.5
QUICK_MODELS = {"for-you": world.QUICK}


class Window(NamedTuple):
    training: bool
    cached_s: list[float]
    uncached_s: list[float]
    hits: int
    job_cpu_s: float


@dataclass(frozen=True)
class Rates:
    cached: float
    uncached: float
    seconds: float


@click.command(help=__doc__)
@click.option("--recipe", default="aws-user-personalization-v2", show_default=True, help="What is trained.")
@click.option("--pairs", default=5, show_default=True, type=click.IntRange(1, 30), help="Of windows.")
@click.option("--seconds", default=8.0, show_default=True, type=click.FloatRange(1, 60), help="Of one window.")
@click.option("--cached", default=100.0, show_default=True, type=click.FloatRange(1, 1_000), help="Requests/s.")
@click.option("--uncached", default=20.0, show_default=True, type=click.FloatRange(1, 1_000), help="Requests/s.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 16))
@click.option("--users", default=10_000, show_default=True, type=click.IntRange(100, 50_000))
def main(recipe: str, pairs: int, seconds: float, cached: float, uncached: float, workers: int, users: int) -> None:
    console = Console(soft_wrap=True)
    rates = Rates(cached, uncached, seconds)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        world.prepare(data, world.Size(users=users, each=20), QUICK_MODELS, console)
        with serving(data, workers) as server, opened(data, Console(quiet=True)) as local:
            windows = asyncio.run(measure(server, Trainer(local, server, recipe), rates, pairs, users))
    console.print(table(windows))
    raise SystemExit(0 if told(console, windows) else 1)


class Trainer:
    """Keeps the server's job process busy with one recipe, or holds it."""

    def __init__(self, local: Local, server: Server, recipe: str) -> None:
        self._local, self._server, self._recipe = local, server, recipe
        self._solution = local.arn("solution/trained")

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """The job process stands still, whatever it is at."""
        (pid,) = self._server.job_pids()
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def ensure(self) -> None:
        """Return while a job trains. Raises `RuntimeError` where none begins."""
        deadline = time.monotonic() + START_S
        while self._state() != "running":
            if self._state() not in {"queued", "running"}:
                self.begin()
            if time.monotonic() > deadline:
                raise RuntimeError(f"no training begins; the last job: {self._local.engine.jobs.newest(1)}")
            time.sleep(0.1)

    def cpu_s(self) -> float:
        return processes.cpu_s(self._server.job_pids())

    def _state(self) -> str:
        own = (job for job in self._local.engine.jobs.newest() if job.arn.startswith(f"{self._solution}/"))
        return next((job.state for job in own), "none")

    def begin(self) -> None:
        self._local.ensure(
            "CreateSolution",
            name="trained",
            datasetGroupArn=self._local.arn(f"dataset-group/{world.GROUP}"),
            recipeArn=f"arn:aws:personalize:::recipe/{self._recipe}",
            performAutoTraining=False,
        )
        self._local.call("CreateSolutionVersion", solutionArn=self._solution)


# ---- the load


async def measure(server: Server, trainer: Trainer, rates: Rates, pairs: int, users: int) -> list[Window]:
    pool = Pool(server.port)
    await pool.warm()
    windows: list[Window] = []
    for _ in range(pairs):
        with trainer.held():
            windows.append(await window(pool, rates, users, trainer, training=False))
        await asyncio.to_thread(trainer.ensure)
        windows.append(await window(pool, rates, users, trainer, training=True))
    pool.close()
    return windows


class Pool:
    """Connections that stay open, so that both workers hold some; one more where all are in use."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[Connection] = []

    async def warm(self) -> None:
        """Every cached answer is in the cache of every worker that holds a connection."""
        self._idle = [await Connection.open(self._port) for _ in range(CONNECTIONS)]
        for connection in self._idle:
            for number in range(SHARE):
                await connection.get(CACHED.format(world.user_name(number)))

    async def get(self, path: str) -> Answer:
        connection = self._idle.pop(0) if self._idle else await Connection.open(self._port)
        answer = await connection.get(path)
        self._idle.append(connection)
        return answer

    def close(self) -> None:
        for connection in self._idle:
            connection.close()


async def window(pool: Pool, rates: Rates, users: int, trainer: Trainer, *, training: bool) -> Window:
    chance = random.Random(1)
    hits = 0

    async def cached() -> None:
        nonlocal hits
        answer = await pool.get(CACHED.format(world.user_name(chance.randrange(SHARE))))
        hits += checked(answer).headers["x-cache"] == "hit"

    async def uncached() -> None:
        checked(await pool.get(UNCACHED.format(world.user_name(chance.randrange(users)))))

    await asyncio.sleep(SETTLE_S)
    before = trainer.cpu_s()
    hot, cold = await asyncio.gather(
        at_rate(rates.cached, rates.seconds, cached), at_rate(rates.uncached, rates.seconds, uncached)
    )
    return Window(training, hot, cold, hits, trainer.cpu_s() - before)


def checked(answer: Answer) -> Answer:
    if answer.status != 200:
        raise RuntimeError(f"status {answer.status}: {answer.body!r}")
    return answer


async def at_rate(rate: float, seconds: float, ask: Callable[[], Awaitable[None]]) -> list[float]:
    """How long each took, of questions asked at fixed times."""
    began = time.perf_counter()

    async def timed() -> float:
        asked = time.perf_counter()
        await ask()
        return time.perf_counter() - asked

    running: list[asyncio.Task[float]] = []
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        running.append(asyncio.create_task(timed()))
    return list(await asyncio.gather(*running))


# ---- the verdict


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def ratios(windows: Sequence[Window], of: Callable[[Window], Sequence[float]], share: float) -> list[float]:
    """A training window's percentile over that of the held window before it."""
    held, trained = windows[::2], windows[1::2]
    return [percentile(of(b), share) / percentile(of(a), share) for a, b in zip(held, trained, strict=True)]


KINDS: dict[str, Callable[[Window], Sequence[float]]] = {
    "cached": lambda window: window.cached_s,
    "uncached": lambda window: window.uncached_s,
}


def table(windows: Sequence[Window]) -> Table:
    columns = ("answers", "percentile", "held, ms", "training, ms", "ratio, median of pairs", "min–max")
    shown = Table(*columns, box=SIMPLE)
    for kind, of in KINDS.items():
        for share in (0.5, 0.99):
            found = ratios(windows, of, share)
            held, trained = (
                median(percentile(of(each), share) * 1e3 for each in windows if each.training is training)
                for training in (False, True)
            )
            spread = f"{min(found):.2f}–{max(found):.2f}"
            shown.add_row(kind, f"p{share * 100:.0f}", f"{held:.2f}", f"{trained:.2f}", f"{median(found):.2f}", spread)
    return shown


def told(console: Console, windows: Sequence[Window]) -> bool:
    """Whether training is hardly felt."""
    hits, asked = sum(each.hits for each in windows), sum(len(each.cached_s) for each in windows)
    spent = [each.job_cpu_s for each in windows if each.training]
    console.print(
        f"{hits:,} of {asked:,} cached answers were hits; processor seconds of the job a training window: ", end=""
    )
    console.print(", ".join(f"{each:.1f}" for each in spent))
    worst = max(median(ratios(windows, of, 0.99)) for of in KINDS.values())
    console.print(
        f"[bold]p99 while a model trains: {worst:.2f} times what it is otherwise[/bold]; the limit is {LIMIT:.0f}"
    )
    return worst <= LIMIT


if __name__ == "__main__":
    main()
