"""`python -m loadtests.compressed`: the bytes of a list of 25 with metadata, and what a compressed hit costs.

The gateway answers many users' lists from its cache: plain, by gzip and by Zstandard. nginx before it answers the same
requests from its own cache, which holds the gateway's answers as they came, so that bytes and headers are the same. One
core serves and another asks; the contestants take turns. Prints a row of Markdown for each: bytes, requests a second,
processor time of a request, and both ratios to nginx's with the same coding.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.console import Console

from loadtests import processes, world, wrk
from loadtests.metadata import fields_of
from loadtests.peers.caching_nginx import caching_nginx
from loadtests.server import serving

CODINGS = ("identity", "gzip", "zstd")
PATH = "/recommend-items/shop/popular/u%05d"
CONFIG = """
cache: {{megabytes: 256}}
namespaces:
  shop:
    inferenceItemMetadata: {{type: localdb, source: {items}}}
    cacheControl: {{userSpecified: {{maxAge: 3600, directives: private}}}}
    recommenders: {{recommend-items: {{popular: {{variations: {{main: {{type: engine, model: popular}}}}}}}}}}
"""
KEPT_BY = "proxy_cache_key $uri$http_accept_encoding;"


@dataclass
class CodedContestant:
    name: str
    port: int
    pids: Sequence[int]
    coding: str
    size: int
    rates: list[float] = field(default_factory=list)
    microseconds: list[float] = field(default_factory=list)

    def play(self, seconds: float, users: int, cores: Sequence[int]) -> None:
        load = wrk.Load(self.port, PATH, users, headers={"Accept-Encoding": self.coding})
        before = processes.cpu_s(self.pids)
        report = wrk.drive(load, seconds, cores)
        if report.failed:
            raise RuntimeError(f"{self.name}: {report.failed} requests failed")
        self.microseconds.append((processes.cpu_s(self.pids) - before) / report.requests * 1e6)
        self.rates.append(report.rate)


def answer(port: int, coding: str) -> tuple[bytes, Mapping[str, str]]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{PATH % 1}", headers={"Accept-Encoding": coding})
    with urllib.request.urlopen(request) as response:
        return response.read(), response.headers


def checked(port: int, coding: str) -> bytes:
    body, headers = answer(port, coding)
    if (headers["Content-Encoding"] or "identity") != coding:
        raise RuntimeError(f"an answer came as {headers['Content-Encoding']} in place of {coding}")
    return body


@click.command(help=__doc__)
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 100))
@click.option("--seconds", default=3.0, show_default=True, type=click.FloatRange(0.1, 60), help="Of each turn.")
@click.option("--users", default=1_000, show_default=True, type=click.IntRange(10, 10_000))
def main(rounds: int, seconds: float, users: int) -> None:
    console = Console(soft_wrap=True)
    mine, other = processes.cores()
    with tempfile.TemporaryDirectory() as place, ExitStack() as running:
        folder, size = Path(place), world.Size()
        world.prepare(folder / "data", size, {"popular": world.QUICK}, console)
        rows = ({"id": world.item_name(number), **fields_of(number)} for number in range(size.items))
        (folder / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (folder / "shop.yaml").write_text(CONFIG.format(items=folder / "items.jsonl"))
        server = running.enter_context(serving(folder / "data", 1, mine, folder / "shop.yaml"))
        port, pids = running.enter_context(caching_nginx(folder / "nginx", server.port, KEPT_BY, mine))
        servers = {"recgate": (server.port, server.worker_pids()), "nginx": (port, pids)}
        contestants = [
            CodedContestant(name, at, each, coding, len(checked(at, coding)))
            for coding in CODINGS
            for name, (at, each) in servers.items()
        ]
        for each in contestants:
            for _ in range(3):  # each list is asked for often enough to be kept ready
                each.play(seconds, users, other)
            each.rates.clear()
            each.microseconds.clear()
        for _ in range(rounds):
            for each in contestants:
                each.play(seconds, users, other)
        for ours, theirs in zip(contestants[::2], contestants[1::2], strict=True):
            console.print(row_of(ours, theirs), markup=False)
            console.print(row_of(theirs, theirs), markup=False)


def row_of(each: CodedContestant, base: CodedContestant) -> str:
    rates = ratios(each.rates, base.rates)
    times = ratios(each.microseconds, base.microseconds)
    numbers = f"{each.size:,} | {statistics.median(each.rates):,.0f} | {statistics.median(each.microseconds):.1f}"
    return f"| {each.name}, {each.coding} | {numbers} | {rates} | {times} |"


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """The median over the rounds, and the least and the greatest."""
    each = [one / other for one, other in zip(ours, theirs, strict=True)]
    return f"{statistics.median(each):.2f} ({min(each):.2f}–{max(each):.2f})"


if __name__ == "__main__":
    main()
