"""`python -m loadtests.startup`: seconds from starting `recgate serve` to its first recommendation, by a trained model.

As after an installation: bytecode is compiled before the first start that counts. Processor time is told too, since
whatever else runs on the machine delays a start. Ends with status 1 where the median takes longer than it may, or where
a worker has mapped torch: models answer without it.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import click
from rich.console import Console

from gateway.processes.supervisor import python
from loadtests import client, processes, world
from loadtests.server import free_port

PATH = "/recommend-items/shop/for-you/u00001"
MOVIELENS = world.Size(items=1_682, users=943, each=106)
TRAINED = {"sequence_epochs": "1"}  # the size of the model does not depend on it
LIMIT_S = 1.5
PATIENCE_S = 60.0
LOOK_S = 0.005


class Start(NamedTuple):
    seconds: float
    cpu_s: dict[str, float]  # until the first answer, by process
    torch: bool  # in a worker


@click.command(help=__doc__)
@click.option("--starts", default=7, show_default=True, type=click.IntRange(1, 50))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 16))
@click.option("--recipe", default="aws-user-personalization-v2", show_default=True)
def main(starts: int, workers: int, recipe: str) -> None:
    console = Console(soft_wrap=True)
    settings = {"for-you": TRAINED} if "personalization" in recipe else {}
    with tempfile.TemporaryDirectory() as place:
        data = Path(place) / "data"
        world.prepare(data, MOVIELENS, {"for-you": recipe}, console, settings)
        compiled = {"PYTHONPYCACHEPREFIX": str(Path(place) / "compiled"), "PYTHONDONTWRITEBYTECODE": ""}
        start_once(data, workers, compiled)
        found = [start_once(data, workers, compiled) for _ in range(starts)]
    raise SystemExit(0 if told(console, found) else 1)


def start_once(data: Path, workers: int, environ: dict[str, str]) -> Start:
    port = free_port()
    argv = python("gateway", "serve", "--config", str(world.CONFIG), "--data", str(data), "--port", str(port))
    with (data / "server.log").open("ab") as out:
        began = time.monotonic()
        process = processes.spawn([*argv, "--workers", str(workers)], (), out, environ)
    try:
        asyncio.run(answered(port, began + PATIENCE_S))
        seconds = time.monotonic() - began
        family = processes.family(process.pid)
        serving = [pid for pid in family if processes.name(pid).startswith("worker")]
        cpu_s = {"supervisor": processes.cpu_s([process.pid]), "workers": processes.cpu_s(serving)}
        return Start(seconds, cpu_s, any(processes.maps(pid, "libtorch") for pid in serving))
    finally:
        processes.stop(process)


async def answered(port: int, deadline: float) -> None:
    """Raises `RuntimeError` where there is no answer in time."""
    while time.monotonic() < deadline:
        try:
            if (await client.get(port, PATH)).status == 200:
                return
        except OSError:
            pass
        await asyncio.sleep(LOOK_S)
    raise RuntimeError("the server does not answer")


def told(console: Console, found: Sequence[Start]) -> bool:
    seconds = [each.seconds for each in found]
    spent = {name: median(each.cpu_s[name] for each in found) for name in found[0].cpu_s}
    torch = any(each.torch for each in found)
    console.print(
        f"[bold]first answer {median(seconds):.2f} s after the start[/bold] ({min(seconds):.2f}–{max(seconds):.2f},"
        f" {len(found)} starts); the limit is {LIMIT_S} s"
    )
    console.print(f"processor time: {', '.join(f'{name} {value:.2f} s' for name, value in spent.items())}")
    console.print(f"torch in a worker: {'yes' if torch else 'no'}")
    return median(seconds) <= LIMIT_S and not torch


if __name__ == "__main__":
    main()
