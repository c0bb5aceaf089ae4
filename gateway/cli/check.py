"""recgate check: whether a data directory is whole, and going on with what is left of one that is not."""

from __future__ import annotations

import os
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from gateway.cli.options import data_option, json_option, plain_errors, print_json


@click.command("check")
@click.option("--accept", is_flag=True, help="Go on with what is left: what was acknowledged and is lost stays lost.")
@json_option
@data_option
def command(accept: bool, as_json: bool, data: Path) -> None:
    """Check a data directory: database, acknowledged records, snapshots and models.

    Ends with status 1 where something is damaged or lost.
    """
    from engine import Settings, accept_loss, accept_moved, examine

    console = Console(soft_wrap=True, highlight=False, stderr=as_json)
    with plain_errors():
        settings = Settings.of(data.resolve(), os.environ)
        if not settings.data_dir.is_dir():
            raise click.ClickException(f"there is no data directory {settings.data_dir}; choose another by --data")
        for line in accept_loss(settings) if accept else ():
            console.print(f"accepted: {escape(line)}")
        if accept and accept_moved(settings):
            console.print("accepted: what has happened since the data moved is left where it moved to")
        damaged, findings = 0, list(examine(settings))
        if as_json:
            names = ("part", "about", "fault")
            print_json({"findings": [dict(zip(names, each, strict=True)) for each in findings]})
        for part, about, fault in findings:
            damaged += bool(fault)
            if as_json:
                continue
            state = f"[red]{escape(fault)}[/red]" if fault else "ok"
            console.print(f"{escape(part):<28} {state}{f' ({escape(about)})' if about and not fault else ''}")
    if damaged:
        raise SystemExit(1)
