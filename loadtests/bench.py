"""`python -m loadtests.bench`: a cached answer and a computed one, beside nginx and fastapi-cache2.

Everyone serves the same 25 items from one core, in alternating rounds, while wrk loads them from another. Read the
ratio to nginx: it ran in every round. Processor time a request is what noise on the machine disturbs least.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from loadtests import client, processes, world, wrk
from loadtests.peers import nginx
from loadtests.server import free_port, serving

OUT = Path(__file__).parent / "out" / "bench.json"
HIT, MISS = "/recommend-items/shop/for-you/u%05d", "/recommend-items/shop/fresh/u%05d"
MEMORY = Path("/dev/shm")
PROBES = 20  # users whose answers are compared
WARM_ROUNDS = 60
READY_S = 15.0
WIDEST = 160
BASE = "nginx"
CACHE_HEADERS = ("x-cache", "x-fastapi-cache")


class Missing(click.ClickException):
    """A program that the measurement needs is not installed."""

    def __init__(self, names: Sequence[str]) -> None:
        packages = " ".join(names)
        super().__init__(f"not installed: {packages}; on Debian and Ubuntu: apt-get install {packages}")


class Contestant(NamedTuple):
    name: str
    port: int
    pid: int
    about: dict[str, str]  # by kind: what a request costs it


class Round(NamedTuple):
    kind: str
    name: str
    report: wrk.Report
    cpu_us: float  # of processor time a request


@dataclass(frozen=True)
class Line:
    """One contestant's rounds of one kind, as they are told."""

    kind: str
    name: str
    about: str
    ratio: float
    least: float
    most: float
    rate: float
    cpu_us: float
    cpu_ratio: float
    p50_ms: float
    p99_ms: float
    answer_bytes: float
    failed: int
    peak_mib: float


@click.command(help=__doc__)
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 20))
@click.option("--seconds", default=3, show_default=True, type=click.IntRange(1, 30), help="Of one round.")
@click.option("--users", default=10_000, show_default=True, type=click.IntRange(100, 50_000))
@click.option("--recipe", default=world.QUICK, show_default=True, help="What computes recgate's answers.")
@click.option("--out", default=OUT, show_default=True, type=click.Path(path_type=Path, dir_okay=False))
def main(rounds: int, seconds: int, users: int, recipe: str, out: Path) -> None:
    absent = [name for name in ("wrk", "nginx") if shutil.which(name) is None]
    if absent:
        raise Missing(absent)
    console = Console(soft_wrap=True, width=WIDEST)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        Path(folder).chmod(0o755)
        lines = measure(Path(folder), rounds, seconds, users, recipe, console)
    for kind in ("hit", "miss"):
        console.print(table(kind, [line for line in lines if line.kind == kind]))
    out.parent.mkdir(parents=True, exist_ok=True)
    told = {"rounds": rounds, "seconds": seconds, "users": users, "recipe": recipe}
    out.write_text(json.dumps({**told, "lines": [asdict(line) for line in lines]}, indent=2) + "\n")
    console.print(f"{out} written; {time.monotonic() - began:.0f} s")


def measure(folder: Path, rounds: int, seconds: int, users: int, recipe: str, console: Console) -> list[Line]:
    world.prepare(folder / "data", world.Size(users=users), {"for-you": recipe}, console)
    with contestants(folder) as all_of_them:
        _, core = processes.cores()
        for each in all_of_them:
            warm(each, users, core)
        compare(all_of_them, users)
        played = [
            play(each, kind, path, users, seconds, core)
            for kind, path in (("hit", HIT), ("miss", MISS))
            for _ in range(rounds)
            for each in all_of_them
        ]
        return summed_up(played, all_of_them)


# ---- who takes part


@contextlib.contextmanager
def contestants(folder: Path) -> Iterator[list[Contestant]]:
    """recgate first: its answer to one user is what the others serve to all."""
    core, load_core = processes.cores()
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(serving(folder / "data", 1, core))
        answer = asyncio.run(client.get(server.port, MISS % 0)).body
        about = {"hit": "its cache", "miss": "its engine answers"}
        found = [Contestant("recgate", server.port, server.running.pid, about)]

        origin_port, port = free_port(), free_port()
        origin = nginx.written("origin.conf", folder / "origin", origin_port)
        (folder / "origin" / "answer.json").write_bytes(answer)
        stack.enter_context(started(nginx.command_line(origin), origin_port, load_core))
        cached = nginx.written("nginx.conf", folder / "nginx", port, origin_port)
        pid = stack.enter_context(started(nginx.command_line(cached), port, core))
        about = {"hit": "proxy_cache", "miss": "proxy_pass to a file"}
        found.append(Contestant("nginx", port, pid, about))

        port = free_port()
        argv = [sys.executable, "-m", "uvicorn", "loadtests.peers.fastapi_cached:app", "--port", str(port)]
        argv += ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
        environ = {"ANSWER": str(folder / "origin" / "answer.json")}
        pid = stack.enter_context(started(argv, port, core, environ))
        about = {"hit": "fastapi-cache2 in memory", "miss": "handler returns a constant"}
        found.append(Contestant("FastAPI", port, pid, about))
        yield found


@contextlib.contextmanager
def started(argv: Sequence[str], port: int, core: int, environ: Mapping[str, str] | None = None) -> Iterator[int]:
    process = processes.spawn(argv, core, environ=environ)
    try:
        deadline = time.monotonic() + READY_S
        while not answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{argv[0]} does not answer on port {port}")
            time.sleep(0.05)
        yield process.pid
    finally:
        processes.stop(process)


def answers(port: int) -> bool:
    try:
        return asyncio.run(client.get(port, MISS % 0)).status == 200
    except OSError:
        return False


# ---- the rounds


def warm(contestant: Contestant, users: int, core: int) -> None:
    """Ask for every user once, so that the rounds find all of them in the cache."""
    asked = 0
    for _ in range(WARM_ROUNDS):
        if asked >= users:
            return
        load = wrk.Load(contestant.port, HIT, users, "each", asked)
        asked += wrk.drive(load, 1, core).requests
    raise RuntimeError(f"{contestant.name} answered only {asked} of {users} users")


def compare(all_of_them: Sequence[Contestant], users: int) -> None:
    """Every probed answer is a hit and as long as the others'."""
    size = len(asyncio.run(client.get(all_of_them[0].port, HIT % 0)).body)
    for contestant in all_of_them:
        for user in range(0, users, max(1, users // PROBES)):
            answer = asyncio.run(client.get(contestant.port, HIT % user))
            outcome = next((answer.headers[name] for name in CACHE_HEADERS if name in answer.headers), "none")
            if answer.status != 200 or outcome.lower() != "hit" or len(answer.body) != size:
                said = f"status {answer.status}, cache {outcome}, {len(answer.body)} bytes"
                raise RuntimeError(f"{contestant.name} is not comparable: {said} for user {user}, {size} bytes wanted")


def play(contestant: Contestant, kind: str, path: str, users: int, seconds: int, core: int) -> Round:
    pids = processes.family(contestant.pid)
    before = processes.cpu_s(pids)
    report = wrk.drive(wrk.Load(contestant.port, path, users), seconds, core)
    spent = processes.cpu_s(pids) - before
    return Round(kind, contestant.name, report, spent * 1e6 / max(1, report.requests))


def summed_up(played: Sequence[Round], all_of_them: Sequence[Contestant]) -> list[Line]:
    peaks = {each.name: processes.peak_mib(processes.family(each.pid)) for each in all_of_them}
    return [line(kind, each, played, peaks[each.name]) for kind in ("hit", "miss") for each in all_of_them]


def line(kind: str, contestant: Contestant, played: Sequence[Round], peak_mib: float) -> Line:
    mine = [each for each in played if (each.kind, each.name) == (kind, contestant.name)]
    base = [each for each in played if (each.kind, each.name) == (kind, BASE)]
    ratios = [own.report.rate / other.report.rate for own, other in zip(mine, base, strict=True)]
    cpu_us = median(each.cpu_us for each in mine)
    return Line(
        kind=kind,
        name=contestant.name,
        about=contestant.about[kind],
        ratio=median(ratios),
        least=min(ratios),
        most=max(ratios),
        rate=median(each.report.rate for each in mine),
        cpu_us=cpu_us,
        cpu_ratio=median(each.cpu_us for each in base) / cpu_us,
        p50_ms=median(each.report.p50_ms for each in mine),
        p99_ms=median(each.report.p99_ms for each in mine),
        answer_bytes=sum(each.report.bytes for each in mine) / max(1, sum(each.report.requests for each in mine)),
        failed=sum(each.report.failed for each in mine),
        peak_mib=peak_mib,
    )


def table(kind: str, lines: Sequence[Line]) -> Table:
    title = {"hit": "a cached answer, many users", "miss": "an answer that nobody has cached"}[kind]
    columns: tuple[str, ...] = (
        "",
        "how",
        f"ratio to {BASE}",
        "min–max",
        "CPU µs/request",
        "ratio by CPU",
        "requests/s",
        "p50 ms",
    )
    columns += ("p99 ms", "bytes", "failed", "peak MiB")
    shown = Table(*columns, title=title, title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    for each in sorted(lines, key=lambda each: -each.ratio):
        shown.add_row(
            each.name,
            each.about,
            f"{each.ratio:.3f}",
            f"{each.least:.3f}–{each.most:.3f}",
            f"{each.cpu_us:.1f}",
            f"{each.cpu_ratio:.3f}",
            f"{each.rate:,.0f}",
            f"{each.p50_ms:.2f}",
            f"{each.p99_ms:.2f}",
            f"{each.answer_bytes:.0f}",
            str(each.failed),
            f"{each.peak_mib:.0f}",
        )
    return shown


if __name__ == "__main__":
    main()
