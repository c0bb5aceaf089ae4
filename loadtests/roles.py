"""`python -m loadtests.roles`: what a gateway before an engine costs, in processor time.

One server, and a gateway before an engine, in turn, over the PostgreSQL of `RECGATE_DATABASE_URL`, whose database is
empty (and the Redis of `RECGATE_REDIS_URL`, if it names one). All processes of each are counted, but for PostgreSQL.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import click
from rich.console import Console

from loadtests import processes, world, wrk
from loadtests.server import Server, check_postgres

CONFIG = Path(__file__).with_name("roles.yaml")
ITEMS, USERS, FEW = 5_000, 2_000, 200
PATHS = {"hit": ("/recommend-items/shop/kept/u%05d", FEW), "miss": ("/recommend-items/shop/fresh/u%05d", USERS)}
MOST = {"hit": 1.1, "miss": 1.5}  # times the cost of one server
WARM_S = 2.0
CONNECTIONS = 16


class Gateway(Server):
    """It has no job process."""

    def whole(self) -> bool:
        return self.ready()


@click.command(help=__doc__)
@click.option("--seconds", default=5.0, show_default=True, type=click.FloatRange(1, 60), help="Of each part.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 20))
def main(seconds: float, rounds: int) -> None:
    console = Console(soft_wrap=True)
    check_postgres()
    if shutil.which("wrk") is None:
        raise click.ClickException("not installed: wrk")
    with tempfile.TemporaryDirectory() as folder:
        costs = measure(Path(folder), seconds, rounds, console)
    too_much = False
    for kind, most in MOST.items():
        one, apart = (median(costs[kind, place]) for place in ("one", "apart"))
        too_much |= apart > most * one
        console.print(
            f"a {kind}: {one:.1f} µs, apart {apart:.1f} µs: [bold]{apart / one:.2f}[/bold] times, {most} at most"
        )
    raise SystemExit(too_much)


def measure(folder: Path, seconds: float, rounds: int, console: Console) -> dict[tuple[str, str], list[float]]:
    """Microseconds of processor time for each answer, by its kind and by who gave it."""
    core, load_core = processes.cores()
    models = {"for-you": "aws-user-personalization-v2"}
    world.prepare(folder / "one", world.Size(ITEMS, USERS), models, console, {"for-you": {"sequence_epochs": "1"}})
    shutil.copytree(folder / "one", folder / "engine", ignore=shutil.ignore_patterns("doorbell*", "run"))
    (folder / "gateway").mkdir()
    costs: dict[tuple[str, str], list[float]] = {(kind, place): [] for kind in PATHS for place in ("one", "apart")}
    with ExitStack() as closing:
        one = started(Server(folder / "one", 1, core, CONFIG), closing)
        engine = started(Server(folder / "engine", 1, core, CONFIG, {"RECGATE_ROLE": "engine"}), closing)
        asking = {"RECGATE_ROLE": "gateway", "RECGATE_ENGINES": f"http://127.0.0.1:{engine.port}"}
        gateway = started(Gateway(folder / "gateway", 1, core, CONFIG, asking), closing)
        for path, users in PATHS.values():
            for place in (one, gateway):
                wrk.drive(wrk.Load(place.port, path, users), WARM_S, load_core, CONNECTIONS)
        for _ in range(rounds):
            for kind, (path, users) in PATHS.items():
                for name, servers in (("one", [one]), ("apart", [gateway, engine])):
                    load = wrk.Load(servers[0].port, path, users)
                    costs[kind, name].append(cost_us(load, servers, seconds, load_core))
                    console.print(f"{kind} {name}: {costs[kind, name][-1]:.1f} µs")
    return costs


def started(server: Server, closing: ExitStack) -> Server:
    server.start()
    closing.callback(server.stop)
    return server


def cost_us(load: wrk.Load, servers: Sequence[Server], seconds: float, load_core: tuple[int]) -> float:
    time.sleep(0.5)  # for what the last part has left to do
    pids = [pid for server in servers for pid in server.family()]
    before = processes.cpu_s(pids)
    report = wrk.drive(load, seconds, load_core, CONNECTIONS)
    if report.failed:
        raise RuntimeError(f"{report.failed} of {report.requests} requests failed")
    return (processes.cpu_s(pids) - before) * 1e6 / report.requests


if __name__ == "__main__":
    main()
