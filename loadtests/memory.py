"""`python -m loadtests.memory`: what an answer, a user and an item cost, what a large shop needs, and a soak.

Memory is the proportional set size of the process group: supervisor, workers and job process, shared pages counted
once. Each figure is the difference between two servers, or of one server before and after, over what was added.
Ends with status 1 where the shop needs more than it may, or the soak finds growth.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import click
from rich.console import Console

from loadtests import client, processes, world
from loadtests.server import Server, serving

CACHED, UNCACHED = "/recommend-items/shop/for-you/{}", "/recommend-items/shop/fresh/{}"
CONNECTIONS = 16
MODELS = {"for-you": world.QUICK}
LIMIT_MB = 2_000
SOAK_MEGABYTES = 8  # that the soaked worker's cache may hold
SOAK_USERS = 20_000
GROWTH = 1.1  # of the second half's peak over the first half's, at most
EVENT_SHARE = 0.05  # of what the soak sends
PERIOD_S = 1.0  # between two looks


class Look(NamedTuple):
    at_s: float
    pss_mib: float
    cache_bytes: float
    evicted: float


@click.command(help=__doc__)
@click.option("--users", default=1_000_000, show_default=True, type=click.IntRange(1_000, 1_000_000))
@click.option("--items", default=100_000, show_default=True, type=click.IntRange(100, 100_000))
@click.option("--each", default=5, show_default=True, type=click.IntRange(1, 50), help="Interactions of a user.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 16))
@click.option("--answers", default=20_000, show_default=True, type=click.IntRange(500, 500_000), help="To be cached.")
@click.option("--minutes", default=10.0, show_default=True, type=click.FloatRange(0, 600), help="Of soak; 0: none.")
def main(users: int, items: int, each: int, workers: int, answers: int, minutes: float) -> None:
    console = Console(soft_wrap=True)
    small = world.Size(items=max(100, items // 10), users=max(1_000, users // 10), each=each)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        answer_bytes, counted = an_answer(folder / "answer", answers, console)
        console.print(f"a cached answer: {answer_bytes:,.0f} bytes of memory; the cache counts {counted:,.0f}")
        base = group_mib(folder / "small", small, workers, answers, console)
        more_users = group_mib(folder / "users", world.Size(small.items, users, each), workers, answers, console)
        whole = group_mib(folder / "whole", world.Size(items, users, each), workers, answers, console)
        told(console, small, world.Size(items, users, each), (base, more_users, whole))
        good = whole < LIMIT_MB * 1e6 / 2**20
        if minutes:
            good &= soaked(console, soak(folder / "soak", minutes * 60, console))
    raise SystemExit(0 if good else 1)


def told(console: Console, small: world.Size, large: world.Size, mib: tuple[float, float, float]) -> None:
    base, more_users, whole = mib
    a_user = (more_users - base) * 2**20 / (large.users - small.users)
    an_item = (whole - more_users) * 2**20 / (large.items - small.items)
    console.print(f"a user with {large.each} interactions: {a_user:,.0f} bytes; an item: {an_item:,.0f} bytes")
    console.print(
        f"[bold]{large.users:,} users with history, {large.items:,} items: {whole * 2**20 / 1e6:,.0f} MB[/bold]"
        f" of {LIMIT_MB:,}, all processes together"
    )


# ---- what there is, while nothing changes


def an_answer(data: Path, answers: int, console: Console) -> tuple[float, float]:
    """Bytes that one answer adds to a worker, and that the cache counts for it."""
    world.prepare(data, world.Size(users=answers), MODELS, console)
    with serving(data, 1, environ={"CACHE_MEGABYTES": "4096"}) as server:
        asyncio.run(ask_all(server.port, UNCACHED, map(world.user_name, range(answers))))  # touches all but the cache
        before, cached = processes.pss_mib(server.worker_pids()), gauge(server.port, "recgate_cache_bytes")
        asyncio.run(ask_all(server.port, CACHED, map(world.user_name, range(answers))))
        grown = processes.pss_mib(server.worker_pids()) - before
        return grown * 2**20 / answers, (gauge(server.port, "recgate_cache_bytes") - cached) / answers


def group_mib(data: Path, size: world.Size, workers: int, answers: int, console: Console) -> float:
    """Of a server that has answered users from all over the shop, so that it has touched its data."""
    world.prepare(data, size, MODELS, console)
    chance = random.Random(1)
    asked = (world.user_name(chance.randrange(size.users)) for _ in range(answers))
    with serving(data, workers) as server:
        asyncio.run(ask_all(server.port, UNCACHED, asked))
        return processes.pss_mib(server.family())


async def ask_all(port: int, path: str, users: Iterable[str]) -> None:
    shared = iter(users)

    async def ask() -> None:
        connection = await client.Connection.open(port)
        for user in shared:
            answer = await connection.get(path.format(user))
            if answer.status != 200:
                raise RuntimeError(f"status {answer.status}: {answer.body!r}")
        connection.close()

    await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))


def gauge(port: int, name: str) -> float:
    """The sum of a measurement's lines on the page of all workers."""
    page = asyncio.run(client.get(port, "/metrics")).body.decode()
    return summed(page, name)


def summed(page: str, name: str) -> float:
    lines = (line for line in page.splitlines() if line.startswith((f"{name} ", f"{name}{{")))
    return sum(float(line.rpartition(" ")[2]) for line in lines)


# ---- what there is, while everything changes


def soak(data: Path, seconds: float, console: Console) -> list[Look]:
    """Many more users than the cache can hold, as fast as one worker answers, with events among them; a look each
    second. They have histories: those without share one answer."""
    world.prepare(data, world.Size(users=SOAK_USERS), MODELS, console)
    with serving(data, 1, environ={"CACHE_MEGABYTES": str(SOAK_MEGABYTES)}) as server:
        return asyncio.run(_soak(server, seconds))


async def _soak(server: Server, seconds: float) -> list[Look]:
    numbers = itertools.cycle(range(SOAK_USERS))
    chance, ends = random.Random(1), time.monotonic() + seconds

    async def churn() -> None:
        connection = await client.Connection.open(server.port)
        while time.monotonic() < ends:
            if chance.random() < EVENT_SHARE:
                user, item = (world.user_name(chance.randrange(1_000)), world.item_name(chance.randrange(2_000)))
                answer = await connection.post("/events/shop", client.event(user, item))
            else:
                answer = await connection.get(CACHED.format(world.user_name(next(numbers))))
            if answer.status != 200:
                raise RuntimeError(f"status {answer.status}: {answer.body!r}")
        connection.close()

    churning = [asyncio.create_task(churn()) for _ in range(CONNECTIONS)]
    looks = []
    began = time.monotonic()
    while time.monotonic() < ends:
        await asyncio.sleep(PERIOD_S)
        page = (await client.get(server.port, "/metrics")).body.decode()
        measured = (summed(page, name) for name in ("recgate_cache_bytes", "recgate_cache_evictions_total"))
        looks.append(Look(time.monotonic() - began, processes.pss_mib(server.worker_pids()), *measured))
    await asyncio.gather(*churning)
    return looks


def soaked(console: Console, looks: Sequence[Look]) -> bool:
    """Whether the cache stayed below its ceiling, and the worker stopped growing."""
    half = len(looks) // 2
    first, second = (max(look.pss_mib for look in part) for part in (looks[:half], looks[half:]))
    most = max(look.cache_bytes for look in looks)
    ceiling = SOAK_MEGABYTES * 2**20
    console.print(
        f"soak of {looks[-1].at_s:.0f} s: {looks[-1].evicted:,.0f} answers pushed out; the cache held at most"
        f" {most / 2**20:.1f} of {SOAK_MEGABYTES} MiB; the worker at most {first:.0f} MiB in the first half,"
        f" {second:.0f} in the second"
    )
    return looks[-1].evicted > 0 and most <= ceiling and second <= GROWTH * first


if __name__ == "__main__":
    main()
