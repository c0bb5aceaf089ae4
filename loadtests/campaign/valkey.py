"""A Valkey cluster of six: three masters with a replica each."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.campaign.postgres import program
from loadtests.client import HOST
from loadtests.server import free_port

NODES, MASTERS = 6, 3
READY_S = 30.0
ANSWER_S = 5.0
LOOK_S = 0.1


@dataclass
class ValkeyNode:
    folder: Path
    port: int = field(default_factory=free_port)
    bus: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        argv = [program("valkey-server", "valkey-server"), "--port", str(self.port), "--bind", HOST]
        argv += ["--cluster-enabled", "yes", "--cluster-port", str(self.bus), "--cluster-node-timeout", "2000"]
        argv += ["--save", "", "--appendonly", "no", "--dir", str(self.folder)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)

    def said(self, *command: str) -> str:
        """The answer to a command, an error too; nothing where nobody answers."""
        try:
            with socket.create_connection((HOST, self.port), ANSWER_S) as connection, connection.makefile("rb") as file:
                connection.sendall(" ".join(command).encode() + b"\r\n")
                head = file.readline()
                told = file.read(int(head[1:])) if head.startswith(b"$") else head[1:]
        except OSError:
            return ""
        return told.decode()

    def is_master(self) -> bool:
        return "role:master" in self.said("info", "replication")

    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def kill(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


class ValkeyCluster:
    def __init__(self, folder: Path) -> None:
        self.nodes = [ValkeyNode(folder / f"node-{number}") for number in range(NODES)]

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"{HOST}:{node.port}" for node in self.nodes)

    def start(self) -> None:
        for node in self.nodes:
            node.folder.parent.mkdir(parents=True, exist_ok=True)
            node.start()
        deadline = time.monotonic() + READY_S
        while not all(node.said("ping").startswith("PONG") for node in self.nodes):
            _wait(deadline, "Valkey does not start")
            for node in self.nodes:
                if node.has_ended():  # somebody else has had its port in the meantime
                    node.port, node.bus = free_port(), free_port()
                    node.start()
        for node in self.nodes[1:]:
            node.said("cluster", "meet", HOST, str(self.nodes[0].port), str(self.nodes[0].bus))
        share = 16384 // MASTERS
        for place, node in enumerate(self.nodes[:MASTERS]):
            last = 16383 if place == MASTERS - 1 else (place + 1) * share - 1
            node.said("cluster", "addslotsrange", str(place * share), str(last))
        for place, node in enumerate(self.nodes[MASTERS:]):
            master = self.nodes[place].said("cluster", "myid").strip()
            while "OK" not in node.said("cluster", "replicate", master):
                _wait(deadline, "a Valkey replica finds no master")
        while not self.is_whole():
            _wait(deadline, "the Valkey cluster is not whole")

    def has_masters(self) -> bool:
        """Somebody serves each share of the slots."""
        return sum(node.process is not None and node.is_master() for node in self.nodes) == MASTERS

    def is_whole(self) -> bool:
        """All slots are served, and every master has a replica that is in step."""
        up = [node for node in self.nodes if node.process is not None]
        masters = [node for node in up if node.is_master()]
        return (
            len(up) == NODES
            and all("cluster_state:ok" in node.said("cluster", "info") for node in up)
            and len(masters) == MASTERS
            and all("state=online" in node.said("info", "replication") for node in masters)
        )

    def a_master(self) -> ValkeyNode:
        return next(node for node in self.nodes if node.process is not None and node.is_master())

    def empty(self) -> None:
        for node in self.nodes:
            if node.process is not None and node.is_master():
                node.said("flushall")

    def stop(self) -> None:
        for node in self.nodes:
            node.kill()


def _wait(deadline: float, message: str) -> None:
    if time.monotonic() > deadline:
        raise RuntimeError(message)
    time.sleep(LOOK_S)
