"""`python -m loadtests.outbound`: the gateway's own requests beside those of httpx, aiohttp and pyreqwest.

Each client is a process on one core and asks an nginx on the other, over connections that stay open. They take turns.
Read the processor time: it is the whole process's, with the threads of pyreqwest's runtime.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import click
import msgspec
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from loadtests import processes
from loadtests.contest import started
from loadtests.origins import answers, command_line
from loadtests.peers import ORIGIN, Missing, check_installed
from loadtests.peers.http_clients import CLIENTS, WARM_UP_S, ClientRun, recgate
from loadtests.server import free_port

BASE, END_S, WIDEST = recgate.__name__, 30.0, 160
# A process of a client alone gives the end of its heap back after each large answer, and takes it anew: a worker of the
# gateway, with more in its heap, does not.
ENVIRON = {"MALLOC_TRIM_THRESHOLD_": str(16 * 1024 * 1024)}


@click.command(help=__doc__)
@click.option("--clients", default=",".join(CLIENTS), show_default=True, help="The gateway's own goes first.")
@click.option("--items", default=25, show_default=True, type=click.IntRange(1, 100_000), help="Of an answer.")
@click.option("--connections", default=16, show_default=True, type=click.IntRange(1, 500))
@click.option("--rounds", default=7, show_default=True, type=click.IntRange(1, 20))
@click.option("--seconds", default=1.5, show_default=True, type=click.FloatRange(0.01, 10), help="Of one turn.")
def main(clients: str, items: int, connections: int, rounds: int, seconds: float) -> None:
    names = list(dict.fromkeys([BASE, *clients.split(",")]))
    if unknown := [name for name in names if name not in CLIENTS]:
        raise click.BadParameter(f"{unknown[0]} is none of {','.join(CLIENTS)}", param_hint="--clients")
    check_installed([ORIGIN], {})
    if absent := [name for name in names if name != BASE and find_spec(name) is None]:
        raise Missing(absent, "pip install -e '.[bench]'")
    runs: dict[str, list[ClientRun]] = {name: [] for name in names}
    with origin(items) as url:
        for _ in range(rounds):
            for name in names:
                runs[name].append(run_client(name, url, connections, seconds))
    Console(soft_wrap=True, width=WIDEST).print(table(runs))


@contextlib.contextmanager
def origin(items: int) -> Iterator[str]:
    """An nginx on the second core that answers with a list; its URL."""
    _, core = processes.cores()
    port = free_port()
    scored = [{"itemId": f"i{number:05}", "score": round(1 / (number + 2), 5)} for number in range(items)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        argv = command_line(ORIGIN, folder / "origin", port)
        (folder / "origin" / "answer.json").write_text(json.dumps({"itemList": scored}, separators=(",", ":")))
        with started(argv, folder / "origin.log", core, partial(answers, port), {}):
            yield f"http://127.0.0.1:{port}/lists/u1?count={items}"


def run_client(name: str, url: str, connections: int, seconds: float) -> ClientRun:
    core, _ = processes.cores()
    argv = [sys.executable, "-m", "loadtests.peers.http_clients", name, url, str(connections), str(seconds)]
    process = processes.spawn(argv, core, subprocess.PIPE, ENVIRON)
    output, _ = process.communicate(timeout=WARM_UP_S + seconds + END_S)
    if process.returncode:
        raise click.ClickException(f"{name} failed:\n{output.decode(errors='replace')}")
    return msgspec.json.decode(output.splitlines()[-1], type=ClientRun)


def table(runs: Mapping[str, Sequence[ClientRun]]) -> Table:
    size = runs[BASE][0].answer_bytes
    columns = ("", "CPU µs/request", "min–max", f"ratio to {BASE}", "min–max", "requests/s")
    result = Table(*columns, title=f"requests to an HTTP origin, answers of {size:,} bytes", box=SIMPLE)
    base = list(map(cpu_us, runs[BASE]))
    for name, client_runs in runs.items():
        costs = list(map(cpu_us, client_runs))
        ratios = [cost / own for cost, own in zip(costs, base, strict=True)]
        result.add_row(
            name,
            f"{median(costs):.1f}",
            f"{min(costs):.1f}–{max(costs):.1f}",
            f"{median(ratios):.2f}",
            f"{min(ratios):.2f}–{max(ratios):.2f}",
            f"{median(each.answers / each.clock_s for each in client_runs):,.0f}",
        )
    return result


def cpu_us(client_run: ClientRun) -> float:
    return client_run.cpu_s * 1e6 / client_run.answers


if __name__ == "__main__":
    main()
