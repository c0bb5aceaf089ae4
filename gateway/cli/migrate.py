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

from gateway.admin.view import View
from gateway.cli.local import progress_bar
from gateway.cli.options import data_option, json_option, plain_errors, print_json

if TYPE_CHECKING:
    from engine import Settings

PLACES = "postgresql://USER:PASSWORD@HOST/NAME, s3://BUCKET/PREFIX, or the data directory: both back."


class MovedFolders(View, frozen=True, kw_only=True):
    """Snapshots and models: how many were copied, of how many. `storage_url` is what to set from now on, null: unset
    it."""

    copied: int
    of: int
    storage_url: str | None


class MovedDatabase(View, frozen=True, kw_only=True):
    """Rows by table, equal in both databases. `database_url` (without its password) is what to set from now on, null:
    unset it. `paused_s`: for how long nobody could write, null where an earlier run had done the switch."""

    rows: dict[str, int]
    database_url: str | None
    paused_s: float | None


class Migration(View, frozen=True, kw_only=True):
    folders: MovedFolders | None = None
    database: MovedDatabase | None = None


@click.command("migrate")
@click.option("--to", "place", required=True, help=PLACES)
@json_option
@data_option
def command(place: str, as_json: bool, data: Path) -> None:
    """Move records, event log and jobs to another database, or snapshots and models to a bucket.

    From where RECGATE_DATABASE_URL and RECGATE_STORAGE_URL say, or the data directory. Servers go on meanwhile. At the
    end of a move to another database they refuse events, until they are started with the new place.
    """
    from engine import Settings

    console = Console(soft_wrap=True, highlight=False, stderr=as_json)
    folders = database = None
    with plain_errors():
        settings = Settings.of(data.resolve(), os.environ)
        is_bucket, is_back = place.startswith("s3://"), "://" not in place
        if is_bucket or (is_back and settings.storage_url):
            folders = move_folders(settings, place if is_bucket else "", console)
            if not as_json:
                show_folders(folders, console)
        if not is_bucket and (not (is_back and settings.storage_url) or "RECGATE_DATABASE_URL" in os.environ):
            database = move_database(settings, place, console)
            if not as_json:
                show_database(database, settings.data_dir, console)
    if as_json:
        print_json(Migration(folders=folders, database=database))


def move_folders(settings: Settings, url: str, console: Console) -> MovedFolders:
    from engine import relocate_folders

    with progress_bar(console, "copying") as (bar, task):
        copied, all_of_them = relocate_folders(
            settings, url, lambda fraction, what: bar.update(task, completed=fraction, message=what)
        )
    return MovedFolders(copied=copied, of=all_of_them, storage_url=url or None)


def show_folders(moved: MovedFolders, console: Console) -> None:
    console.print(f"{moved.copied} of {moved.of} snapshots and models copied; the others were there")
    url = moved.storage_url
    setting = f"set RECGATE_STORAGE_URL to {escape(url)}" if url else "unset RECGATE_STORAGE_URL"
    console.print(
        f"From now on {setting}, and start the servers again. Then run this once more, for what came meanwhile."
    )


def move_database(settings: Settings, place: str, console: Console) -> MovedDatabase:
    from engine import database_url, move_data, without_password

    url = database_url(place, settings.data_dir)
    with progress_bar(console, "moving") as (bar, task), undisturbed():
        moved = move_data(settings, url, lambda fraction, what: bar.update(task, completed=fraction, message=what))
    setting = (url if url.startswith("sqlite") else without_password(url)) if "://" in place else None
    return MovedDatabase(rows=moved.rows, database_url=setting, paused_s=moved.paused_s)


def show_database(moved: MovedDatabase, data_dir: Path, console: Console) -> None:
    table = Table("table", "rows", title="moved, read again and counted in both", title_justify="left")
    for name, count in moved.rows.items():
        table.add_row(name, str(count))
    console.print(table)
    url = moved.database_url
    setting = f"set RECGATE_DATABASE_URL to {url}" if url else "unset RECGATE_DATABASE_URL"
    console.print(f"From now on {escape(setting)}, and start the servers of {escape(str(data_dir))} again.")
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
