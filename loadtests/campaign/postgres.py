"""PostgreSQL with a synchronous standby: two servers that Patroni watches over, and etcd, which says who leads."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.client import HOST
from loadtests.server import free_port

READY_S = 240.0  # a standby may have to be made anew, on a busy machine
STUCK_S = 45.0
LOOK_S = 0.1
USER, PASSWORD = "recgate", "s3cret"
BINARIES = Path("/usr/lib/postgresql/17/bin")
NAMES = ("one", "two")


class MissingProgram(RuntimeError):
    """A program is not installed."""


def program(name: str, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise MissingProgram(f"{name} is not installed: apt-get install {package}")
    return found


def unprivileged() -> list[str]:
    """What starts a program as nobody where this process is root, as which PostgreSQL refuses to run."""
    if os.geteuid() != 0:
        return []
    nobody = pwd.getpwnam("nobody")
    ids = ["--reuid", str(nobody.pw_uid), "--regid", str(nobody.pw_gid), "--clear-groups"]
    return [program("setpriv", "util-linux"), *ids]


@dataclass
class Node:
    """A server of PostgreSQL and the Patroni that minds it."""

    name: str
    folder: Path
    port: int = field(default_factory=free_port)
    rest: int = field(default_factory=free_port)
    patroni: subprocess.Popen[bytes] | None = None

    def config(self, etcd: int) -> dict[str, object]:
        own = f"{HOST}:{self.rest}"
        login = {"username": USER, "password": PASSWORD}
        return {
            "scope": "recgate",
            "name": self.name,
            "restapi": {"listen": own, "connect_address": own},
            "etcd3": {"host": f"{HOST}:{etcd}"},
            "bootstrap": {"dcs": DCS, "initdb": [{"encoding": "UTF8"}, "data-checksums"]},
            "postgresql": {
                "listen": f"{HOST}:{self.port}",
                "connect_address": f"{HOST}:{self.port}",
                "data_dir": str(self.folder / "data"),
                "bin_dir": str(BINARIES),
                "pgpass": str(self.folder / "pgpass"),
                "authentication": {"superuser": login, "replication": login, "rewind": login},
                "parameters": {"unix_socket_directories": str(self.folder)},
                "pg_hba": [f"host {what} all {HOST}/32 trust" for what in ("all", "replication")]
                + ["local all all trust"],
            },
        }

    def start(self, etcd: int) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "patroni.json").write_text(json.dumps(self.config(etcd)))
        if os.geteuid() == 0:
            shutil.chown(self.folder, "nobody")
        argv = [*unprivileged(), program("patroni", "patroni"), "patroni.json"]
        with (self.folder / "log").open("ab") as log:
            self.patroni = subprocess.Popen(argv, cwd=self.folder, stdout=log, stderr=log, start_new_session=True)

    def role(self) -> str:
        """ "primary"; "standby", which has all that was acknowledged; or nothing."""
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self.rest}/patroni", timeout=1) as answer:
                told = json.load(answer)
        except urllib.error.HTTPError as error:  # the answer of a server that is not well
            told = json.load(error)
        except (OSError, ValueError):
            return ""
        if told.get("role") in ("master", "primary"):
            return "primary" if told.get("state") == "running" else ""
        return "standby" if told.get("sync_standby") else ""

    def postmaster(self) -> int | None:
        with contextlib.suppress(OSError, ValueError, IndexError):
            return int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        return None


DCS: dict[str, object] = {
    "ttl": 20,
    "loop_wait": 1,
    "retry_timeout": 3,
    "maximum_lag_on_failover": 1 << 20,
    "synchronous_mode": True,
    "primary_start_timeout": 0,  # who crashed doesn't lead again: the standby does, at once
    "postgresql": {"use_pg_rewind": True, "parameters": {"wal_log_hints": "on", "max_connections": 200}},
}


class PostgresPair:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.nodes = [Node(name, folder / name) for name in NAMES]
        self.etcd_port = free_port()
        self._etcd: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program(str(BINARIES / "postgres"), "postgresql-17")
        self._folder.chmod(0o755)
        client, peer = f"http://{HOST}:{self.etcd_port}", f"http://{HOST}:{free_port()}"
        argv = [program("etcd", "etcd-server"), "--data-dir", str(self._folder / "etcd"), "--name", "etcd"]
        argv += ["--listen-client-urls", client, "--advertise-client-urls", client, "--listen-peer-urls", peer]
        argv += ["--initial-advertise-peer-urls", peer, "--initial-cluster", f"etcd={peer}"]
        with (self._folder / "etcd.log").open("ab") as log:
            self._etcd = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)
        for node in self.nodes:
            node.start(self.etcd_port)
        self.wait_until_whole()

    def roles(self) -> list[str]:
        return [node.role() for node in self.nodes]

    def is_whole(self) -> bool:
        return sorted(self.roles()) == ["primary", "standby"]

    def wait_until_whole(self) -> None:
        """Raises `RuntimeError` where one does not lead and the other follow in time."""
        began, was_helped = time.monotonic(), False
        while not self.is_whole():
            waited = time.monotonic() - began
            if waited > STUCK_S and not was_helped:
                self._start_again()
                was_helped = True
            if waited > READY_S:
                ends = [(node.folder / "log").read_text()[-1500:] for node in self.nodes]
                raise RuntimeError(f"PostgreSQL is not whole: {self.roles()}\n" + "\n\n".join(ends))
            time.sleep(LOOK_S)

    def _start_again(self) -> None:
        """The Patroni of a server that is nothing, as who runs it would: it may wait for one that never starts."""
        for node in self.nodes:
            if not node.role() and node.patroni is not None:
                node.patroni.kill()
                node.patroni.wait()
                node.start(self.etcd_port)

    def leader(self) -> Node | None:
        return next((node for node in self.nodes if node.role() == "primary"), None)

    def stop(self) -> None:
        for node in self.nodes:
            _end(node.patroni)
            if (pid := node.postmaster()) is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGQUIT)
        _end(self._etcd)


def _end(process: subprocess.Popen[bytes] | None, kinds: Sequence[int] = (signal.SIGTERM, signal.SIGKILL)) -> None:
    for kind in kinds if process is not None else ():
        assert process is not None
        process.send_signal(kind)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
            return
