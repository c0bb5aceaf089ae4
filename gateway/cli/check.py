"""recgate check: whether a data directory is whole, and going on with what is left of one that is not."""

from __future__ import annotations

import os
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from gateway.cli.options import data_option, plain_errors


@click.command("check")
@click.option("--accept", is_flag=True, help="Go on with what is left: what was acknowledged and is lost stays lost.")
@data_option
def command(accept: bool, data: Path) -> None:
    """Check a data directory: database, acknowledged records, snapshots and models.

    Ends with status 1 where something is damaged or lost.
    """
    from engine import Settings, accept_loss, accept_moved, examine

    console = Console(soft_wrap=True, highlight=False)
    with plain_errors():
        settings = Settings.of(data.resolve(), os.environ)
        if not settings.data_dir.is_dir():
            raise click.ClickException(f"there is no data directory {settings.data_dir}; choose another by --data")
        for line in accept_loss(settings) if accept else ():
            console.print(f"accepted: {escape(line)}")
        if accept and accept_moved(settings):
            console.print("accepted: what has happened since the data moved is left where it moved to")
        damaged = 0
        for part, about, fault in examine(settings):
            damaged += bool(fault)
            state = f"[red]{escape(fault)}[/red]" if fault else "ok"
            console.print(f"{escape(part):<28} {state}{f' ({escape(about)})' if about and not fault else ''}")
    if damaged:
        raise SystemExit(1)
