"""`python -m loadtests.events`: durable events through HTTP in batches; at half that rate, how soon answers show them.

Every batch is one user's, every event its own; each is acknowledged after the commit. Prints events per second, what an
event costs each process, and how long an acknowledgement takes. Then the same at half the rate, while users click and
ask at once for an answer without what they clicked.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from math import inf
from pathlib import Path
from statistics import median

import click
from rich.console import Console

from loadtests import freshness, processes, world
from loadtests.client import HOST
from loadtests.flood import Flood, Flooded, quantile
from loadtests.server import Server, serving

CONFIG = Path(__file__).with_name("events.yaml")
ITEMS = 2_000
MANY = 1_500  # connections, more than bodies are taken at once and may wait
CLICKERS = 5_000
PAUSE_S = 0.1  # between two clicks


@click.command(help=__doc__)
@click.option("--seconds", default=10.0, show_default=True, type=click.FloatRange(0.1, 600))
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 16))
@click.option("--users", default=10_000, show_default=True, type=click.IntRange(100, 50_000))
@click.option("--batch", default=10, show_default=True, type=click.IntRange(1, 100), help="Events of one request.")
@click.option("--connections", default=64, show_default=True, type=click.IntRange(1, 1_000))
@click.option("--rate", type=click.IntRange(1), help="Events/s of the second part; half of the first's if not said.")
def main(seconds: float, workers: int, users: int, batch: int, connections: int, rate: int | None) -> None:
    console = Console(soft_wrap=True)
    with tempfile.TemporaryDirectory() as folder:
        world.prepare(Path(folder), world.Size(ITEMS, users), {"for-you": world.QUICK}, console)
        with serving(Path(folder), workers, config=CONFIG) as server:
            load = partial(Flood, server.port, batches(users, batch))
            full = flood(console, server, seconds, load(connections), batch)
            half = (rate or full / 2) / batch
            asyncio.run(watched(console, server, seconds, load(connections, half), batch, users))
            deluge(console, server, seconds, load(MANY), batch)


def flood(console: Console, server: Server, seconds: float, load: Flood, batch: int) -> float:
    """Events acknowledged per second."""
    before = spent(server)
    flooded = asyncio.run(load.run(seconds))
    told(console, flooded, batch)
    told_cost(console, before, spent(server), len(flooded.waits_ms(200)) * batch)
    return len(flooded.waits_ms(200)) * batch / flooded.seconds


async def watched(console: Console, server: Server, seconds: float, load: Flood, batch: int, users: int) -> None:
    clicking = asyncio.create_task(clicks(server, users, seconds))
    flooded = await load.run(seconds)
    told(console, flooded, batch)
    delays = sorted(each.delay_s * 1e3 for each in await clicking)
    never = sum(delay == inf for delay in delays)
    console.print(f"{len(delays)} clicks: an answer shows them after {median(delays):.1f} ms (median), ", end="")
    console.print(f"at most {max(delays):.1f} ms; {never} not within {freshness.GIVE_UP_S * 1e3:.0f} ms")


async def clicks(server: Server, users: int, seconds: float) -> list[freshness.Click]:
    """Of users who send nothing else."""
    pids, end, made = server.worker_pids(), time.perf_counter() + seconds, []
    for number in range(users, users + CLICKERS):
        made.append(await freshness.click_once(server.port, pids, world.user_name(number), 1))
        await asyncio.sleep(PAUSE_S)
        if time.perf_counter() > end:
            break
    return made


def deluge(console: Console, server: Server, seconds: float, load: Flood, batch: int) -> None:
    """More than there is room for: refused at once, and memory does not grow."""
    before = processes.peak_mib(server.worker_pids())
    flooded = asyncio.run(load.run(seconds))
    told(console, flooded, batch)
    refused, grown = flooded.waits_ms(429), processes.peak_mib(server.worker_pids()) - before
    console.print(f"{MANY} connections: refused after {quantile(refused, 0.5):.1f} ms (median), ", end="")
    console.print(f"p99 {quantile(refused, 0.99):.1f} ms; the workers' memory has grown by {grown:.0f} MiB")


def batches(users: int, size: int) -> Iterator[bytes]:
    """Requests without end: a user's events, of a second of its own each."""
    number = 0
    while True:
        user, first = world.user_name(number % users), int(time.time())
        events = [
            {
                "eventType": "view",
                "itemId": world.item_name((number * 7 + k * 13) % ITEMS),
                "sentAt": first,
                "eventId": f"{number}-{k}",
            }
            for k in range(size)
        ]
        number += 1
        body = json.dumps({"sessionId": f"s-{user}", "userId": user, "eventList": events}).encode()
        head = f"POST /events/shop HTTP/1.1\r\nhost: {HOST}\r\ncontent-type: application/json\r\n"
        yield f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def spent(server: Server) -> dict[str, float]:
    """Processor time so far, seconds, by kind of process."""
    return {
        "workers": processes.cpu_s(server.worker_pids()),
        "jobs": processes.cpu_s(server.job_pids()),
        "load": time.process_time(),
    }


def told(console: Console, flooded: Flooded, batch: int) -> None:
    waits = flooded.waits_ms(200)
    console.print(f"[bold]{len(waits) * batch / flooded.seconds:,.0f} events/s[/bold] acknowledged, ", end="")
    console.print(f"p50 {quantile(waits, 0.5):.1f} ms, p99 {quantile(waits, 0.99):.1f} ms; ", end="")
    console.print(f"answers: {dict(flooded.statuses())}")


def told_cost(console: Console, before: dict[str, float], after: dict[str, float], events: int) -> None:
    costs = (f"{kind} {(after[kind] - before[kind]) / max(1, events) * 1e6:.1f}" for kind in after)
    console.print(f"µs of processor time an event: {', '.join(costs)}")


if __name__ == "__main__":
    main()
