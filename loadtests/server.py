"""`recgate serve` as a measurement starts, watches and kills it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import click

from gateway.processes.supervisor import python
from loadtests import client, processes, world

READY_S = 60.0
LOOK_S = 0.05
SAID = 2_000  # the most of its log that a server's failure shows


class Server:
    def __init__(
        self,
        data: Path,
        workers: int,
        cores: Collection[int] = (),
        config: Path = world.CONFIG,
        environ: Mapping[str, str] | None = None,
        pin: bool = False,
    ) -> None:
        """Any core if none is given; `environ` adds to this process's environment, with RECGATE_ROLE among it."""
        self.data, self.workers, self.cores, self.config, self.environ = data, workers, cores, config, environ
        self.port, self.pin = free_port(), pin
        self.process: subprocess.Popen[bytes] | None = None
        self._log = data / "server.log"

    def start(self) -> None:
        """Raises `RuntimeError` with the end of its log where it does not answer in time."""
        argv = python("gateway", "serve", "--config", str(self.config), "--data", str(self.data))
        with self._log.open("ab") as out:
            argv += ["--port", str(self.port), "--workers", str(self.workers), *(["--pin"] if self.pin else [])]
            self.process = processes.spawn(argv, self.cores, out, self.environ)
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_S
        while not self.whole():
            if time.monotonic() > deadline or self.running.poll() is not None:
                self.stop()
                raise RuntimeError(f"the server does not serve:\n{self._log.read_text()[-SAID:]}")
            time.sleep(LOOK_S)

    def whole(self) -> bool:
        """All processes are there and it answers; a dead supervisor's worker may answer too, while it ends."""
        if not self.ready():
            return False
        names, jobs = [processes.name(pid) for pid in self.family()], 0 if self.is_gateway else 1
        return sum(name.startswith("worker") for name in names) == self.workers and names.count("jobs") == jobs

    @property
    def is_gateway(self) -> bool:
        """True where it has no engine."""
        return (self.environ or {}).get("RECGATE_ROLE") == "gateway"

    def ready(self) -> bool:
        try:
            return asyncio.run(client.get(self.port, "/ready")).status == 200
        except OSError:
            return False

    @property
    def running(self) -> subprocess.Popen[bytes]:
        if self.process is None:
            raise RuntimeError("the server was not started")
        return self.process

    def family(self) -> list[int]:
        """The supervisor first."""
        return processes.family(self.running.pid)

    def worker_pids(self) -> list[int]:
        return [pid for pid in self.family() if processes.name(pid).startswith("worker")]

    def job_pids(self) -> list[int]:
        return [pid for pid in self.family() if processes.name(pid) == "jobs"]

    def stop(self) -> int:
        return processes.stop(self.running)


@contextlib.contextmanager
def serving(
    data: Path,
    workers: int,
    cores: Collection[int] = (),
    config: Path = world.CONFIG,
    environ: Mapping[str, str] | None = None,
    pin: bool = False,
) -> Iterator[Server]:
    server = Server(data, workers, cores, config, environ, pin)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def check_postgres() -> None:
    """Raises `click.UsageError` where no PostgreSQL is named for servers that share one."""
    if not os.environ.get("RECGATE_DATABASE_URL", "").startswith("postgresql"):
        raise click.UsageError("set RECGATE_DATABASE_URL to an empty PostgreSQL database: postgresql://user@host/name")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind((client.HOST, 0))
        return int(sock.getsockname()[1])
