"""wrk, driven by the script beside the peers: many users, 64 connections from each core."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
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
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Recording:
    """Requests that were recorded, and the script that reads their bytes and their lengths from these files."""

    port: int
    script: Path
    bytes: Path
    lengths: Path


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


def drive(load: Load | Recording, seconds: float, cores: Collection[int], connections: int = CONNECTIONS) -> Report:
    """From each of the cores at once, with so many connections each. Raises `RuntimeError` with what wrk said where it
    reports nothing."""
    with ThreadPoolExecutor(len(cores)) as pool:
        return total(list(pool.map(partial(_drive, load, seconds, connections), cores)))


def _drive(load: Load | Recording, seconds: float, connections: int, core: int) -> Report:
    """wrk knows whole seconds only; it reports what it has done where it is interrupted before."""
    argv, pipe = command_line(load, math.ceil(seconds), connections), subprocess.PIPE
    with subprocess.Popen(argv, stdout=pipe, stderr=pipe, text=True, preexec_fn=keep_to([core])) as process:
        try:
            assert process.stderr is not None
            first = process.stderr.readline()  # the script says that it begins
            if seconds < math.ceil(seconds):
                time.sleep(seconds)
                process.send_signal(signal.SIGINT)
            out, errors = process.communicate(timeout=seconds + SLACK_S)
        except BaseException:
            process.kill()
            raise
    return parse(out + first + errors)


def total(reports: Sequence[Report]) -> Report:
    """Of loads at the same time; the latencies are those of the slowest."""
    return Report(
        requests=sum(each.requests for each in reports),
        seconds=max(each.seconds for each in reports),
        bytes=sum(each.bytes for each in reports),
        failed=sum(each.failed for each in reports),
        p50_ms=max(each.p50_ms for each in reports),
        p99_ms=max(each.p99_ms for each in reports),
    )


def command_line(load: Load | Recording, seconds: int, connections: int) -> list[str]:
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s"]
    if isinstance(load, Recording):
        return [*argv, str(load.script), f"http://127.0.0.1:{load.port}", "--", str(load.bytes), str(load.lengths)]
    argv.append(str(SCRIPT))
    for name, value in load.headers.items():
        argv += ["-H", f"{name}: {value}"]
    return [*argv, f"http://127.0.0.1:{load.port}", "--", load.path, str(load.users), load.order]


def parse(said: str) -> Report:
    """The script's one line of JSON among what wrk prints."""
    line = next((line for line in said.splitlines() if line.startswith("{")), None)
    if line is None:
        raise RuntimeError(f"wrk reports nothing:\n{said}")
    return Report(**json.loads(line))
