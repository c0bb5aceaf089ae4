"""`python -m loadtests.interrupted`: a demo that is killed anywhere and started again ends, each time.

`recgate demo --once` is ended at random moments by Ctrl-C, SIGTERM and kill -9, each in a new directory, and then
started again on the same port. Ends with status 1 where a second run does not end well in time, the first does not end
with the status of its signal, or a process is left. By default the models are of recipes that train in a second;
`--whole` is the demo as its users have it.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from gateway.cli import demo, wheels
from loadtests import processes
from loadtests.crash import bury
from loadtests.server import free_port

SIGNALS = {"Ctrl-C": signal.SIGINT, "SIGTERM": signal.SIGTERM, "kill -9": signal.SIGKILL}
FIRST_S = 0.3  # before which Python itself begins
JOB = re.compile(r"job \d+ \(")
QUICK = {"more-like-this": "aws-sims"}


class Round(NamedTuple):
    signal: str
    after_s: float
    interrupted: bool  # False: the first run had ended by then
    status: int  # of the first run
    again: int | None  # of the second; None: not in time
    again_s: float
    left: Sequence[str]  # processes that outlived both
    said: str  # by the second run, about the first one's job


@click.command(help=__doc__)
@click.option("--moments", default=5, show_default=True, type=click.IntRange(1, 50), help="Of each signal.")
@click.option("--signals", default=",".join(SIGNALS), show_default=True)
@click.option("--whole", is_flag=True)
@click.option("--seed", type=int, help="Of the moments.  [default: drawn, and printed]")
@click.option("--cache", type=click.Path(path_type=Path), default=wheels.CACHE, show_default=True)
@click.option("--patience", default=900.0, show_default=True, help="Seconds in which a run must end.")
def main(moments: int, signals: str, whole: bool, seed: int | None, cache: Path, patience: float) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background, and so in its children
    console = Console(soft_wrap=True)
    seed = random.randrange(1 << 30) if seed is None else seed
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        if start(Path(folder), cache, free_port(), whole, None).wait(patience) != 0:
            raise click.ClickException("the demo does not even end undisturbed")
        usual = time.monotonic() - began
    console.print(f"undisturbed it takes {usual:.0f} s; --seed {seed}")
    rounds = []
    for name in signals.split(","):
        for _ in range(moments):
            rounds.append(play(name, chance.uniform(FIRST_S, usual), cache, whole, patience))
            console.print(table(rounds[-1:]))
    bad = [each for each in rounds if not is_good(each)]
    console.print(table(rounds))
    console.print(f"[bold]{len(rounds) - len(bad)} of {len(rounds)} went on and ended[/bold]")
    raise SystemExit(1 if bad else 0)


def start(data: Path, cache: Path, port: int, whole: bool, out: Path | None) -> subprocess.Popen[bytes]:
    arguments = ["demo", "--once", "--data", str(data), "--cache", str(cache), "--port", str(port), "--workers", "1"]
    argv = [sys.executable, "-m", "gateway" if whole else "loadtests.interrupted", *arguments]
    with (out or Path("/dev/null")).open("ab") as file:
        return processes.spawn(argv, out=file)


def play(name: str, after_s: float, cache: Path, whole: bool, patience: float) -> Round:
    with tempfile.TemporaryDirectory() as folder:
        data, out, port = Path(folder) / "data", Path(folder) / "again.txt", free_port()
        first = start(data, cache, port, whole, None)
        try:
            status, interrupted = first.wait(after_s), False  # over before its time: as good a moment as any
        except subprocess.TimeoutExpired:
            interrupt(first, name)
            status, interrupted = first.wait(patience), True
        began = time.monotonic()
        second = start(data, cache, port, whole, out)
        try:
            again: int | None = second.wait(patience)
        except subprocess.TimeoutExpired:
            again = None
            second.kill()
            second.wait()
        took = time.monotonic() - began
        said = next((line for line in out.read_text().splitlines() if JOB.search(line)), "")
        return Round(name, after_s, interrupted, status, again, took, bury(data), said)


def interrupt(process: subprocess.Popen[bytes], name: str) -> None:
    """A terminal's Ctrl-C reaches all processes of the group."""
    if SIGNALS[name] == signal.SIGINT:
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(SIGNALS[name])


def is_good(round_: Round) -> bool:
    number = SIGNALS[round_.signal]
    expected = {-number, 128 + number} if round_.interrupted else {0}
    return round_.status in expected and round_.again == 0 and not round_.left


def table(rounds: Sequence[Round]) -> Table:
    columns = ("by", "after, s", "status", "again", "took, s", "left", "what it said of the job before")
    shown = Table(*columns, box=SIMPLE)
    for each in rounds:
        figures = (f"{each.after_s:.1f}", str(each.status), str(each.again), f"{each.again_s:.0f}")
        shown.add_row(each.signal, *figures, ", ".join(each.left) or "none", each.said)
    return shown


def quick_demo() -> None:
    """The demo with models that take seconds."""
    demo.MODELS = tuple((name, QUICK.get(name, "aws-popularity-count"), {}) for name, _, _ in demo.MODELS)
    from gateway.__main__ import main as recgate

    recgate()


if __name__ == "__main__":
    quick_demo() if "demo" in sys.argv[1:2] else main()
