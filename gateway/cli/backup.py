"""recgate backup: a copy of a data directory, its database and its models, while servers go on."""

from __future__ import annotations

import os
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from gateway.cli.local import progress_bar
from gateway.cli.options import data_option, json_option, plain_errors, print_json


@click.command("backup")
@click.argument("place", metavar="TO")
@click.option("--keep", type=click.IntRange(1), help="Of all backups there, keep the N newest.  [default: all]")
@json_option
@data_option
def command(place: str, keep: int | None, as_json: bool, data: Path) -> None:
    """Add a backup to a folder or s3://BUCKET/PREFIX.

    Records, event log, snapshots and models as of one moment, from wherever they are. Servers go on meanwhile. What an
    earlier backup there has is not copied again. `recgate restore` reads it.
    """
    from engine import Settings, back_up

    console = Console(soft_wrap=True, highlight=False, stderr=as_json)
    with plain_errors():
        settings = Settings.of(data.resolve(), os.environ)
        if not settings.data_dir.is_dir():
            raise click.ClickException(f"there is no data directory {settings.data_dir}; choose another by --data")
        with progress_bar(console, "backup") as (bar, task):
            backup = back_up(
                settings,
                place,
                lambda fraction, what: bar.update(task, completed=fraction, message=what),
                keep=keep or 0,
            )
    if as_json:
        print_json(backup)
        return
    size = f"{len(backup.folders)} snapshots and models, {backup.size / 1e6:,.1f} MB"
    console.print(f"{escape(backup.name)} in {escape(place)}: {size}, everything up to {backup.time}")
