"""`python -m loadtests.replicas`: how soon does an answer of one server show what another has acknowledged?

Two servers, a folder each, share the log of `RECGATE_DATABASE_URL`, a PostgreSQL whose database is empty. One takes
events in batches at a rate; beside it users click there, and ask the other at once, until the clicked item is gone.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from math import inf
from pathlib import Path
from statistics import median
from typing import NamedTuple

import click
from rich.console import Console

from loadtests import client, events, world
from loadtests.client import Connection
from loadtests.flood import Flood, Flooded, quantile
from loadtests.freshness import PATH
from loadtests.server import Server, check_postgres, serving

USERS, BATCH, CONNECTIONS = 10_000, 10, 16
CLICKERS = 40_000  # who send nothing else
PAUSE_S = 0.02  # between two clicks
GIVE_UP_S = 2.0


class Shown(NamedTuple):
    acknowledged_s: float  # from sending the click
    answered_s: float  # from the acknowledgement to the end of the first answer
    shown_s: float  # to the end of an answer that shows it; infinite: not within the patience
    behind: bool  # the first answer said that it may be from before


@click.command(help=__doc__)
@click.option("--rate", default=2_000, show_default=True, type=click.IntRange(10, 100_000), help="Events/s.")
@click.option("--seconds", default=30.0, show_default=True, type=click.FloatRange(1, 600))
def main(rate: int, seconds: float) -> None:
    console = Console(soft_wrap=True)
    check_postgres()
    with tempfile.TemporaryDirectory() as folder, two_servers(Path(folder), console) as (taking, asked):
        flooded, clicks = asyncio.run(measure(taking, asked, rate, seconds))
    told(console, flooded, clicks, rate)
    raise SystemExit(any(each.shown_s == inf for each in clicks))


@contextmanager
def two_servers(folder: Path, console: Console) -> Iterator[list[Server]]:
    first, second = folder / "one", folder / "two"
    world.prepare(first, world.Size(events.ITEMS, USERS), {"for-you": world.QUICK}, console)
    shutil.copytree(first, second, ignore=shutil.ignore_patterns("doorbell*", "run"))
    with ExitStack() as stack:
        yield [stack.enter_context(serving(place, 1, config=events.CONFIG)) for place in (first, second)]


async def measure(taking: Server, asked: Server, rate: int, seconds: float) -> tuple[Flooded, list[Shown]]:
    load = Flood(taking.port, events.batches(USERS, BATCH), CONNECTIONS, rate / BATCH)
    flooding = asyncio.create_task(load.run(seconds))
    connections = [await Connection.open(server.port) for server in (taking, asked)]
    clicks, end = [], time.perf_counter() + seconds
    for number in range(USERS, USERS + CLICKERS):
        clicks.append(await click_and_ask(*connections, world.user_name(number)))
        await asyncio.sleep(PAUSE_S)
        if time.perf_counter() > end:
            break
    for connection in connections:
        connection.close()
    return await flooding, clicks


async def click_and_ask(taking: Connection, asked: Connection, user: str) -> Shown:
    path = PATH.format(user)
    clicked, began = (await asked.get(path)).items()[0], time.perf_counter()
    acknowledged = await taking.post("/events/shop", client.event(user, clicked))
    if acknowledged.status != 200:
        raise RuntimeError(f"the event of {user} was answered with {acknowledged.status}: {acknowledged.body!r}")
    heard = time.perf_counter()
    answer = first = await asked.get(path)
    answered = time.perf_counter() - heard
    shown = answered
    while clicked in answer.items():
        answer = await asked.get(path)
        shown = time.perf_counter() - heard
        if shown > GIVE_UP_S:
            shown = inf
            break
    return Shown(heard - began, answered, shown, "x-recgate-behind" in first.headers)


def told(console: Console, flooded: Flooded, clicks: list[Shown], rate: int) -> None:
    waits = flooded.waits_ms(200)
    console.print(f"{len(waits) * BATCH / flooded.seconds:,.0f} of {rate:,} events/s acknowledged, ", end="")
    console.print(f"p50 {quantile(waits, 0.5):.1f} ms, p99 {quantile(waits, 0.99):.1f} ms")
    for words, seconds in (
        ("from a click to its acknowledgement", [each.acknowledged_s for each in clicks]),
        ("from there to the other server's next answer", [each.answered_s for each in clicks]),
        ("from a click to an answer that shows it", [each.acknowledged_s + each.shown_s for each in clicks]),
    ):
        delays = sorted(each * 1e3 for each in seconds)
        console.print(f"{words}: median {median(delays):.1f} ms, p99 {quantile(delays, 0.99):.1f} ms, ", end="")
        console.print(f"most {delays[-1]:.1f} ms")
    late = sum(each.shown_s > each.answered_s for each in clicks)
    behind = sum(each.behind for each in clicks)
    console.print(f"{len(clicks):,} clicks: [bold]{late} answers from before them[/bold], {behind} said so")


if __name__ == "__main__":
    main()
