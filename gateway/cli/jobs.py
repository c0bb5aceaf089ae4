"""recgate jobs: what runs, waits and has ended; jobs taken back, and jobs done again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console

from engine import Engine, Job, cancel, retry
from gateway.admin.jobs import job_view, jobs
from gateway.cli.local import opened, title_of
from gateway.cli.options import data_option, json_option, plain_errors, print_json, print_json_line
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


numbers_argument = click.argument("numbers", nargs=-1, type=click.IntRange(1), metavar="N...", required=True)
elsewhere_option = click.option(
    "--data", "elsewhere", type=click.Path(path_type=Path, file_okay=False), help="The data directory."
)


@command.command("cancel")
@numbers_argument
@json_option
@elsewhere_option
@click.pass_obj
def cancel_command(data: Path, numbers: tuple[int, ...], as_json: bool, elsewhere: Path | None) -> None:
    """Take back jobs that wait or run, by their numbers. What they were to make says that it was cancelled."""
    change(cancel, "cancelled", numbers, as_json, elsewhere or data)


@command.command("retry")
@numbers_argument
@json_option
@elsewhere_option
@click.pass_obj
def retry_command(data: Path, numbers: tuple[int, ...], as_json: bool, elsewhere: Path | None) -> None:
    """Do jobs that have failed again, by their numbers: a server does them, or the next command that works here."""
    change(retry, "waits", numbers, as_json, elsewhere or data)


def change(
    step: Callable[[Engine, int], Job], outcome: str, numbers: tuple[int, ...], as_json: bool, data: Path
) -> None:
    """Takes the step for each job, and prints the jobs as they are then: with `as_json` a JSON line each, so that
    those before one that is refused are known."""
    console = Console(soft_wrap=True)
    with plain_errors(), opened(data, console) as local:
        for number in numbers:
            job = step(local.engine, number)
            job = local.engine.jobs.get(job.id) or job
            if as_json:
                print_json_line(job_view(local.engine, job))
            else:
                console.print(f"{outcome}: {title_of(job)}", highlight=False)
