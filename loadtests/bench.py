"""`python -m loadtests.bench`: hits and misses of recgate, beside caches and services that do the same.

Everyone serves the same 25 items from one core, in alternating rounds, while wrk loads them from another. Read the
ratio to nginx's proxy_cache hit: it ran in every round. Processor time a request is what noise disturbs least.
`python -m loadtests.report` then writes the figures into docs/benchmarks.md.
"""

from __future__ import annotations

import shlex
import sys
import tempfile
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

import click
from rich.console import Console

from loadtests import contest, processes, report, world, wrk
from loadtests.contest import BASE, KINDS, Contestant, Kind
from loadtests.peers import BY_NAME, ORIGIN, check_installed

MEMORY = Path("/dev/shm")
WIDEST = 160


class Round(NamedTuple):
    name: str
    report: wrk.Report
    cpu_us: float  # of processor time a request


@dataclass(frozen=True)
class Line:
    """One contestant's rounds, as they are told. `ratio`, `cpu_ratio`: to the base's."""

    name: str
    how: str
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


@dataclass(frozen=True)
class Plan:
    rounds: int
    seconds: float
    users: int
    items: int
    recipe: str


def listed(names: Collection[str]) -> str:
    return ",".join(names)


@click.command(help=__doc__)
@click.option("--kinds", default=listed(KINDS), show_default=True, help="Of: " + listed(KINDS))
@click.option("--peers", default=listed(BY_NAME), show_default=True, help=f"{BASE} is always among them.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 20))
@click.option("--seconds", default=3.0, show_default=True, type=click.FloatRange(0.1, 30), help="Of one round.")
@click.option("--users", default=10_000, show_default=True, type=click.IntRange(100, 50_000))
@click.option("--items", default=2_000, show_default=True, type=click.IntRange(100, 99_999))
@click.option("--recipe", default=world.QUICK, show_default=True, help="What computes recgate's answers.")
@click.option("--out", default=report.OUT, show_default=True, type=click.Path(path_type=Path, dir_okay=False))
def main(kinds: str, peers: str, rounds: int, seconds: float, users: int, items: int, recipe: str, out: Path) -> None:
    chosen = {name: KINDS[name] for name in among(KINDS, kinds, "--kinds")}
    wanted = [name for name in BY_NAME if name in (BASE, *among(BY_NAME, peers, "--peers"))]
    needed = [BY_NAME[name] for name in wanted if any(name in (*k.cached, *k.passing) for k in chosen.values())]
    redis = {"redis-server": "redis-server"} if any(kind.redis for kind in chosen.values()) else {}
    check_installed([ORIGIN, *needed], {"wrk": "wrk", **redis})
    processes.cores()  # there must be two
    console = Console(soft_wrap=True, width=WIDEST)
    began = time.monotonic()
    plan = Plan(rounds, seconds, users, items, recipe)
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as place:
        folder = Path(place)
        folder.chmod(0o755)
        world.prepare(folder / "data", world.Size(items, users), {"for-you": recipe}, console)
        for name, kind in chosen.items():
            lines = measure(kind, folder / name, folder / "data", wanted, plan)
            report.keep(out, name, {**asdict(plan), "command": command(), "lines": [asdict(line) for line in lines]})
            console.print(report.table(kind.title, [asdict(line) for line in lines]))
    console.print(f"{out} written; {time.monotonic() - began:.0f} s")


def among(known: Collection[str], said: str, option: str) -> list[str]:
    names = [name.strip() for name in said.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise click.BadParameter(f"{name} is none of {listed(known)}", param_hint=option)
    return names


def command() -> str:
    return shlex.join(["python", "-m", "loadtests.bench", *sys.argv[1:]])


# ---- the rounds


def measure(kind: Kind, folder: Path, data: Path, peers: Collection[str], plan: Plan) -> list[Line]:
    folder.mkdir()
    folder.chmod(0o755)
    with contest.contestants(kind, folder, data, peers) as all_of_them:
        for each in all_of_them:
            contest.warm(each, kind, plan.users)
        contest.compare(all_of_them, kind, plan.users)
        played = [play(each, kind, plan) for _ in range(plan.rounds) for each in all_of_them]
        return [line(each, played, base_of(each, all_of_them)) for each in all_of_them]


def base_of(contestant: Contestant, all_of_them: Sequence[Contestant]) -> str:
    """Whom it is compared with: nginx's cache, or its own program with one worker where numbers of workers compete."""
    own = next(each for each in all_of_them if each.program == contestant.program)
    return next((each.name for each in all_of_them if each.name == BASE), own.name)


def play(contestant: Contestant, kind: Kind, plan: Plan) -> Round:
    pids = processes.family(contestant.pid)
    before = processes.cpu_s(pids)
    load = wrk.Load(contestant.port, contestant.path, plan.users, headers=kind.headers)
    said = wrk.drive(load, plan.seconds, contestant.load_cores)
    spent = processes.cpu_s(pids) - before
    return Round(contestant.name, said, spent * 1e6 / max(1, said.requests))


def line(contestant: Contestant, played: Sequence[Round], base: str) -> Line:
    mine = [each for each in played if each.name == contestant.name]
    others = [each for each in played if each.name == base]
    ratios = [own.report.rate / other.report.rate for own, other in zip(mine, others, strict=True)]
    cpu_us = median(each.cpu_us for each in mine)
    return Line(
        name=contestant.name,
        how=contestant.how,
        ratio=median(ratios),
        least=min(ratios),
        most=max(ratios),
        rate=median(each.report.rate for each in mine),
        cpu_us=cpu_us,
        cpu_ratio=median(each.cpu_us for each in others) / cpu_us,
        p50_ms=median(each.report.p50_ms for each in mine),
        p99_ms=median(each.report.p99_ms for each in mine),
        answer_bytes=sum(each.report.bytes for each in mine) / max(1, sum(each.report.requests for each in mine)),
        failed=sum(each.report.failed for each in mine),
        peak_mib=processes.peak_mib(processes.family(contestant.pid)),
    )


if __name__ == "__main__":
    main()
