"""`python -m loadtests.redis_faults`: answers while Redis doubles, swaps, cuts, delays and alters its replies.

Two workers share a Redis behind a proxy that lies (`loadtests.redis_proxy`). Every answer is compared with the one list
that is right for its user after all of its acknowledged events; each client has users of its own, so that this is
known. Ends with status 1 where one is wrong, older than an acknowledged event, or no answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.console import Console

from gateway.processes.supervisor import python
from loadtests import client, contest, processes, world
from loadtests.client import Connection
from loadtests.server import Server, free_port, serving

PATH = "/recommend-items/shop/for-you/"
MODELS = {"for-you": world.QUICK}
SHOP = world.Size(items=100, users=1_000, each=12)
CLIENTS = 16
LIST = 25
EVENT_SHARE = 0.03
CONNECTION = 40  # requests over one, so that every client comes to every worker
TRIES = 50
PAUSE_S = 0.02
READY_S = 10.0


@dataclass
class Verdict:
    right: int = 0
    others: list[str] = field(default_factory=list)  # users who got what is right for somebody else, or for nobody
    stale: list[str] = field(default_factory=list)  # users who got what was right before their last event
    statuses: Counter[int] = field(default_factory=Counter)
    lost: int = 0  # connections that ended without an answer
    events: int = 0
    slowest_s: float = 0.0

    @property
    def answers(self) -> int:
        return sum(self.statuses.values())

    @property
    def good(self) -> bool:
        return not self.others and not self.stale and set(self.statuses) == {200} and not self.lost


@dataclass
class Shop:
    """What is right: the items by popularity, without what a user has touched."""

    order: list[str]
    touched: dict[str, set[str]]

    def right(self, user: str) -> list[str]:
        return [item for item in self.order if item not in self.touched[user]][:LIST]


@click.command(help=__doc__)
@click.option("--answers", default=50_000, show_default=True, type=click.IntRange(100, 1_000_000))
@click.option("--seconds", default=900.0, show_default=True, help="The longest that it may take.")
@click.option("--share", default=0.02, show_default=True, type=click.FloatRange(0, 1), help="Of replies that are lies.")
@click.option("--seed", default=1, show_default=True)
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 16))
@click.option("--secret", default="", help="RECGATE_REDIS_SECRET of the workers.")
def main(answers: int, seconds: float, share: float, seed: int, workers: int, secret: str) -> None:
    console = Console(soft_wrap=True)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        data = folder / "data"
        world.prepare(data, SHOP, MODELS, console)
        with contest.redis_server(folder, ()) as redis_port, lying(folder, redis_port, share, seed) as proxy:
            environ = {"RECGATE_REDIS_URL": f"redis://{client.HOST}:{proxy.port}/0", "CACHE_MEGABYTES": "1"}
            environ |= {"RECGATE_REDIS_SECRET": secret} if secret else {}
            with serving(data, workers, (), world.CONFIG, environ) as server:
                shop = asyncio.run(opened(server, data))
                began = time.monotonic()
                verdict = asyncio.run(load(server, shop, answers, seconds, seed))
                took = time.monotonic() - began
                counted = asyncio.run(metrics(server))
                hits = contest.found_in_redis(redis_port)
        log = (data / "server.log").read_text()
    tell(console, verdict, took, counted, hits, proxy.done)
    fatal = [line for line in log.splitlines() if "Fatal error" in line or line.startswith("Traceback")]
    console.print(f"tracebacks in the log: {len(fatal)}")
    raise SystemExit(0 if verdict.good and verdict.answers >= answers and not fatal else 1)


# ---- the load


async def opened(server: Server, data: Path) -> Shop:
    """Raises `RuntimeError` where what is right is not what the server answers before anything has happened."""
    touched: dict[str, set[str]] = {world.user_name(number): set() for number in range(SHOP.users)}
    with (data / "csv" / "interactions.csv").open(newline="", encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            touched[row["USER_ID"]].add(row["ITEM_ID"])
    everything = await client.get(server.port, f"/recommend-items/shop/fresh/nobody-yet?numResults={SHOP.items}")
    shop = Shop(everything.items(), touched)
    for user in list(touched)[:20]:
        if (await client.get(server.port, f"/recommend-items/shop/fresh/{user}")).items() != shop.right(user):
            raise RuntimeError(f"the list of {user} is another than was expected")
    return shop


async def load(server: Server, shop: Shop, answers: int, seconds: float, seed: int) -> Verdict:
    verdict, deadline = Verdict(), time.monotonic() + seconds
    users = list(shop.touched)

    async def one(number: int) -> None:
        own = Caller(server.port, shop, verdict, users[number::CLIENTS], random.Random(f"{seed}/{number}"))
        while verdict.answers < answers and time.monotonic() < deadline:
            await own.visit()

    await asyncio.gather(*(one(number) for number in range(CLIENTS)))
    return verdict


class Caller:
    def __init__(self, port: int, shop: Shop, verdict: Verdict, users: list[str], chance: random.Random) -> None:
        self._port, self._shop, self._verdict, self._users, self._chance = port, shop, verdict, users, chance

    async def visit(self) -> None:
        """Over one connection: some users' lists, and now and then an event of what is in one."""
        connection = await Connection.open(self._port)
        try:
            for _ in range(CONNECTION):
                user = self._users[world.zipf(len(self._users), self._chance)]
                await self._ask(connection, user)
                if self._chance.random() < EVENT_SHARE:
                    await self._touch(connection, user)
                    await self._ask(connection, user)
        except ConnectionError:
            self._verdict.lost += 1
        finally:
            connection.close()

    async def _ask(self, connection: Connection, user: str) -> None:
        began, verdict = time.monotonic(), self._verdict
        answer = await connection.get(PATH + user)
        verdict.slowest_s = max(verdict.slowest_s, time.monotonic() - began)
        verdict.statuses[answer.status] += 1
        if answer.status != 200:
            return
        right, items = self._shop.right(user), answer.items()
        if items == right:
            verdict.right += 1
        elif set(items) - set(right) <= self._shop.touched[user] and set(right) - set(items):
            verdict.stale.append(user)
        else:
            verdict.others.append(user)

    async def _touch(self, connection: Connection, user: str) -> None:
        item = self._chance.choice(self._shop.right(user))
        for _ in range(TRIES):
            answer = await connection.post("/events/shop", client.event(user, item))
            if answer.status == 200:
                self._shop.touched[user].add(item)
                self._verdict.events += 1
                return
            await asyncio.sleep(PAUSE_S)
        raise ConnectionError(f"an event was refused with {answer.status}")


# ---- the proxy, and what is told


@dataclass
class Proxy:
    port: int
    done: dict[str, int] = field(default_factory=dict)  # what it did to replies, once it has ended


@contextlib.contextmanager
def lying(folder: Path, redis_port: int, share: float, seed: int) -> Iterator[Proxy]:
    proxy, log = Proxy(free_port()), folder / "proxy.log"
    argv = python("loadtests.redis_proxy", "--port", str(proxy.port), "--redis", str(redis_port))
    with log.open("wb") as out:
        process = processes.spawn([*argv, "--share", str(share), "--seed", str(seed)], (), out)
    try:
        asyncio.run(listening(proxy.port))
        yield proxy
    finally:
        processes.stop(process)
    proxy.done = json.loads(log.read_text().splitlines()[-1])


async def listening(port: int) -> None:
    deadline = time.monotonic() + READY_S
    while True:
        try:
            (await Connection.open(port)).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(PAUSE_S)


async def metrics(server: Server) -> dict[str, float]:
    text = (await client.get(server.port, "/metrics")).body.decode()
    lines = re.findall(r"^(recgate_redis_\w+_total(?:\{[^}]*\})?) (\S+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in lines}


def tell(
    console: Console, verdict: Verdict, took: float, counted: Mapping[str, float], hits: int, done: Mapping[str, int]
) -> None:
    wrong = f"{len(verdict.others)} wrong, {len(verdict.stale)} stale"
    console.print(f"{verdict.answers:,} answers in {took:.0f} s: {wrong}, by status {dict(verdict.statuses)}")
    console.print(f"{verdict.events:,} events acknowledged; {verdict.lost} connections lost")
    console.print(f"the slowest answer took {verdict.slowest_s:.2f} s; Redis had {hits:,} of what it was asked for")
    lies = {name: count for name, count in sorted(done.items()) if name != "honest"}
    console.print(f"{sum(lies.values()):,} of {sum(done.values()):,} replies were lies: {lies}")
    console.print(f"the workers counted {dict(counted)}")


if __name__ == "__main__":
    main()
