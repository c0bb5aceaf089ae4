"""All that a campaign runs on: PostgreSQL with a standby, Valkey, S3, and machines of ours."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from loadtests import client, world
from loadtests.campaign.machine import Machine
from loadtests.campaign.postgres import PASSWORD, USER, PostgresPair
from loadtests.campaign.proxy import Proxy, Way
from loadtests.campaign.s3 import BUCKET, KEY, S3Server, install
from loadtests.campaign.tenants import SHOP, prepare
from loadtests.campaign.valkey import ValkeyCluster
from loadtests.client import HOST

APART, REPLICAS = "apart", "replicas"
SHAPES = (APART, REPLICAS)  # gateways and engines, or servers that are both
EACH = 2  # machines of a kind
SETTLE_S = 60.0
LOOK_S = 0.05
SAID = 3_000
PROBE = "probe"  # the event by which machines are asked how they are
PROBING_S = 2.0


class Cluster:
    """Started part by part; what its machines reach lies behind a proxy of their own each."""

    def __init__(self, folder: Path, shape: str, console: Console) -> None:
        self._folder, self._shape, self._console = folder, shape, console
        self.postgres = PostgresPair(folder / "postgres")
        self.valkey = ValkeyCluster(folder / "valkey")
        self.s3 = S3Server(folder / "s3" / "files")
        self.proxy = Proxy()
        self.engines: list[Machine] = []
        self.gateways: list[Machine] = []  # that have no engine

    def start(self) -> None:
        install()
        for part in ("postgres", "s3"):
            (self._folder / part).mkdir()
        self.postgres.start()
        self.valkey.start()
        self.s3.start()
        for number in range(1, EACH + 1):
            self.engines.append(self._engine(number))
        os.environ.update(self.engines[0].environ)  # this process imports and trains by it, too
        prepare(self.engines[0].folder, self._console)
        if self._shape == APART:
            self.gateways += [self._gateway(number) for number in range(1, EACH + 1)]
        for machine in self.machines:
            machine.server.start()

    def _engine(self, number: int) -> Machine:
        ways = {
            "database": [self.proxy.way(node.port) for node in self.postgres.nodes],
            "storage": [self.proxy.way(self.s3.port)],
        }
        hosts = "&".join(f"host={HOST}:{way.port}" for way in ways["database"])
        environ = {
            "RECGATE_DATABASE_URL": f"postgresql://{USER}:{PASSWORD}@/postgres?{hosts}&target_session_attrs=read-write",
            "RECGATE_REDIS_URL": self.valkey.url,
            "RECGATE_STORAGE_URL": f"s3://{BUCKET}/shop",
            "AWS_ENDPOINT_URL_S3": f"http://{HOST}:{ways['storage'][0].port}",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": KEY,
            "AWS_DEFAULT_REGION": "us-east-1",
            "RECGATE_INSTANT": "1",
        }
        name, role = ("engine", "engine") if self._shape == APART else ("replica", "all")
        return Machine(f"{name} {number}", role, self._folder / f"{name}-{number}", ways, environ)

    def _gateway(self, number: int) -> Machine:
        ways = [self.proxy.way(engine.port) for engine in self.engines]
        environ = {"RECGATE_ENGINES": ",".join(f"http://{HOST}:{way.port}" for way in ways)}
        return Machine(f"gateway {number}", "gateway", self._folder / f"gateway-{number}", {"engines": ways}, environ)

    @property
    def machines(self) -> Sequence[Machine]:
        return [*self.engines, *self.gateways]

    def doors(self) -> Mapping[int, str]:
        """The names of the machines that shoppers ask, by port."""
        return {machine.port: machine.name for machine in self.gateways or self.engines}

    def ways(self, kind: str) -> Sequence[Sequence[Way]]:
        """Those of each machine that has such."""
        return [machine.ways[kind] for machine in self.machines if kind in machine.ways]

    def serves(self) -> bool:
        """Every machine answers, and takes an event."""

        async def all_() -> bool:
            return all(await asyncio.gather(*(_serves(machine.port) for machine in self.machines)))

        return asyncio.run(all_())

    def wait_until(self, true: Callable[[], bool], message: str) -> float:
        """The seconds that it took. Raises `RuntimeError` where it takes more than a minute."""
        began = time.monotonic()
        while not true():
            if time.monotonic() > began + SETTLE_S:
                raise RuntimeError("\n".join((message, *map(_told, self.machines))))
            time.sleep(LOOK_S)
        return time.monotonic() - began

    def wait_until_whole(self) -> None:
        """Raises `RuntimeError` where PostgreSQL has no standby again, or Valkey no replicas, after minutes."""
        self.postgres.wait_until_whole()
        self.wait_until(self.valkey.is_whole, "the Valkey cluster is not whole again")

    def stop(self) -> None:
        for machine in (*self.gateways, *self.engines):
            machine.stop()
        self.proxy.close()
        self.s3.kill()
        self.valkey.stop()
        self.postgres.stop()


def _told(machine: Machine) -> str:
    """What a machine answers, and the end of its log."""
    try:
        answer = asyncio.run(client.get(machine.port, "/ready"))
        told = f"{answer.status} {answer.body.decode()}"
    except OSError as error:
        told = str(error)
    return f"{machine.name} on {machine.port}: {told}\n{machine.log()[-SAID:]}"


async def _serves(port: int) -> bool:
    event = client.event("u99999", SHOP.item_name(1), eventId=PROBE)
    try:
        async with asyncio.timeout(PROBING_S):
            answers = [await client.get(port, SHOP.path(world.user_name(1)))]
            answers.append(await client.post(port, SHOP.events, event))
    except OSError:
        return False
    return all(answer.status == 200 for answer in answers)
