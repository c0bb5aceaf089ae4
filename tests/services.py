"""Real services for tests, each a process of its own on a free port; a missing one says how to install it."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import redis

READY_S = 15


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def program(name: str, package: str) -> str:
    found = shutil.which(name)
    assert found, f"{name} is not installed: apt-get install {package}"
    return found


@dataclass
class RedisServer:
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    package: str = "redis-server"  # and its program
    options: tuple[str, ...] = ()
    login: str = ""

    @property
    def url(self) -> str:
        return f"redis://{self.login}127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, decode_responses=True)

    def start(self) -> None:
        argv = [program(self.package, self.package), "--port", str(self.port), "--bind", "127.0.0.1"]
        quiet = ["--save", "", "--appendonly", "no", "--dir", str(self.folder)]
        self.process = subprocess.Popen([*argv, *quiet, *self.options], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            with contextlib.suppress(redis.RedisError), self.client() as client:
                if client.ping():
                    return
            time.sleep(0.02)
        raise AssertionError(f"{self.package} did not answer")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    server = RedisServer(folder, free_port())
    server.start()
    try:
        yield server
    finally:
        server.kill()


@dataclass
class PostgresServer:
    """A cluster of its own in a folder. PostgreSQL refuses to run as root: then it runs as nobody."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://recgate:s3cret@127.0.0.1:{self.port}/postgres"

    def make(self) -> None:
        self.folder.mkdir(mode=0o700)
        if os.geteuid() == 0:
            shutil.chown(self.folder, "nobody")
        argv = [_postgres("initdb"), "-D", "cluster", "-U", "recgate", "--auth", "trust", "--no-sync"]
        subprocess.run([*_as_nobody(), *argv], cwd=self.folder, check=True, stdout=subprocess.DEVNULL)

    def start(self) -> None:
        argv = [_postgres("postgres"), "-D", "cluster", "-p", str(self.port), "-h", "127.0.0.1", "-k", "", "-F"]
        with (self.folder / "postgres.log").open("ab") as log:
            self.process = subprocess.Popen([*_as_nobody(), *argv], cwd=self.folder, stdout=log, stderr=log)
        deadline = time.monotonic() + READY_S
        asking = [_postgres("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while time.monotonic() < deadline:
            if subprocess.run(asking, check=False).returncode == 0:
                return
            time.sleep(0.05)
        raise AssertionError((self.folder / "postgres.log").read_text())

    def kill(self) -> None:
        """At once, as `pg_ctl stop -m immediate` does."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()
            self.process = None


def _postgres(name: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}")) or [shutil.which(name)]
    assert found[-1], f"{name} is not installed: apt-get install postgresql"
    return str(found[-1])


def _as_nobody() -> list[str]:
    nobody = pwd.getpwnam("nobody")
    ids = ["--reuid", str(nobody.pw_uid), "--regid", str(nobody.pw_gid), "--clear-groups"]
    return [program("setpriv", "util-linux"), *ids] if os.geteuid() == 0 else []


@contextlib.contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """In a folder of its own below /tmp: those of tests are closed to other users."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        server = PostgresServer(Path(folder) / "postgres", free_port())
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.kill()
