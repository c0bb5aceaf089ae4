"""All that a campaign runs on: PostgreSQL with a standby, Valkey, S3, and replicas of ours with a folder each."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from loadtests import client, world
from loadtests.campaign.postgres import PASSWORD, USER, MissingProgram, PostgresPair, program
from loadtests.campaign.proxy import Proxy, Way
from loadtests.campaign.s3 import BUCKET, KEY, S3Server, install
from loadtests.campaign.valkey import ValkeyCluster
from loadtests.client import HOST
from loadtests.server import Server

REPLICAS = 2
DISK_MB = 256
MODELS = {"for-you": world.QUICK}
SIZE = world.Size(items=1_000, users=500, each=10)
SETTLE_S = 60.0
LOOK_S = 0.05
SAID = 3_000
PROBE = "probe"  # the event by which replicas are asked how they are
PATH = "/recommend-items/shop/for-you/u00001"


class Cluster:
    """Started part by part; what its servers reach lies behind a proxy of their own each."""

    def __init__(self, folder: Path, console: Console) -> None:
        self._folder, self._console = folder, console
        self.postgres = PostgresPair(folder / "postgres")
        self.valkey = ValkeyCluster(folder / "valkey")
        self.s3 = S3Server(folder / "s3" / "files")
        self.proxy = Proxy()
        self.replicas: list[Server] = []
        self.database_ways: list[list[Way]] = []  # of each replica
        self.s3_ways: list[Way] = []

    def start(self) -> None:
        install()
        for part in ("postgres", "s3"):
            (self._folder / part).mkdir()
        self.postgres.start()
        self.valkey.start()
        self.s3.start()
        self._open_ways()
        os.environ.update(self.environ(0))  # this process imports and trains by it, too
        del os.environ["LD_PRELOAD"]
        data = [self._disk(number) for number in range(REPLICAS)]
        world.prepare(data[0], SIZE, MODELS, self._console)
        for number, folder in enumerate(data):
            self.replicas.append(Server(folder, workers=1, environ=self.environ(number)))
            self.replicas[-1].start()

    def _open_ways(self) -> None:
        for _ in range(REPLICAS):
            self.database_ways.append([self.proxy.way(node.port) for node in self.postgres.nodes])
            self.s3_ways.append(self.proxy.way(self.s3.port))

    def environ(self, number: int) -> dict[str, str]:
        hosts = "&".join(f"host={HOST}:{way.port}" for way in self.database_ways[number])
        return {
            "RECGATE_DATABASE_URL": f"postgresql://{USER}:{PASSWORD}@/postgres?{hosts}&target_session_attrs=read-write",
            # "RECGATE_REDIS_URL": self.valkey.url,
            "RECGATE_STORAGE_URL": f"s3://{BUCKET}/shop",
            "AWS_ENDPOINT_URL_S3": f"http://{HOST}:{self.s3_ways[number].port}",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": KEY,
            "AWS_DEFAULT_REGION": "us-east-1",
            "RECGATE_INSTANT": "1",
            "LD_PRELOAD": str(_faketime()),
            "FAKETIME_TIMESTAMP_FILE": str(self._clock(number)),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def _disk(self, number: int) -> Path:
        """The folder of a replica, a file system of its own, which can be full; beside it the file of its clock."""
        folder = self._folder / f"replica-{number}"
        folder.mkdir()
        self.set_clock(number, 0)
        if os.geteuid() != 0:
            raise MissingProgram("a campaign mounts file systems: it must be root")
        options = ["-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
        subprocess.run([program("mount", "mount"), *options], check=True)
        return folder

    def set_clock(self, number: int, seconds: int) -> None:
        """How far a replica's clock is ahead."""
        self._clock(number).write_text(f"{seconds:+d}")

    def _clock(self, number: int) -> Path:
        return self._folder / f"clock-{number}"

    def fill_disk(self, number: int) -> Path:
        """The file that takes all that was left."""
        ballast = self.replicas[number].data / "ballast"
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(1 << 20))
        return ballast

    @property
    def ports(self) -> list[int]:
        return [replica.port for replica in self.replicas]

    def serves(self) -> bool:
        """Every replica answers, and takes an event."""
        return all(asyncio.run(_serves(port)) for port in self.ports)

    def wait_until(self, true: Callable[[], bool], message: str) -> float:
        """The seconds that it took. Raises `RuntimeError` where it takes more than a minute."""
        began = time.monotonic()
        while not true():
            if time.monotonic() > began + SETTLE_S:
                raise RuntimeError("\n".join((message, *map(self._told, range(len(self.replicas))))))
            time.sleep(LOOK_S)
        return time.monotonic() - began

    def wait_until_whole(self) -> None:
        """Raises `RuntimeError` where PostgreSQL has no standby again, or Valkey no replicas, after minutes."""
        self.postgres.wait_until_whole()
        self.wait_until(self.valkey.is_whole, "the Valkey cluster is not whole again")

    def _told(self, number: int) -> str:
        """What a replica answers, and the end of its log."""
        port, log = self.ports[number], self.replicas[number].data / "server.log"
        try:
            answer = asyncio.run(client.get(port, "/ready"))
            told = f"{answer.status} {answer.body.decode()}"
        except OSError as error:
            told = str(error)
        return f"replica {number} on {port}: {told}\n{log.read_text()[-SAID:]}"

    def stop(self) -> None:
        for replica in self.replicas:
            replica.stop()
            subprocess.run([program("umount", "mount"), "--lazy", str(replica.data)], check=False)
        self.proxy.close()
        self.s3.kill()
        self.valkey.stop()
        self.postgres.stop()


def _faketime() -> Path:
    """The library that gives a process another clock. Raises `MissingProgram`."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        raise MissingProgram("libfaketime is not installed: apt-get install faketime")
    return found[0]


async def _serves(port: int) -> bool:
    event = client.event("u99999", world.item_name(1), eventId=PROBE)
    try:
        answers = [await client.get(port, PATH), await client.post(port, "/events/shop", event)]
    except OSError:
        return False
    return all(answer.status == 200 for answer in answers)
