"""recgate doctor: what is wrong with a dataset group's data, or with CSV files before they are imported."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from engine import Diagnosis, diagnose_files, open_source
from gateway.admin.doctor import diagnosis
from gateway.cli.local import opened
from gateway.cli.locations import located
from gateway.cli.options import data_option, group_named, group_option, json_option, plain_errors, print_json
from gateway.config import load

COLOURS = {"error": "red", "warning": "yellow", "advice": "cyan"}


@click.command("doctor")
@click.option("--interactions", metavar="FILE", help="CSV of interactions that was not imported yet.")
@click.option("--items", metavar="FILE", help="CSV of items, beside --interactions or alone.")
@click.option("--users", metavar="FILE", help="CSV of users.")
@click.option(
    "--config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A configuration, whose filters are tried as well.",
)
@json_option
@group_option
@data_option
def command(
    interactions: str | None, items: str | None, users: str | None, config: Path | None, as_json: bool, **place: object
) -> None:
    """Examine data: Amazon's eleven insights, and times, ties, duplicates, event types, ids and filters.

    Ends with status 1 where something has to be mended before a model can be trained well.
    """
    group, data = str(place["group"]), Path(str(place["data"]))
    files = {"INTERACTIONS": interactions, "ITEMS": items, "USERS": users}
    with plain_errors():
        if any(files.values()):
            shown = of_files({kind: file for kind, file in files.items() if file is not None}, data)
        else:
            with opened(data, Console()) as local:
                arn = group_named(local.engine, group)
                shown = diagnosis(local.engine, arn, None if config is None else load(config))
    if as_json:
        print_json(shown)
    else:
        show(shown, Console(soft_wrap=True, highlight=False))
    if shown.counts.error:
        raise SystemExit(1)


def of_files(files: dict[str, str], data: Path) -> Diagnosis:
    """Raises `ClickException` or `InvalidInput` where a file can't be read."""
    with ExitStack() as stack:
        places = {kind: stack.enter_context(located((file,), data)) for kind, file in files.items()}
        sources = {kind: open_source(place, allow_file_urls=True) for kind, place in places.items()}
        return diagnose_files(sources, {}, time.time())


def show(shown: Diagnosis, console: Console) -> None:
    sizes = shown.statistics
    of = f"{shown.group}: " if shown.group else ""
    console.print(f"{of}{sizes.interactions:,} interactions, {sizes.users:,} users, {sizes.items:,} items")
    for each in shown.insights:
        colour = COLOURS[each.severity]
        console.print(f"\n[{colour}]{each.severity}[/{colour}]  [bold]{escape(each.title)}[/bold]  ({each.id})")
        console.print(f"  {escape(each.what)}")
        if each.examples:
            console.print(f"  such as {escape('; '.join(each.examples))}", style="dim")
        console.print(f"  → {escape(each.todo)}")
    console.print(f"\n{len(shown.checked)} checks, {len(shown.insights)} insights, in {shown.seconds:.1f} s")
