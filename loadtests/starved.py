"""`python -m loadtests.starved`: do events and answers wait for a job process that may not run?

One server, a steady modest rate of events and answers, and three phases: the job process is stopped and continued at
random (SIGSTOP, SIGCONT); it is at nice 19 beside eight busy loops; and it trains. A job is under way in each, and must
end. Ends with status 1 where it does not, where anything fails, or where the 99th percentile of `POST /events` is above
250 ms.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from gateway.cli.local import Local, opened
from loadtests import processes, world
from loadtests.client import Answer, Connection
from loadtests.server import Server, serving
from loadtests.training import Trainer, at_rate, percentile

LIMIT_S = 0.25
LOOPS = 8
BATCH = 10  # events of one body
STOPPED_S = (0.05, 1.5)  # at least and at most
RUNNING_S = (0.02, 0.5)
END_S = 600.0
IDLE_S = 30.0  # of a connection; the server keeps it for 75
WIDTH = 110
MODELS = {"for-you": world.QUICK}
ASKED = "/recommend-items/shop/for-you/{}"


class Phase(NamedTuple):
    name: str
    events_s: list[float]
    answers_s: list[float]
    failed: int
    is_ended: bool  # the job


@click.command(help=__doc__)
@click.option("--minutes", default=1.0, show_default=True, type=click.FloatRange(0.01, 60), help="Of each phase.")
@click.option("--events", default=20.0, show_default=True, type=click.FloatRange(1, 500), help="Bodies/s.")
@click.option("--answers", default=50.0, show_default=True, type=click.FloatRange(1, 500), help="Requests/s.")
@click.option("--recipe", default="aws-user-personalization-v2", show_default=True, help="What is trained.")
@click.option("--users", default=2_000, show_default=True, type=click.IntRange(100, 50_000))
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 16))
@click.option("--seed", default=1, show_default=True)
def main(minutes: float, events: float, answers: float, recipe: str, users: int, workers: int, seed: int) -> None:
    console = Console(soft_wrap=True, width=max(WIDTH, Console().width))
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        world.prepare(data, world.Size(items=500, users=users, each=20), MODELS, console)
        with serving(data, workers) as server, opened(data, Console(quiet=True)) as local:
            trainer, chance = Trainer(local, server, recipe), random.Random(seed)
            burdens: dict[str, Callable[[], AbstractContextManager[None]]] = {
                "stopped at random": lambda: stopping(server, chance),
                f"nice 19 beside {LOOPS} busy loops": lambda: starving(server),
                "training": contextlib.nullcontext,
            }
            phases = []
            for name, burden in burdens.items():
                trainer.ensure()
                with burden(), kept_busy(local, trainer):
                    load = Load(server.port, users, chance)
                    failed = asyncio.run(load.run(events, answers, minutes * 60))
                phases.append(Phase(name, load.events_s, load.answers_s, failed, has_ended(local)))
    console.print(table(phases))
    raise SystemExit(0 if is_good(console, phases) else 1)


# ---- what the job process suffers


@contextlib.contextmanager
def stopping(server: Server, chance: random.Random) -> Iterator[None]:
    """It is stopped and continued by a process of its own, which a busy load can't hold up."""
    (pid,) = server.job_pids()
    script = (
        "import os, random, signal, sys, time\n"
        "pid, chance = int(sys.argv[1]), random.Random(int(sys.argv[2]))\n"
        f"while True:\n"
        f"    os.kill(pid, signal.SIGSTOP); time.sleep(chance.uniform(*{STOPPED_S}))\n"
        f"    os.kill(pid, signal.SIGCONT); time.sleep(chance.uniform(*{RUNNING_S}))\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(pid), str(chance.randrange(1 << 30))]) as stopper:
        try:
            yield
        finally:
            stopper.kill()
            stopper.wait()
            os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def starving(server: Server) -> Iterator[None]:
    """Its threads stand as far back as they can, beside loops that want all of the processor."""
    (pid,) = server.job_pids()
    before = os.getpriority(os.PRIO_PROCESS, pid)
    stand(pid, 19)
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(LOOPS)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
        with contextlib.suppress(PermissionError):  # only root may give it back
            stand(pid, before)


def stand(pid: int, niceness: int) -> None:
    """Sets how far back all threads of a process stand, but for those that end meanwhile."""
    for task in (processes.PROC / str(pid) / "task").iterdir():
        with contextlib.suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, int(task.name), niceness)


@contextlib.contextmanager
def kept_busy(local: Local, trainer: Trainer) -> Iterator[None]:
    """A training follows the one that has ended."""
    ending = threading.Event()

    def begin() -> None:
        while not ending.wait(1.0):
            if not local.engine.jobs.unfinished_jobs():
                trainer.begin()

    beginning = threading.Thread(target=begin)
    beginning.start()
    try:
        yield
    finally:
        ending.set()
        beginning.join()


# ---- what callers see


class Load:
    """Events and answers at fixed times, whether earlier ones have come or not."""

    def __init__(self, port: int, users: int, chance: random.Random) -> None:
        self.events_s: list[float] = []
        self.answers_s: list[float] = []
        self._port, self._users, self._chance, self._failed = port, users, chance, 0
        self._idle: list[tuple[float, Connection]] = []  # since when, the last used at the end

    async def run(self, events: float, answers: float, seconds: float) -> int:
        """How many failed."""
        self.events_s, self.answers_s = await asyncio.gather(
            at_rate(events, seconds, self._send), at_rate(answers, seconds, self._ask)
        )
        for _, connection in self._idle:
            connection.close()
        return self._failed

    async def _send(self) -> None:
        user = world.user_name(self._chance.randrange(self._users))
        clicks = [{"eventType": "view", "itemId": world.item_name(self._chance.randrange(500))} for _ in range(BATCH)]
        body = {"sessionId": f"s-{user}", "userId": user, "eventList": clicks}
        await self._exchange(lambda connection: connection.post("/events/shop", body))

    async def _ask(self) -> None:
        path = ASKED.format(world.user_name(self._chance.randrange(self._users)))
        await self._exchange(lambda connection: connection.get(path))

    async def _exchange(self, exchange: Callable[[Connection], Awaitable[Answer]]) -> None:
        try:
            connection = await self._connection()
            answer = await exchange(connection)
        except OSError:
            self._failed += 1
            return
        self._failed += answer.status != 200
        self._idle.append((time.monotonic(), connection))

    async def _connection(self) -> Connection:
        """One that the server has not closed for being idle: of many that a burst has opened most are."""
        while self._idle:
            since, connection = self._idle.pop()
            if time.monotonic() - since < IDLE_S:
                return connection
            connection.close()
        return await Connection.open(self._port)


def has_ended(local: Local) -> bool:
    """Whether all jobs end in time, once nothing is in their way, and none has failed."""
    deadline = time.monotonic() + END_S
    while local.engine.jobs.unfinished_jobs() and time.monotonic() < deadline:
        time.sleep(0.2)
    return all(job.state == "done" for job in local.engine.jobs.newest(100))


# ---- the verdict


def table(phases: Sequence[Phase]) -> Table:
    columns = ("phase", "of", "count", "p50, ms", "p99, ms", "most, ms", "failed", "the job")
    shown = Table(*columns, box=SIMPLE)
    for phase in phases:
        for what, times in (("POST /events", phase.events_s), ("answers", phase.answers_s)):
            figures = (percentile(times, 0.5), percentile(times, 0.99), max(times))
            ended = "ended" if phase.is_ended else "did not end"
            shown.add_row(
                phase.name,
                what,
                f"{len(times):,}",
                *(f"{each * 1e3:.1f}" for each in figures),
                str(phase.failed),
                ended,
            )
    return shown


def is_good(console: Console, phases: Sequence[Phase]) -> bool:
    worst = max(percentile(phase.events_s, 0.99) for phase in phases)
    console.print(f"[bold]p99 of POST /events at most {worst * 1e3:.1f} ms[/bold]; the limit is {LIMIT_S * 1e3:.0f} ms")
    return worst <= LIMIT_S and all(phase.is_ended and not phase.failed for phase in phases)


if __name__ == "__main__":
    main()
