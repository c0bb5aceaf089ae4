"""recgate migrate: records, log and jobs moved to another database, while servers go on."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gateway.cli.local import progress_bar
from gateway.cli.options import data_option, plain_errors


@click.command("migrate")
@click.option("--to", "place", required=True, help="postgresql://USER:PASSWORD@HOST/NAME, or the data directory: back.")
@data_option
def command(place: str, data: Path) -> None:
    """Move records, event log and jobs to another database.

    From where RECGATE_DATABASE_URL says, or the data directory. Servers go on meanwhile; at the end they refuse events,
    until they are started with the new place. Snapshots and models stay in the data directory.
    """
    from engine import Settings, database_url, move_data, without_password

    console = Console(soft_wrap=True, highlight=False)
    with plain_errors():
        settings = Settings.of(data.resolve(), os.environ)
        url = database_url(place, settings.data_dir)
        with progress_bar(console, "moving") as (bar, task), undisturbed():
            rows = move_data(settings, url, lambda fraction, what: bar.update(task, completed=fraction, message=what))
    table = Table("table", "rows", title="moved, read again and counted in both", title_justify="left")
    for name, count in rows.items():
        table.add_row(name, str(count))
    console.print(table)
    setting = f"set RECGATE_DATABASE_URL to {without_password(url)}" if "://" in place else "unset RECGATE_DATABASE_URL"
    console.print(f"From now on {escape(setting)}, and start the servers of {escape(str(data))} again.")
    console.print("Until then they answer, and refuse events with 503. What was there before takes no more writes.")


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-Z is not heard: who waits for the switch would wait for this process to go on."""
    before = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, before)
