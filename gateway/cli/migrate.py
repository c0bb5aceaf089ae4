"""recgate migrate: records and log to another database, snapshots and models to a bucket, while servers go on."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gateway.cli.local import progress_bar
from gateway.cli.options import data_option, plain_errors

if TYPE_CHECKING:
    from engine import Settings

PLACES = "postgresql://USER:PASSWORD@HOST/NAME, s3://BUCKET/PREFIX, or the data directory: both back."


@click.command("migrate")
@click.option("--to", "place", required=True, help=PLACES)
@data_option
def command(place: str, data: Path) -> None:
    """Move records, event log and jobs to another database, or snapshots and models to a bucket.

    From where RECGATE_DATABASE_URL and RECGATE_STORAGE_URL say, or the data directory. Servers go on meanwhile. At the
    end of a move to another database they refuse events, until they are started with the new place.
    """
    from engine import Settings

    console = Console(soft_wrap=True, highlight=False)
    with plain_errors():
        settings = Settings.of(data.resolve(), os.environ)
        if place.startswith("s3://"):
            move_folders(settings, place, console)
            return
        is_back = "://" not in place
        if is_back and settings.storage_url:
            move_folders(settings, "", console)
        if not (is_back and settings.storage_url) or "RECGATE_DATABASE_URL" in os.environ:
            move_database(settings, place, console)


def move_folders(settings: Settings, url: str, console: Console) -> None:
    from engine import relocate_folders

    with progress_bar(console, "copying") as (bar, task):
        copied, all_of_them = relocate_folders(
            settings, url, lambda fraction, what: bar.update(task, completed=fraction, message=what)
        )
    console.print(f"{copied} of {all_of_them} snapshots and models copied; the others were there")
    setting = f"set RECGATE_STORAGE_URL to {escape(url)}" if url else "unset RECGATE_STORAGE_URL"
    console.print(
        f"From now on {setting}, and start the servers again. Then run this once more, for what came meanwhile."
    )


def move_database(settings: Settings, place: str, console: Console) -> None:
    from engine import database_url, move_data, without_password

    url = database_url(place, settings.data_dir)
    with progress_bar(console, "moving") as (bar, task), undisturbed():
        moved = move_data(settings, url, lambda fraction, what: bar.update(task, completed=fraction, message=what))
    table = Table("table", "rows", title="moved, read again and counted in both", title_justify="left")
    for name, count in moved.rows.items():
        table.add_row(name, str(count))
    console.print(table)
    setting = f"set RECGATE_DATABASE_URL to {without_password(url)}" if "://" in place else "unset RECGATE_DATABASE_URL"
    console.print(f"From now on {escape(setting)}, and start the servers of {escape(str(settings.data_dir))} again.")
    if moved.paused_s is not None:
        console.print(f"Nobody could write for {moved.paused_s:.2f} s.")
    console.print("Until then they answer, and refuse events with 503. What was there before takes no more writes.")


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-Z is not heard: who waits for the switch would wait for this process to go on."""
    before = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, before)
