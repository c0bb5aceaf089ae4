"""wrk, driven by the script beside the peers: many users, 64 connections, one thread on one core."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from loadtests.processes import keep_to

SCRIPT = Path(__file__).parent / "peers" / "users.lua"
CONNECTIONS = 64
SLACK_S = 20

Order = Literal["random", "each"]


@dataclass(frozen=True)
class Load:
    """`path` has one %d for the user's number."""

    port: int
    path: str
    users: int
    order: Order = "random"
    first: int = 0


@dataclass(frozen=True)
class Report:
    requests: int
    seconds: float
    bytes: int
    failed: int
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def drive(load: Load, seconds: int, core: int, connections: int = CONNECTIONS) -> Report:
    """Raises `RuntimeError` with what wrk said where it reports nothing."""
    done = subprocess.run(
        command_line(load, seconds, connections),
        capture_output=True,
        text=True,
        timeout=seconds + SLACK_S,
        check=False,
        preexec_fn=keep_to(core),
    )
    return parse(done.stdout + done.stderr)


def command_line(load: Load, seconds: int, connections: int) -> list[str]:
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(SCRIPT), f"http://127.0.0.1:{load.port}"]
    return [*argv, "--", load.path, str(load.users), load.order, str(load.first)]


def parse(said: str) -> Report:
    """The script's one line of JSON among what wrk prints."""
    line = next((line for line in said.splitlines() if line.startswith("{")), None)
    if line is None:
        raise RuntimeError(f"wrk reports nothing:\n{said}")
    return Report(**json.loads(line))
