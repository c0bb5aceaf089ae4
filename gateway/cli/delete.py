"""recgate delete: a dataset group with all that hangs on it."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from engine import check_idle, deletions
from gateway.admin.groups import DeletedGroup
from gateway.cli.local import opened
from gateway.cli.options import check_name, data_option, group_named, json_option, plain_errors, print_json


@click.group("delete")
def command() -> None:
    """Delete what is not needed any more."""


@command.command("group")
@click.argument("group", callback=check_name)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@data_option
def group_command(group: str, yes: bool, as_json: bool, data: Path) -> None:
    """Delete the dataset group GROUP: its campaigns, recommenders, solutions, filters, trackers and data, for good."""
    with plain_errors(), opened(data, Console()) as local:
        arn = group_named(local.engine, group)
        check_idle(local.engine, local.control, arn)
        if not yes:
            click.confirm(f"delete {group} with all its models and data?", abort=True, err=True)
        deleted = []
        for operation, members in deletions(local.control, arn):
            local.call(operation, **members)
            deleted.append(next(iter(members.values())).rpartition(":")[2])
    if as_json:
        print_json(DeletedGroup(group=group, deleted=deleted))
    else:
        click.echo("\n".join(f"deleted: {each}" for each in deleted))
