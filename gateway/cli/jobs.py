"""recgate jobs: what runs, waits and has ended; jobs taken back, and jobs done again."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from engine import cancel, retry
from gateway.admin.jobs import jobs
from gateway.cli.local import opened, title_of
from gateway.cli.options import data_option, json_option, plain_errors, print_json
from gateway.cli.status import jobs_table

SHOWN = 30


@click.group("jobs", invoke_without_command=True)
@json_option
@data_option
@click.pass_context
def command(context: click.Context, as_json: bool, data: Path) -> None:
    """List the newest jobs; `cancel` takes some back, `retry` does some again."""
    context.obj = data
    if context.invoked_subcommand is not None:
        return
    console = Console()
    with plain_errors(), opened(data, console) as local:
        if as_json:
            print_json(jobs(local.engine, limit=SHOWN))
        else:
            console.print(jobs_table(local.engine, SHOWN))


@command.command("cancel")
@click.argument("numbers", nargs=-1, type=click.IntRange(1), metavar="N...", required=True)
@click.option("--data", "elsewhere", type=click.Path(path_type=Path, file_okay=False), help="The data directory.")
@click.pass_obj
def cancel_command(data: Path, numbers: tuple[int, ...], elsewhere: Path | None) -> None:
    """Take back jobs that wait or run, by their numbers. What they were to make says that it was cancelled."""
    console = Console(soft_wrap=True)
    with plain_errors(), opened(elsewhere or data, console) as local:
        for number in numbers:
            console.print(f"cancelled: {title_of(cancel(local.engine, number))}", highlight=False)


@command.command("retry")
@click.argument("numbers", nargs=-1, type=click.IntRange(1), metavar="N...", required=True)
@click.option("--data", "elsewhere", type=click.Path(path_type=Path, file_okay=False), help="The data directory.")
@click.pass_obj
def retry_command(data: Path, numbers: tuple[int, ...], elsewhere: Path | None) -> None:
    """Do jobs that have failed again, by their numbers: a server does them, or the next command that works here."""
    console = Console(soft_wrap=True)
    with plain_errors(), opened(elsewhere or data, console) as local:
        for number in numbers:
            console.print(f"waits: {title_of(retry(local.engine, number))}", highlight=False)
