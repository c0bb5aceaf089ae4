"""`python -m loadtests.crash`: processes of a server under event load are killed at random, and no event may be lost.

A sender repeats an event until it is acknowledged, as a careful client does; the event's id makes the repetition
harmless. In the end every acknowledged event must be in the log, and none twice. Ends with status 1 otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import NamedTuple

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from engine import AlreadyExists, EngineError
from engine.data.entries import Interaction, read_interaction
from gateway.cli.local import Local, opened
from loadtests import client, processes, world
from loadtests.client import Connection
from loadtests.server import Server

SENDERS = 8
PAUSE_S = 0.02  # before an event is repeated
SETTLE_S = 120.0
JOBS_S = 300.0  # jobs have the lowest priority: on a busy machine they hardly run
DRAIN_S = 8.0
VICTIMS = ("a worker", "the supervisor", "the jobs", "all at once")
MODELS = {"for-you": world.QUICK, "more-like-this": "aws-sims"}
RETRAINED = "more-like-this"  # takes a second or two, so that kills hit it at work


class Verdict(NamedTuple):
    lost: int  # acknowledged and not in the log
    doubled: int  # in the log more than once
    unknown: int  # in the log and never sent


@dataclass
class Sent:
    """What the senders did; filled by one thread."""

    tried: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)
    repeated: int = 0
    refused: Counter[int] = field(default_factory=Counter)  # by status


class Kill(NamedTuple):
    victim: str
    back_s: float  # until the server was ready and all its processes there
    starts: int  # of the server: 0 where its supervisor lived, and 1 unless a start failed


@click.command(help=__doc__)
@click.option("--rounds", default=20, show_default=True, type=click.IntRange(1, 200))
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 16))
@click.option("--seed", default=1, show_default=True)
def main(rounds: int, workers: int, seed: int) -> None:
    console = Console(soft_wrap=True)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        world.prepare(data, world.Size(1_000, 5_000), MODELS, console)
        server = Server(data, workers)
        server.start()
        try:
            with loading(server.port) as sent:
                kills = [kill_once(server, victim, data) for victim in victims(rounds, random.Random(seed))]
            unfinished = wait_for_jobs(data)
            answers = asyncio.run(client.get(server.port, "/recommend-items/shop/for-you/u00001")).status
        finally:
            server.stop()
            orphans = bury(data)
        verdict = judged(sent.acknowledged, sent.tried, logged(data))
    console.print(table(kills))
    good = told(console, sent, verdict, answers, unfinished, orphans)
    raise SystemExit(0 if good else 1)


# ---- the load


@contextlib.contextmanager
def loading(port: int) -> Iterator[Sent]:
    sent, stop = Sent(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(send_all(port, sent, stop)))
    thread.start()
    try:
        yield sent
    finally:
        stop.set()
        thread.join()


async def send_all(port: int, sent: Sent, stop: threading.Event) -> None:
    await asyncio.gather(*(send(port, f"{sender}", sent, stop) for sender in range(SENDERS)))


async def send(port: int, sender: str, sent: Sent, stop: threading.Event) -> None:
    """One event after the other, each until it is acknowledged."""
    connection: Connection | None = None
    number = 0
    while not stop.is_set():
        name, number = f"e-{sender}-{number}", number + 1
        user = world.user_name(number % 1_000)
        body = client.event(user, world.item_name(number % 500), eventId=name)
        sent.tried.add(name)
        while name not in sent.acknowledged:
            try:
                connection = connection or await Connection.open(port)
                status = (await connection.post("/events/shop", body)).status
            except OSError:
                connection, status = None, 0
            if status == 200:
                sent.acknowledged.add(name)
            elif stop.is_set():
                return
            else:
                sent.repeated += 1
                sent.refused[status] += status != 0
                await asyncio.sleep(PAUSE_S)


# ---- the kills


def victims(rounds: int, chance: random.Random) -> Iterator[str]:
    """Each kind as often as the others, in random order, after a random time of load."""
    order = [VICTIMS[turn % len(VICTIMS)] for turn in range(rounds)]
    chance.shuffle(order)
    for victim in order:
        time.sleep(chance.uniform(0.2, 1.0))
        yield victim


def kill_once(server: Server, victim: str, data: Path) -> Kill:
    retrain(data)
    family = server.family()
    of: dict[str, Callable[[], list[int]]] = {
        "a worker": lambda: server.worker_pids()[:1],
        "the supervisor": lambda: family[:1],
        "the jobs": server.job_pids,
        "all at once": lambda: family,
    }
    targets = of[victim]()
    began = time.monotonic()
    for pid in targets:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    starts = 0
    if family[0] in targets:
        server.running.wait()
        starts = start_again(server)
    else:
        wait_until(lambda: replaced(server, targets), "the killed process was not started again")
    return Kill(victim, time.monotonic() - began, starts)


def start_again(server: Server) -> int:
    """How many attempts it took."""
    for attempt in range(1, 4):
        try:
            server.start()
        except RuntimeError:
            if attempt == 3:
                raise
        else:
            return attempt
    raise AssertionError("unreachable")


def bury(data: Path) -> list[str]:
    """The processes that outlived every server of this directory, by name; they are killed."""
    deadline = time.monotonic() + DRAIN_S
    while (left := processes.naming(str(data))) and time.monotonic() < deadline:
        time.sleep(0.1)
    found = [processes.name(pid) for pid in left]
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return found


def replaced(server: Server, gone: Iterable[int]) -> bool:
    return server.whole() and not {*gone} & {*server.family()}


def wait_until(true: Callable[[], bool], message: str) -> None:
    deadline = time.monotonic() + SETTLE_S
    while not true():
        if time.monotonic() > deadline:
            raise RuntimeError(message)
        time.sleep(0.02)


# ---- jobs


def retrain(data: Path) -> None:
    """Have a model trained, unless one is."""
    with quiet(data) as local:
        if not unfinished_jobs(local):
            with contextlib.suppress(AlreadyExists, EngineError):
                local.call("CreateSolutionVersion", solutionArn=local.arn(f"solution/{RETRAINED}"))


def unfinished_jobs(local: Local) -> int:
    return sum(job.state in {"queued", "running"} for job in local.engine.jobs.newest(1_000))


def wait_for_jobs(data: Path) -> int:
    """How many jobs are neither done nor failed in the end."""
    with quiet(data) as local:
        deadline = time.monotonic() + JOBS_S
        while unfinished_jobs(local) and time.monotonic() < deadline:
            time.sleep(0.2)
        return unfinished_jobs(local)


@contextlib.contextmanager
def quiet(data: Path) -> Iterator[Local]:
    with opened(data, Console(quiet=True)) as local:
        yield local


# ---- the verdict


def events_in(data: Path) -> Iterator[tuple[str, Interaction]]:
    """All events in the log, each with its dataset group."""
    with quiet(data) as local:
        after = 0
        while records := local.engine.log.read(after):
            after = records[-1].seq
            yield from ((each.group, read_interaction(each.body)) for each in records if each.kind == "event")


def logged(data: Path) -> list[str]:
    """The ids of all events in the log."""
    return [event.event_id or "" for _, event in events_in(data)]


def judged(acknowledged: Set[str], tried: Set[str], in_log: Iterable[str]) -> Verdict:
    counts = Counter(in_log)
    return Verdict(
        lost=len(acknowledged - counts.keys()),
        doubled=sum(count > 1 for count in counts.values()),
        unknown=len(counts.keys() - tried),
    )


def table(kills: Iterable[Kill]) -> Table:
    shown = Table("killed", "times", "serving again, median s", "most s", "server starts", box=SIMPLE)
    for victim in VICTIMS:
        mine = [kill for kill in kills if kill.victim == victim]
        if mine:
            back, starts = [kill.back_s for kill in mine], sum(kill.starts for kill in mine)
            shown.add_row(victim, str(len(mine)), f"{median(back):.2f}", f"{max(back):.2f}", str(starts))
    return shown


def told(console: Console, sent: Sent, verdict: Verdict, status: int, unfinished: int, orphans: Sequence[str]) -> bool:
    """Whether all is well."""
    refused = ", ".join(f"{count} × {status}" for status, count in sorted(sent.refused.items()) if count) or "none"
    console.print(f"{len(sent.acknowledged):,} events acknowledged, {sent.repeated:,} repeated; refused: {refused}")
    console.print(f"[bold]{verdict.lost} lost, {verdict.doubled} stored twice, {verdict.unknown} never sent[/bold]")
    console.print(f"answers in the end with status {status}; {unfinished} jobs neither done nor failed")
    console.print(f"processes that outlived their supervisor: {', '.join(orphans) or 'none'}")
    return verdict == Verdict(0, 0, 0) and status == 200 and not unfinished and not orphans


if __name__ == "__main__":
    main()
