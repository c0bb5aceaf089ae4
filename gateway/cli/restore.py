"""recgate restore: a backup put into an empty place, as of its own moment or of one between two."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gateway.cli.local import progress_bar
from gateway.cli.options import data_option, json_option, plain_errors, print_json


def moment(context: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    """Epoch seconds. Raises `BadParameter` for what is no time."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no time; write it as 2026-12-31T23:59:59Z", context, parameter) from None
    return at.replace(tzinfo=at.tzinfo or UTC).timestamp()


@click.command("restore")
@click.argument("place", metavar="FROM")
@click.option("--until", callback=moment, metavar="TIME", help="As of this time (ISO 8601, UTC if it does not say).")
@click.option("--replace", is_flag=True, help="Put a database that is there aside.")
@click.option("--list", "is_listing", is_flag=True, help="Only list the backups.")
@json_option
@data_option
def command(place: str, until: float | None, replace: bool, is_listing: bool, as_json: bool, data: Path) -> None:
    """Restore the newest backup of a folder or s3://BUCKET/PREFIX.

    Into an empty data directory, and the database and storage that RECGATE_DATABASE_URL and RECGATE_STORAGE_URL name.
    """
    from engine import Settings, list_backups, restore

    console = Console(soft_wrap=True, highlight=False, stderr=as_json)
    with plain_errors():
        if is_listing and as_json:
            print_json({"backups": list(list_backups(place))})
            return
        if is_listing:
            table = Table("backup", "taken", "folders", "MB", "last record")
            for each in list_backups(place):
                table.add_row(each.name, each.time, str(len(each.folders)), f"{each.size / 1e6:,.1f}", str(each.seq))
            console.print(table)
            return
        settings = Settings.of(data.resolve(), os.environ)
        with progress_bar(console, "restore") as (bar, task):
            backup = restore(
                settings,
                place,
                lambda fraction, what: bar.update(task, completed=fraction, message=what),
                until=until,
                replace=replace,
            )
    if as_json:
        print_json(backup)
        return
    console.print(f"restored {escape(backup.name)}, of {backup.time}, into {escape(str(data))}; start a server there")
