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
from gateway.cli.options import data_option, plain_errors
from gateway.processes.start import configuration, engine_settings

NO_SHARED_DATABASE = (
    "a worker takes jobs from the PostgreSQL of its servers: set RECGATE_DATABASE_URL=postgresql://USER:PASSWORD@HOST/NAME"
    " as they have it. With SQLite the server's own job process does all jobs."
)


@click.command("worker")
@click.option(
    "--kinds", default="", metavar="KIND,…", help="Jobs to take, for example training,inferring.  [default: all]"
)
@click.option("--concurrency", default=1, show_default=True, type=click.IntRange(1, 64), help="Jobs at once.")
@click.option("--config", help="The servers' configuration, for its quotas and its file:// locations.")
@data_option
def command(kinds: str, concurrency: int, config: str | None, data: Path) -> None:
    """Do imports, trainings and batches of servers on other machines: whatever waits in their database.

    SIGTERM puts the jobs under way back into the queue.
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
    click.echo(f"recgate worker: {concurrency} at once of {', '.join(chosen) or 'all kinds of jobs'}, data in {data}")
    signals.get()
    if pool.stop():
        engine.close()
        return
    sys.stdout.flush()
    os._exit(0)  # a step that goes on in a thread changes nothing: its job is another's
