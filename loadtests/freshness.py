"""`python -m loadtests.freshness`: after a click, is the user's very next answer a new one, whichever worker gives it?

Every user asks, clicks the first item, and asks again at once over fresh connections. Until the item is gone from
the answer, the measurement asks on. Ends with status 1 where one answer was late.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from statistics import median

import click
from rich.console import Console

from loadtests import client, processes, world
from loadtests.client import Connection
from loadtests.server import Server, serving

PATH = "/recommend-items/shop/for-you/{}"
GIVE_UP_S = 0.25


@dataclass(frozen=True)
class Click:
    """One user's click: how long after its acknowledgement an answer showed it, and who did what."""

    delay_s: float  # infinite: not within the patience
    late: int  # of the answers asked for at once, those that did not show it yet
    taken_by: int | None  # the worker that took the event
    answered_by: tuple[int | None, ...]  # those that answered at once


@click.command(help=__doc__)
@click.option("--users", default=200, show_default=True, type=click.IntRange(1, 5_000))
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 16))
@click.option("--asks", default=2, show_default=True, type=click.IntRange(1, 16), help="Answers asked for at once.")
@click.option("--recipe", default=world.QUICK, show_default=True)
def main(users: int, workers: int, asks: int, recipe: str) -> None:
    console = Console(soft_wrap=True)
    with tempfile.TemporaryDirectory() as folder:
        world.prepare(Path(folder), world.Size(500, max(users, 1_000)), {"for-you": recipe}, console)
        with serving(Path(folder), workers) as server:
            clicks = asyncio.run(measure(server, users, asks))
    late = told(console, clicks)
    raise SystemExit(1 if late else 0)


async def measure(server: Server, users: int, asks: int) -> list[Click]:
    pids = server.worker_pids()
    return [await click_once(server.port, pids, world.user_name(number), asks) for number in range(users)]


async def click_once(port: int, pids: Sequence[int], user: str, asks: int) -> Click:
    path = PATH.format(user)
    before = await client.get(port, path)
    clicked = before.items()[0]
    connections = [await Connection.open(port) for _ in range(asks + 1)]
    try:
        taken = await connections[0].post("/events/shop", client.event(user, clicked))
        began = time.perf_counter()
        if taken.status != 200:
            raise RuntimeError(f"the event of {user} was answered with status {taken.status}: {taken.body!r}")
        answers = await asyncio.gather(*(connection.get(path) for connection in connections[1:]))
        seen = time.perf_counter() - began
        late = sum(answer.body == before.body or clicked in answer.items() for answer in answers)
        delay = seen if not late else await wait_for(port, path, clicked, began)
        holders = processes.holders(pids, port, [connection.port for connection in connections])
    finally:
        for connection in connections:
            connection.close()
    return Click(delay, late, holders[0], tuple(holders[1:]))


async def wait_for(port: int, path: str, clicked: str, began: float) -> float:
    while time.perf_counter() - began < GIVE_UP_S:
        if clicked not in (await client.get(port, path)).items():
            return time.perf_counter() - began
    return inf


def told(console: Console, clicks: Sequence[Click]) -> int:
    """The number of answers that were late."""
    late, asked = sum(each.late for each in clicks), sum(len(each.answered_by) for each in clicks)
    never = sum(each.delay_s == inf for each in clicks)
    delays = [each.delay_s * 1e3 for each in clicks]
    crossed = sum(holder != each.taken_by for each in clicks for holder in each.answered_by)
    took = Counter(each.taken_by for each in clicks)
    gave = Counter(holder for each in clicks for holder in each.answered_by)
    console.print(f"{len(clicks)} clicks, {asked} answers asked for at once: [bold]{late} late[/bold]")
    console.print(f"from acknowledgement to an answer that shows it: median {median(delays):.1f} ms, ", end="")
    console.print(f"most {max(delays):.1f} ms; {never} not within {GIVE_UP_S * 1e3:.0f} ms")
    console.print(f"events taken by worker: {shares(took)}; answers given by worker: {shares(gave)}")
    console.print(f"{crossed} answers came from another worker than the one that took the click")
    return late


def shares(counts: Counter[int | None]) -> str:
    return ", ".join(str(count) for _, count in counts.most_common())


if __name__ == "__main__":
    main()
