"""`python -m loadtests.overload`: twice as many questions as a worker can answer, none of them in its cache.

First the capacity, by as many connections as keep the worker busy, and the time of an answer at half of it; then twice
the capacity for a while, and at once after that half of it again. Prints how long admitted answers took against the
unloaded ones, how soon the others were refused, and whether the server is as it was.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import Console

from loadtests import processes, world
from loadtests.client import HOST
from loadtests.flood import Flood, Flooded, quantile
from loadtests.server import Server, serving

PATH = "/recommend-items/shop/fresh/{}"
BUSY = 16  # connections that keep a worker busy without a queue
MANY = 256
REFUSED = (429, 503)


@click.command(help=__doc__)
@click.option(
    "--seconds", default=60.0, show_default=True, type=click.FloatRange(0.1, 600), help="Of twice the capacity."
)
@click.option("--items", default=50_000, show_default=True, type=click.IntRange(100, 1_000_000))
@click.option("--users", default=world.Size.users, show_default=True, type=click.IntRange(100, 100_000))
@click.option("--recipe", default=world.QUICK, show_default=True)
def main(seconds: float, items: int, users: int, recipe: str) -> None:
    console = Console(soft_wrap=True)
    mine, other = processes.cores()
    with tempfile.TemporaryDirectory() as folder:
        world.prepare(Path(folder), world.Size(items, users), {"for-you": recipe}, console)
        with serving(Path(folder), 1, mine) as server, processes.kept_to(other):
            short = min(10.0, seconds / 2)
            capacity = len(flood(server, users, short, BUSY, None).waits_ms(200)) / short
            console.print(f"capacity: {capacity:,.0f} answers/s")
            before = flood(server, users, short, MANY, capacity / 2)
            told(console, "half of it", before)
            during = flood(server, users, seconds, MANY, capacity * 2)
            after = flood(server, users, short, MANY, capacity / 2)
    told(console, "twice of it", during)
    told(console, "half again, at once", after)
    judged(console, before, during, after)


def flood(server: Server, users: int, seconds: float, connections: int, rate: float | None) -> Flooded:
    return asyncio.run(Flood(server.port, questions(users), connections, rate).run(seconds))


def questions(users: int) -> Iterator[bytes]:
    number = 0
    while True:
        yield f"GET {PATH.format(world.user_name(number % users))} HTTP/1.1\r\nhost: {HOST}\r\n\r\n".encode()
        number += 1


def told(console: Console, name: str, flooded: Flooded) -> None:
    waits, refused = flooded.waits_ms(200), flooded.waits_ms(*REFUSED)
    console.print(f"{name}: {len(waits) / flooded.seconds:,.0f} answers/s, ", end="")
    console.print(f"p50 {quantile(waits, 0.5):.1f} ms, p99 {quantile(waits, 0.99):.1f} ms; ", end="")
    console.print(f"refused {len(refused) / flooded.seconds:,.0f}/s, ", end="")
    console.print(f"p50 {quantile(refused, 0.5):.1f} ms, p99 {quantile(refused, 0.99):.1f} ms; ", end="")
    console.print(f"answers {dict(flooded.statuses())}")


def judged(console: Console, before: Flooded, during: Flooded, after: Flooded) -> None:
    first = sorted(each.seconds * 1e3 for each in after.done if each.at < 1.0 and each.status == 200)
    late = sum(each.status != 200 for each in after.done)
    ratio = quantile(during.waits_ms(200), 0.99) / quantile(before.waits_ms(200), 0.99)
    console.print(f"[bold]admitted p99 is {ratio:.1f} × the unloaded[/bold]; ", end="")
    console.print(f"in the first second after p99 {quantile(first, 0.99):.1f} ms, {late} refused in all after")


if __name__ == "__main__":
    main()
