"""`python -m loadtests.misses`: answers that nobody has cached, from one core.

Every request is a personal list of 25 items, filtered by what the user did and by a column of the items, and decorated.
First as many as the server can give to some connections, then half as many at random moments, whoever waits; delays
count from when a request should have been sent. Data and model are kept in --data for the next run.
"""

from __future__ import annotations

import asyncio
import csv
import json
import math
import random
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

import click
from rich.console import Console

from engine.data.snapshot import Snapshot
from engine.recipe import Model, Progress
from engine.recipes import RECIPES
from gateway.cli.import_data import import_file
from gateway.cli.local import Local, opened
from gateway.cli.train import deploy, pairs, train
from loadtests import client, processes, wrk
from loadtests.blend import factored
from loadtests.client import Connection
from loadtests.server import Server, serving
from loadtests.world import FIRST_DAY, GROUP, SPAN_S, Row, Size, item_name, schema, user_name, zipf

CONFIG = Path(__file__).with_name("misses.yaml")
DATA = Path(".cache") / "misses"
PATH = "/recommend-items/shop/fresh/u%05d"
CATEGORIES, NEAR = 50, 20
GOES_ON = 0.7  # how often the next item is one shortly after the last
WARM_S = 5  # at most, in which most users are met
CONNECTIONS = 64  # of those that come at random moments
COLUMNS = {
    "INTERACTIONS": {"USER_ID": "string", "ITEM_ID": "string", "TIMESTAMP": "long", "EVENT_TYPE": "string"},
    "ITEMS": {"ITEM_ID": "string", "TITLE": ["null", "string"], "PRICE": "float", "CATEGORY": ["null", "string"]},
}


class Told(NamedTuple):
    """`rate` and `cpu_us` at the limit; delays at half of it."""

    rate: float
    cpu_us: float
    half_rate: float
    half_cpu_us: float
    p50_ms: float
    p99_ms: float
    failed: int  # at the limit, by waiting two seconds or more, too


@click.command(help=__doc__)
@click.option("--items", default=50_000, show_default=True, type=click.IntRange(100, 5_000_000))
@click.option("--users", default=5_000, show_default=True, type=click.IntRange(100, 50_000))
@click.option("--events", default=50, show_default=True, type=click.IntRange(1, 500), help="Of every user.")
@click.option("--recipe", default="aws-user-personalization-v2", show_default=True)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A hyperparameter of the recipe.")
@click.option("--factors", is_flag=True, help="Factors as vectors, in a blend of given weights: made in minutes.")
@click.option("--exact", is_flag=True, help="No index, however large the catalogue.")
@click.option("--seconds", default=5.0, show_default=True, type=click.FloatRange(0.1, 60), help="Of each part.")
@click.option("--connections", default=32, show_default=True, type=click.IntRange(1, 64), help="At the limit.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1, 20))
@click.option("--data", default=DATA, show_default=True, type=click.Path(path_type=Path, file_okay=False))
def main(
    items: int,
    users: int,
    events: int,
    recipe: str,
    settings: Sequence[str],
    factors: bool,
    exact: bool,
    seconds: float,
    connections: int,
    rounds: int,
    data: Path,
) -> None:
    if shutil.which("wrk") is None:
        raise click.ClickException("not installed: wrk")
    console = Console(soft_wrap=True)
    place = data / "-".join((recipe, *(["factors"] * factors), *(["exact"] * exact), f"{items}-{users}-{events}"))
    with _changed(recipe, factors, exact):
        prepare(place, Size(items, users, events), recipe, settings, console)
    core, load_core = processes.cores()
    with serving(place, 1, core, CONFIG) as server:
        sample = asyncio.run(client.get(server.port, PATH % 0))
        shown = json.loads(sample.body)["itemList"]
        if sample.status != 200 or len(shown) != 25 or "title" not in shown[0].get("metadata", {}):
            raise click.ClickException(f"not the answer that is measured: {sample.status} {sample.body[:300]!r}")
        wrk.drive(wrk.Load(server.port, PATH, users), min(WARM_S, seconds), load_core, connections)
        time.sleep(1)  # what was refused meanwhile is forgotten
        for _ in range(rounds):
            console.print(line(measure(server, users, seconds, load_core, connections)))
        console.print(f"peak memory of all processes: {processes.peak_mib(server.family()):.0f} MiB")


@contextmanager
def _changed(name: str, factors: bool, exact: bool) -> Iterator[None]:
    """The recipe as this process trains it; a server answers with its models as with any."""
    own = RECIPES[name]
    quick = replace(own, train=_factored, again=lambda model, *_: model) if factors else own
    RECIPES[name] = replace(quick, index=None) if exact else quick
    try:
        yield
    finally:
        RECIPES[name] = own


def _factored(snapshot: Snapshot, params: object, seed: int, progress: Progress) -> Model:
    return factored(snapshot, seed, progress)


def line(told: Told) -> str:
    return (
        f"{told.rate:,.0f} answers/s, {told.cpu_us:.0f} µs of CPU each; "
        f"at {told.half_rate:,.0f}/s: {told.half_cpu_us:.0f} µs each, "
        f"p50 {told.p50_ms:.1f} ms, p99 {told.p99_ms:.1f} ms; {told.failed} failed"
    )


def measure(server: Server, users: int, seconds: float, load_core: tuple[int], connections: int) -> Told:
    pids, before = server.family(), processes.cpu_s(server.family())
    report = wrk.drive(wrk.Load(server.port, PATH, users), seconds, load_core, connections)
    answered = report.requests - report.failed
    between, half = processes.cpu_s(pids), max(answered, 1) / report.seconds / 2
    delays = asyncio.run(arriving(server.port, users, half, seconds))
    spent = processes.cpu_s(pids) - between
    percentiles = quantiles(delays, n=100)
    return Told(
        answered / report.seconds,
        (between - before) * 1e6 / max(answered, 1),
        half,
        spent * 1e6 / len(delays),
        percentiles[49] * 1e3,
        percentiles[98] * 1e3,
        report.failed,
    )


# ---- requests at random moments


async def arriving(port: int, users: int, rate: float, seconds: float) -> list[float]:
    """The delay of every request, in seconds: from when it was due to its answer; infinite where it was refused."""
    chance = random.Random(2)
    due: asyncio.Queue[float] = asyncio.Queue()
    delays: list[float] = []
    connections = [await Connection.open(port) for _ in range(CONNECTIONS)]
    asking = [
        asyncio.create_task(ask(each, users, due, delays, random.Random(n))) for n, each in enumerate(connections)
    ]
    began = at = time.perf_counter()
    while at < began + seconds:
        at += chance.expovariate(rate)
        await asyncio.sleep(max(0.0, at - time.perf_counter()))
        due.put_nowait(at)
    await due.join()
    for task, connection in zip(asking, connections, strict=True):
        task.cancel()
        connection.close()
    await asyncio.gather(*asking, return_exceptions=True)
    return delays


async def ask(
    connection: Connection, users: int, due: asyncio.Queue[float], delays: list[float], chance: random.Random
) -> None:
    while True:
        at = await due.get()
        answer = await connection.get(PATH % chance.randrange(users))
        delays.append(time.perf_counter() - at if answer.status == 200 else math.inf)
        due.task_done()


# ---- the world


def prepare(place: Path, size: Size, recipe: str, settings: Sequence[str], console: Console) -> None:
    """The data directory, made where it is not there or was not made to the end."""
    done = place / "prepared"
    if done.exists():
        return
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    with opened(place, console, allow_file_urls=True) as local:
        import_rows(local, place, "INTERACTIONS", interactions(size))
        import_rows(local, place, "ITEMS", items(size))
        deploy(local, "for-you", train(local, GROUP, "for-you", recipe, pairs(settings)))
    done.touch()


def import_rows(local: Local, place: Path, dataset_type: str, rows: Iterator[Row]) -> None:
    file, columns = place / f"{dataset_type.lower()}.csv", COLUMNS[dataset_type]
    with file.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines)
        writer.writerow(columns)
        writer.writerows(rows)
    told = json.loads(schema(dataset_type.capitalize(), columns))
    for field in told["fields"]:
        if field["name"] == "CATEGORY":
            field["categorical"] = True
    import_file(local, GROUP, dataset_type, file, json.dumps(told))
    file.unlink()


def interactions(size: Size) -> Iterator[Row]:
    """Every user walks on from item to item, and now and then starts again at one that many know."""
    chance = random.Random(1)
    for user in range(size.users):
        at, item = FIRST_DAY + chance.randrange(SPAN_S), zipf(size.items, chance)
        for _ in range(size.each):
            further = chance.random() < GOES_ON
            item = (item + 1 + zipf(NEAR, chance)) % size.items if further else zipf(size.items, chance)
            at += chance.randrange(1, 3_600)
            yield user_name(user), item_name(item), at, "purchase" if chance.random() < 0.2 else "view"


def items(size: Size) -> Iterator[Row]:
    for number in range(size.items):
        yield item_name(number), f"Item {number:05}", number % 90 + 10, f"c{number % CATEGORIES:02}"


if __name__ == "__main__":
    main()
