"""recgate worker: does jobs of servers that share a PostgreSQL, until told to stop."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from pathlib import Path
from queue import SimpleQueue

import click

from engine import Capacity, Engine, WorkerPool
from gateway.admin.view import View
from gateway.cli.options import data_option, json_option, plain_errors, print_json_line
from gateway.processes.start import configuration, engine_settings

NO_SHARED_DATABASE = (
    "a worker takes jobs from the PostgreSQL of its servers: set RECGATE_DATABASE_URL=postgresql://USER:PASSWORD@HOST/NAME"
    " as they have it. With SQLite the server's own job process does all jobs."
)


class WorkerStarted(View, frozen=True, kw_only=True, tag_field="event", tag="started"):
    """The first line of `worker --json`. `kinds` is null where it takes all kinds of jobs."""

    host: str
    pid: int
    concurrency: int
    kinds: list[str] | None
    data: str


class WorkerStopped(View, frozen=True, kw_only=True, tag_field="event", tag="stopped"):
    """The last line. `in_time` is false where a step of a job did not end in time: another worker takes that job."""

    in_time: bool


@click.command("worker")
@click.option(
    "--kinds", default="", metavar="KIND,…", help="Jobs to take, for example training,inferring.  [default: all]"
)
@click.option("--concurrency", default=1, show_default=True, type=click.IntRange(1, 64), help="Jobs at once.")
@click.option("--config", help="The servers' configuration, for its quotas and its file:// locations.")
@json_option
@data_option
def command(kinds: str, concurrency: int, config: str | None, as_json: bool, data: Path) -> None:
    """Do imports, trainings and batches of servers on other machines: whatever waits in their database.

    SIGTERM puts the jobs under way back into the queue. With --json a line says that it has started, and one that it
    has stopped.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s worker %(levelname)s %(message)s")
    signals: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: signals.put(number))
    with plain_errors():
        settings = engine_settings(data.resolve(), configuration(config))
        if settings.database_url.startswith("sqlite"):
            raise click.ClickException(NO_SHARED_DATABASE)
        engine = Engine.open(settings, follow=False)
        chosen = tuple(kind.strip() for kind in kinds.split(",") if kind.strip())
        pool = WorkerPool(engine, Capacity(chosen or None, concurrency), socket.gethostname())
        pool.start()
        engine.fetcher.start()  # which forgets old copies of snapshots and models
    if as_json:
        print_json_line(started(chosen, concurrency, data))
    else:
        what = ", ".join(chosen) or "all kinds of jobs"
        click.echo(f"recgate worker: {concurrency} at once of {what}, data in {data}")
    signals.get()
    in_time = pool.stop()
    if as_json:
        print_json_line(WorkerStopped(in_time=in_time))
    if in_time:
        engine.close()
        return
    sys.stdout.flush()
    os._exit(0)  # a step that goes on in a thread changes nothing: its job is another's


def started(kinds: tuple[str, ...], concurrency: int, data: Path) -> WorkerStarted:
    return WorkerStarted(
        host=socket.gethostname(), pid=os.getpid(), concurrency=concurrency, kinds=list(kinds) or None, data=str(data)
    )
