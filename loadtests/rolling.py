"""`python -m loadtests.rolling`: releases and models change under load, one server after the other.

Two servers, a folder each, share the PostgreSQL of `RECGATE_DATABASE_URL`, whose database is empty (with the bucket of
`RECGATE_STORAGE_URL` and the Redis of `RECGATE_REDIS_URL`, if they are named). Visitors ask through a balancer that
tries again where nginx would: they read lists, click, and look whether the click is seen. Meanwhile each server is
stopped and started with the other release (`--old`, a revision of this repository), there and back; then the campaign
changes its model several times. No request may fail, no list be from before its user's click or of two models.
"""

from __future__ import annotations

import asyncio
import csv
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import click
from rich.console import Console

from loadtests import client, world
from loadtests.client import Answer, Connection
from loadtests.server import check_postgres, free_port

ROOT = Path(__file__).parents[1]
ITEMS, USERS, VISITORS, LISTED = 200, 100, 8, 10
ARN = "arn:aws:personalize:us-east-1:000000000000"
PATH = "/recommend-items/shop/unseen/{}?numResults={}"
READY_S, STOP_S, ACTIVE_S = 60.0, 30.0, 60.0
PATIENCE_S = 3.0  # for one server's list, before the other is asked
GIVE_UP_S = 60.0  # nginx's proxy_read_timeout: a server that starts has its port before it answers
DOWN_S = 1.0  # for which a server that failed is asked last
CONFIG = """
namespaces:
  shop:
    cacheControl: {userSpecified: {maxAge: 300}}
    recommenders:
      recommend-items:
        unseen:
          filters: [{expression: 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'}]
          variations: {main: {type: engine, model: popular}}
"""
TARGETS = "    eventTargets: [{{type: personalize-event-tracker, trackingId: {}}}]\n"
RELOADED_S = 2.0  # for a configuration to count


class RequestFailed(Exception):
    pass


# ---- servers


@dataclass
class ReleasedServer:
    """A server whose release is the checkout that it was started from."""

    folder: Path
    config: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self, checkout: Path) -> None:
        argv = ["serve", "--port", str(self.port), "--workers", "2", "--config", str(self.config)]
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            self.process = begun(checkout, [*argv, "--data", str(self.folder)], log)

    async def until_ready(self) -> None:
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            try:
                if (await client.get(self.port, "/ready")).status == 200:
                    return
            except OSError:
                await asyncio.sleep(0.1)
        raise RuntimeError(f"a server does not get ready:\n{self.log()[-2000:]}")

    async def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(self.process.wait, STOP_S)
            self.process = None

    def log(self) -> str:
        return (self.folder.parent / f"{self.folder.name}.log").read_text()


def begun(checkout: Path, arguments: Sequence[str], log: Any) -> subprocess.Popen[bytes]:
    """`recgate` of a checkout, by this environment's packages."""
    environ = {**os.environ, "PYTHONPATH": str(checkout)}
    argv = [sys.executable, "-m", "gateway", *arguments]
    return subprocess.Popen(argv, cwd=checkout, env=environ, stdout=log, stderr=log, start_new_session=True)


@contextmanager
def checkout_of(revision: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "old"
        subprocess.run(["git", "worktree", "add", "--detach", str(place), revision], cwd=ROOT, check=True)
        try:
            yield place
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(place)], cwd=ROOT, check=True)


def prepare(data: Path, checkout: Path) -> None:
    """A shop whose first model likes even items, and whose second one odd ones: the campaign has the first."""
    schemas = {"INTERACTIONS": world.INTERACTIONS, "ITEMS": world.ITEMS}
    for name, parity in (("popular", 0), ("other", 1)):
        rows = {
            "INTERACTIONS": [
                (f"buyer{user:03}", world.item_name(item), world.FIRST_DAY + user, "buy")
                for item in range(parity, ITEMS, 2)
                for user in range(USERS - item // 2 if item < USERS else 1)
            ],
            "ITEMS": list(world.items(world.Size(ITEMS, USERS))),
        }
        for kind, columns in schemas.items():
            path, schema = data.parent / f"{kind}.csv", data.parent / f"{kind}.avsc"
            with path.open("w", newline="") as lines:
                csv.writer(lines).writerows([list(columns), *rows[kind]])
            schema.write_text(world.schema(kind.capitalize(), columns))
            of = ["--type", kind.lower(), "--group", world.GROUP, "--data", str(data)]
            run(checkout, "import", *of, "--schema", str(schema), str(path))
        run(checkout, "train", name, "--recipe", world.QUICK, "--group", world.GROUP, "--data", str(data))


def run(checkout: Path, *arguments: str) -> None:
    with tempfile.TemporaryFile() as log:
        if begun(checkout, arguments, log).wait():
            log.seek(0)
            raise RuntimeError(f"recgate {' '.join(arguments)}:\n{log.read().decode()}")


# ---- the balancer


class Balancer:
    """Sends requests in turn. As nginx does, it asks the other server where one can't be connected to, and for what
    changes nothing also where one fails, is late, or says 503."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports, self._turn, self.again = list(ports), 0, 0
        self._free: dict[int, list[Connection]] = {port: [] for port in ports}
        self._down: dict[int, float] = {}

    async def get(self, path: str) -> Answer:
        deadline = time.monotonic() + GIVE_UP_S
        reason = ""
        while time.monotonic() < deadline:
            port = self._next()
            try:
                answer = await self._exchange(port, PATIENCE_S, lambda connection: connection.get(path))
            except OSError as error:
                reason = str(error)
            else:
                if answer.status != 503:
                    return answer
                reason = f"503: {answer.body[:200]!r}"
            self._failed(port)
        raise RequestFailed(f"GET {path}: {reason}")

    async def post(self, path: str, body: object) -> Answer:
        deadline = time.monotonic() + GIVE_UP_S
        while time.monotonic() < deadline:
            port = self._next()
            try:
                connection = await self._connected(port, GIVE_UP_S)
            except OSError:
                self._failed(port)
                continue
            try:
                return self._kept(port, connection, await connection.post(path, body))
            except OSError as error:
                raise RequestFailed(f"POST {path}: {error}, and whether it was taken is open") from error
        raise RequestFailed(f"POST {path}: no server can be connected to")

    def _next(self) -> int:
        self._turn += 1
        now = time.monotonic()
        order = [self._ports[(self._turn + each) % len(self._ports)] for each in range(len(self._ports))]
        return min(order, key=lambda port: self._down.get(port, 0.0) > now)

    def _failed(self, port: int) -> None:
        self.again += 1
        self._down[port] = time.monotonic() + DOWN_S
        self._leave(port)

    def _leave(self, port: int) -> None:
        while self._free[port]:
            self._free[port].pop().close()

    async def close(self) -> None:
        for port in self._ports:
            self._leave(port)
        await asyncio.sleep(0.1)  # so that their loss is noticed

    async def _exchange(self, port: int, patience_s: float, ask: Callable[[Connection], Any]) -> Answer:
        connection = await self._connected(port, patience_s)
        return self._kept(port, connection, await ask(connection))

    async def _connected(self, port: int, patience_s: float) -> Connection:
        free = self._free[port]
        while free:
            connection = free.pop()
            if connection.is_open:
                return connection
            connection.close()
        return await Connection.open(port, patience_s)

    def _kept(self, port: int, connection: Connection, answer: Answer) -> Answer:
        if answer.headers.get("connection") == "close":
            connection.close()
        else:
            self._free[port].append(connection)
        return answer


# ---- visitors, and what they see


@dataclass
class Seen:
    requests: int = 0
    failed: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)  # lists from before a click of their user that was acknowledged
    behind: int = 0  # lists that say that they may be
    mixed: list[str] = field(default_factory=list)  # lists of two models, or of the earlier one after the change
    slowest_s: float = 0.0
    clicked: dict[str, set[str]] = field(default_factory=dict)  # acknowledged, by user
    parities: dict[str, int] = field(default_factory=dict)  # of models
    wanted: int | None = None  # the parity of the model that the campaign says it has

    @property
    def is_good(self) -> bool:
        return not (self.failed or self.late or self.mixed)

    def take_list(self, user: str, answer: Answer, wanted: int | None) -> list[str]:
        """The items of a list; `wanted`: the parity that it must have, None while the model changes."""
        if answer.status != 200:
            self.failed.append(f"GET of {user}: {answer.status} {answer.body[:200]!r}")
            return []
        items = answer.items()
        parity = {int(item[1:]) % 2 for item in items}
        model = answer.headers.get("x-recgate-model", "")
        if len(parity) != 1 or self.parities.setdefault(model, min(parity)) != min(parity):
            self.mixed.append(f"{user} by {model}: {items}")
        elif wanted is not None and parity != {wanted}:
            self.mixed.append(f"{user} after the change to another model: {items}")
        if "x-recgate-behind" in answer.headers:
            self.behind += 1
        elif again := self.clicked.get(user, set()) & set(items):
            self.late.append(f"{user}: {sorted(again)}")
        return items


async def visit(number: int, balancer: Balancer, seen: Seen, ended: asyncio.Event) -> None:
    """Reads a list, clicks, and reads again, as several users in turn."""
    chance, round_ = random.Random(number), 0
    while not ended.is_set():
        round_ += 1
        user = f"visitor{number}-{round_ // 10}"  # so that no list runs out of one model's items
        for step in ("list", "list", "click", "list"):
            began, wanted = time.monotonic(), seen.wanted
            seen.requests += 1
            try:
                if step == "list":
                    items = seen.take_list(user, await balancer.get(PATH.format(user, LISTED)), wanted)
                elif items:
                    await click_item(user, chance.choice(items), balancer, seen)
            except RequestFailed as error:
                seen.failed.append(str(error))
            seen.slowest_s = max(seen.slowest_s, time.monotonic() - began)
        await asyncio.sleep(0.01)


async def click_item(user: str, item: str, balancer: Balancer, seen: Seen) -> None:
    event = {"eventType": "click", "itemId": item, "eventId": os.urandom(8).hex(), "sentAt": int(time.time())}
    body = {"sessionId": f"s-{user}", "userId": user, "eventList": [event]}
    answer = await balancer.post("/events/shop", body)
    if answer.status == 200:
        seen.clicked.setdefault(user, set()).add(item)
    else:
        seen.failed.append(f"the click of {user}: {answer.status} {answer.body[:200]!r}")


async def under_load(servers: Sequence[ReleasedServer], work: Callable[[Seen], Any]) -> tuple[Seen, int]:
    """What visitors see while `work` is done, and how often the balancer asked again."""
    seen, ended = Seen(wanted=0), asyncio.Event()
    balancer = Balancer([server.port for server in servers])
    visiting = [asyncio.create_task(visit(number, balancer, seen, ended)) for number in range(VISITORS)]
    await asyncio.sleep(1.0)
    try:
        await work(seen)
    finally:
        ended.set()
        await asyncio.gather(*visiting)
        await balancer.close()
    await lost(servers, seen)
    return seen, balancer.again


async def lost(servers: Sequence[ReleasedServer], seen: Seen) -> None:
    """Each server knows of every acknowledged click."""
    for server in servers:
        connection = await Connection.open(server.port)
        for user in random.Random(1).sample(sorted(seen.clicked), min(200, len(seen.clicked))):
            answer = await connection.get(PATH.format(user, ITEMS))
            if again := seen.clicked[user] & set(answer.items()):
                seen.late.append(f"{user}: {sorted(again)} at the end")
        connection.close()


# ---- what changes


async def change_release(servers: Sequence[ReleasedServer], checkout: Path) -> None:
    """Each server in turn ends, and comes back from this checkout."""
    for server in servers:
        await server.stop()
        server.start(checkout)
        await server.until_ready()
        await asyncio.sleep(1.0)


async def change_model(seen: Seen, personalize: Any, times: int) -> None:
    """The campaign has the model that likes odd items, and then the other one again, and so on."""
    campaign, versions = f"{ARN}:campaign/popular", await asyncio.to_thread(versions_of, personalize)
    for change in range(1, times + 1):
        seen.wanted = None
        await asyncio.to_thread(
            personalize.update_campaign, campaignArn=campaign, solutionVersionArn=versions[change % 2]
        )
        deadline = time.monotonic() + ACTIVE_S
        while not is_active(await asyncio.to_thread(personalize.describe_campaign, campaignArn=campaign)):
            if time.monotonic() > deadline:
                raise RuntimeError("the campaign does not become ACTIVE")
            await asyncio.sleep(0.02)
        seen.wanted = change % 2
        await asyncio.sleep(1.5)


def track(personalize: Any, config: Path) -> None:
    """Clicks go to the tracker, which the import has made, from here on."""
    listed = personalize.list_event_trackers(datasetGroupArn=f"{ARN}:dataset-group/{world.GROUP}")["eventTrackers"]
    tracker = personalize.describe_event_tracker(eventTrackerArn=listed[0]["eventTrackerArn"])["eventTracker"]
    config.write_text(CONFIG + TARGETS.format(tracker["trackingId"]))


def is_active(described: dict[str, Any]) -> bool:
    campaign = described["campaign"]
    return bool(campaign["status"] == "ACTIVE" and campaign["latestCampaignUpdate"]["status"] == "ACTIVE")


def personalize_of(port: int) -> Any:
    url, keys = f"http://{client.HOST}:{port}", {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    return boto3.client("personalize", endpoint_url=url, region_name="us-east-1", **keys)


def versions_of(personalize: Any) -> list[str]:
    """The versions that like even items, and odd ones."""
    solutions = (f"{ARN}:solution/{name}" for name in ("popular", "other"))
    listed = [personalize.list_solution_versions(solutionArn=arn)["solutionVersions"] for arn in solutions]
    return [str(each[0]["solutionVersionArn"]) for each in listed]


async def measure(servers: Sequence[ReleasedServer], old: Path | None, changes: int) -> dict[str, tuple[Seen, int]]:
    """What visitors saw of each change."""
    for server in servers:
        server.start(old or ROOT)
        await server.until_ready()
    personalize = personalize_of(servers[0].port)
    await asyncio.to_thread(track, personalize, servers[0].config)
    await asyncio.sleep(RELOADED_S)
    releases = {"a restart": ROOT} if old is None else {"to this release": ROOT, "back": old, "to this one again": ROOT}
    results = {
        name: await under_load(servers, lambda _, checkout=checkout: change_release(servers, checkout))  # type: ignore[misc]
        for name, checkout in releases.items()
    }
    results["another model"] = await under_load(servers, lambda seen: change_model(seen, personalize, changes))
    personalize.close()
    for server in servers:
        await server.stop()
    return results


@click.command(help=__doc__)
@click.option("--old", default="", metavar="REVISION", help="The earlier release; without it servers only restart.")
@click.option("--changes", default=6, show_default=True, type=click.IntRange(1, 100), help="Of the model.")
def main(old: str, changes: int) -> None:
    console = Console(soft_wrap=True)
    check_postgres()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as closing:
        checkout = closing.enter_context(checkout_of(old)) if old else None
        results = run_all(Path(folder), checkout, changes)
    for name, (seen, again) in results.items():
        told(console, name, seen, again)
    raise SystemExit(not all(seen.is_good for seen, _ in results.values()))


def run_all(folder: Path, old: Path | None, changes: int) -> dict[str, tuple[Seen, int]]:
    config = folder / "shop.yaml"
    config.write_text(CONFIG)
    servers = [ReleasedServer(folder / name, config) for name in ("one", "two")]
    prepare(servers[0].folder, old or ROOT)
    try:
        return asyncio.run(measure(servers, old, changes))
    finally:
        for server in servers:
            if server.process is not None:
                os.killpg(server.process.pid, signal.SIGKILL)


def told(console: Console, name: str, seen: Seen, again: int) -> None:
    console.print(
        f"{name}: {seen.requests:,} requests, [bold]{len(seen.failed)} failed[/bold], {again} asked again, slowest "
        f"{seen.slowest_s:.1f} s; {len(seen.late)} from before a click, {seen.behind} said so; {len(seen.mixed)} mixed"
    )
    for line in (*seen.failed[:5], *seen.late[:5], *seen.mixed[:5]):
        console.print(f"  {line}")


if __name__ == "__main__":
    main()
