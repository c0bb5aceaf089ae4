"""`python -m loadtests.installed`: sizes and seconds of installations of the wheel, each in an environment of its own.

The wheel is built from this checkout. pip takes what it needs from its index, so this needs a network. The first
installation is without extras: its size is the limit's. It serves `--instant` in an empty folder, from the start of
the process to the first answer; the second, with the extras of training, runs the demo in an empty folder. Ends with
status 1 where a limit is passed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import NamedTuple

import click
from rich.console import Console
from rich.table import Table

from loadtests.server import free_port
from loadtests.wheel import ROOT, build_wheel

PYTHONS = ("python3.11", "python3.12", "python3.13", "python3.14")
LIMIT_MB, LIMIT_S = 250, 1.0
HEAVY = ("torch", "wordllama", "optuna")
SEEN = "import gateway.app, engine, sys; print(*(name for name in sys.argv[1:] if name in sys.modules))"
PATIENCE_S = 60.0


class Installation(NamedTuple):
    python: Path
    seconds: float  # that pip took
    megabytes: float  # of what came into the environment, bytecode included
    environ: dict[str, str]


@click.command(help=__doc__)
@click.option(
    "--python", "pythons", multiple=True, help="An interpreter; several may be named.  [default: all there are]"
)
@click.option("--starts", default=5, show_default=True, type=click.IntRange(1, 50))
@click.option("--demo/--no-demo", default=True, show_default=True, help="Install the extras of training, run the demo.")
def main(pythons: Sequence[str], starts: int, demo: bool) -> None:
    console, passed = Console(soft_wrap=True), []
    for name in pythons or [each for each in PYTHONS if shutil.which(each)]:
        with tempfile.TemporaryDirectory() as place:
            passed.append(measure(console, name, Path(place), starts, demo))
    raise SystemExit(0 if passed and all(passed) else 1)


def measure(console: Console, name: str, folder: Path, starts: int, demo: bool) -> bool:
    """Prints a table of one interpreter; whether its limits hold."""
    table = Table("what", "seconds", "MB", title=name, title_justify="left")
    (folder / "wheel").mkdir()
    wheel = build_wheel(folder / "wheel")
    light = installed(name, folder / "light", str(wheel))
    table.add_row("pip install recgate", f"{light.seconds:.1f}", f"{light.megabytes:.0f}")
    loaded = printed(light, folder, "-c", SEEN, *HEAVY).strip()
    table.add_row("import gateway.app, engine: heavy libraries", loaded or "none", "")
    ready = [first_answer(light) for _ in range(starts + 1)][1:]
    table.add_row(
        "serve --instant, to the first answer", f"{median(ready):.2f} ({min(ready):.2f}–{max(ready):.2f})", ""
    )
    if demo:
        whole = installed(name, folder / "whole", f"{wheel}[train,text]")
        table.add_row("pip install 'recgate[train,text]'", f"{whole.seconds:.1f}", f"{whole.megabytes:.0f}")
        table.add_row("recgate demo --once, in an empty folder", f"{demo_s(whole):.1f}", "")
    console.print(table)
    return light.megabytes <= LIMIT_MB and median(ready) <= LIMIT_S and not loaded


def installed(name: str, folder: Path, requirement: str) -> Installation:
    """The requirement in a new environment, beside which nothing else is on Python's path."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "RECGATE", "VIRTUAL"))}
    subprocess.run([name, "-m", "venv", str(folder)], check=True, env=environ)
    python = folder / "bin" / "python"
    before = size_of(folder)
    started = time.monotonic()
    subprocess.run([python, "-m", "pip", "install", "--quiet", requirement], check=True, env=environ)
    return Installation(python, time.monotonic() - started, size_of(folder) - before, environ)


def size_of(folder: Path) -> float:
    """MB of the files below the folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink()) / 1e6


def printed(installation: Installation, folder: Path, *argv: str) -> str:
    done = subprocess.run(
        [installation.python, *argv],
        cwd=folder,
        env=installation.environ,
        check=True,
        text=True,
        stdout=subprocess.PIPE,
    )
    return done.stdout


@contextmanager
def serving(installation: Installation, folder: Path, port: int) -> Iterator[None]:
    argv = [installation.python.with_name("recgate"), "serve", "--instant", "--port", str(port)]
    with (folder / "log").open("wb") as out:
        process = subprocess.Popen(argv, cwd=folder, env=installation.environ, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def first_answer(installation: Installation) -> float:
    """Seconds from the start of `recgate serve --instant` to its first answer. Raises `RuntimeError` without one."""
    port = free_port()
    with tempfile.TemporaryDirectory() as place:
        began = time.monotonic()
        with serving(installation, Path(place), port):
            while time.monotonic() < began + PATIENCE_S:
                connection = HTTPConnection("127.0.0.1", port, timeout=5)
                try:
                    connection.request("GET", "/ready")
                    if connection.getresponse().status == 200:
                        return time.monotonic() - began
                except OSError:
                    time.sleep(0.005)
                finally:
                    connection.close()
        raise RuntimeError("no answer")


def demo_s(installation: Installation) -> float:
    """Seconds of `recgate demo --once` in an empty folder; its data set is that of this checkout, not fetched."""
    with tempfile.TemporaryDirectory() as place:
        began = time.monotonic()
        cache = ROOT / ".cache" / "datasets"
        argv = ("-m", "gateway", "demo", "--once", "--port", str(free_port()), "--cache", str(cache))
        printed(installation, Path(place), *argv)
        return time.monotonic() - began


if __name__ == "__main__":
    main()
