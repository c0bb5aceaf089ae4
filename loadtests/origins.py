"""`python -m loadtests.origins`: a list of an HTTP origin that nobody has cached, beside stock httpx and nginx.

One gateway on one core, an origin and wrk on the other; every user asks once, so that each request is a miss that is
stored: parsed, planned, asked for, kept, answered. The same gateway over httpx as it comes, and nginx serving the same
bytes from its cache, take turns with it. Read the ratios: everything else depends on the machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from loadtests import client, processes, wrk
from loadtests.contest import started
from loadtests.peers import BY_NAME, ORIGIN, Peer, check_installed, written
from loadtests.server import free_port, serving

CONFIG = """
namespaces:
  shop:
    cacheControl: {{userSpecified: {{maxAge: 3600, directives: private}}}}
    recommenders:
      recommend-items:
        origin:
          variations:
            main: {{type: http, url: "http://127.0.0.1:{port}/lists/{{userId}}?count={{numResults}}", timeout: 10}}
"""
MISS, HIT = "/recommend-items/shop/origin/{turn}-%05d", "/recommend-items/shop/for-you/u%05d"
ANSWER = {"itemList": [{"itemId": f"i{number:05}", "score": 0.5 - number / 100} for number in range(25)]}
MISSES, HITS = 33_000, 1_000  # users: more than can be asked for in a second, and as many as are soon cached
OWN, STOCK, BASE = "recgate", "recgate over stock httpx", "nginx proxy_cache hit"
WIDEST = 160


class Contestant(NamedTuple):
    name: str
    port: int
    pid: int


class Turn(NamedTuple):
    name: str
    report: wrk.Report
    cpu_us: float  # of processor time a request


@click.command(help=__doc__)
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 20))
@click.option("--seconds", default=3.0, show_default=True, type=click.FloatRange(0.1, 10), help="Of one turn.")
def main(rounds: int, seconds: float) -> None:
    check_installed([ORIGIN], {"wrk": "wrk"})
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with contestants(Path(folder)) as all_of_them:
            turns = [
                play(each, number, seconds)
                for number in range(-1, rounds)  # the first warms everybody up
                for each in all_of_them
            ][len(all_of_them) :]
    Console(soft_wrap=True, width=WIDEST).print(table(turns))
    failed = sum(turn.report.failed for turn in turns)
    if failed:
        raise click.ClickException(f"{failed} requests failed")


@contextlib.contextmanager
def contestants(folder: Path) -> Iterator[list[Contestant]]:
    core, load_core = processes.cores()
    with contextlib.ExitStack() as stack:
        origin, port = free_port(), free_port()
        argv = command_line(ORIGIN, folder / "origin", origin)
        (folder / "origin" / "answer.json").write_text(json.dumps(ANSWER, separators=(",", ":")))
        stack.enter_context(started(argv, folder / "origin.log", load_core, partial(answers, origin), {}))
        argv = command_line(BY_NAME["nginx"], folder / "nginx", port, origin)
        pid = stack.enter_context(started(argv, folder / "nginx.log", core, partial(answers, port), {}))
        found = [Contestant(BASE, port, pid)]

        config, data = folder / "origins.yaml", folder / "data"
        config.write_text(CONFIG.format(port=origin))
        data.mkdir()
        server = stack.enter_context(serving(data, 1, core, config))
        found.append(Contestant(OWN, server.port, server.running.pid))

        port = free_port()
        argv = [sys.executable, "-m", "loadtests.peers.stock_httpx", str(port), str(folder / "stock"), str(config)]
        pid = stack.enter_context(started(argv, folder / "stock.log", core, partial(answers, port), {}))
        found.append(Contestant(STOCK, port, pid))
        yield found


def command_line(peer: Peer, folder: Path, port: int, origin: int = 0) -> list[str]:
    return peer.argv(written(peer, folder, port, origin), port)


def answers(port: int) -> bool:
    try:
        return asyncio.run(client.get(port, "/ready")).status == 200
    except OSError:
        return False


def play(contestant: Contestant, number: int, seconds: float) -> Turn:
    _, load_core = processes.cores()
    misses = int(MISSES * seconds)
    if contestant.name == BASE:
        load = wrk.Load(contestant.port, HIT, HITS)
    else:
        load = wrk.Load(contestant.port, MISS.format(turn=f"t{number + 1}"), misses, "each")
    pids = processes.family(contestant.pid)
    before = processes.cpu_s(pids)
    report = wrk.drive(load, seconds, load_core)
    if load.order == "each" and report.requests > misses:
        raise RuntimeError("the users of a turn were asked for twice: the second time is a hit")
    return Turn(contestant.name, report, (processes.cpu_s(pids) - before) * 1e6 / max(1, report.requests))


def table(turns: Sequence[Turn]) -> Table:
    columns = ("", f"ratio to {BASE}", "min–max", "CPU µs/request", "ratio by CPU", "requests/s", "p50 ms", "p99 ms")
    shown = Table(*columns, "failed", title="an HTTP origin's answer that nobody has cached", box=SIMPLE)
    base = [turn for turn in turns if turn.name == BASE]
    base_us = median(turn.cpu_us for turn in base)
    for name in dict.fromkeys(turn.name for turn in turns):
        mine = [turn for turn in turns if turn.name == name]
        ratios = [own.report.rate / other.report.rate for own, other in zip(mine, base, strict=True)]
        cpu_us = median(turn.cpu_us for turn in mine)
        shown.add_row(
            name,
            f"{median(ratios):.3f}",
            f"{min(ratios):.3f}–{max(ratios):.3f}",
            f"{cpu_us:.1f}",
            f"{base_us / cpu_us:.3f}",
            f"{median(turn.report.rate for turn in mine):,.0f}",
            f"{median(turn.report.p50_ms for turn in mine):.2f}",
            f"{median(turn.report.p99_ms for turn in mine):.2f}",
            str(sum(turn.report.failed for turn in mine)),
        )
    return shown


if __name__ == "__main__":
    main()
