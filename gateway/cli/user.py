"""recgate user: what is known of one user, and what each model answers; and a user deleted."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from engine import delete_user
from gateway.admin.users import UserView, user_of_group
from gateway.cli.local import opened
from gateway.cli.options import (
    data_option,
    engine_in,
    group_named,
    group_option,
    json_option,
    plain_errors,
    print_json,
)
from gateway.cli.recommend import RESULTS
from gateway.cli.status import moment

SHOWN = 10  # events of the history


@click.command("user")
@click.argument("user", metavar="USER")
@click.option("-n", "--num-results", default=10, show_default=True, type=RESULTS)
@click.option("--delete", is_flag=True, help="Delete the user with all that it and its sessions did, for good.")
@json_option
@group_option
@data_option
def command(user: str, num_results: int, delete: bool, as_json: bool, group: str, data: Path) -> None:
    """Show USER: its properties, its history, and the list of each model."""
    console = Console(soft_wrap=True, highlight=False)
    with plain_errors():
        if delete:
            with opened(data, console) as local:
                arn = delete_user(local.engine, group_named(local.engine, group), user)
                local.watch(arn, "delete user")
                console.print(f"deleted: user {escape(user)} of {group}")
            return
        with engine_in(data) as engine:
            shown = user_of_group(engine, group_named(engine, group), user, num_results)
    if as_json:
        print_json(shown)
    else:
        show(shown, console)


def show(shown: UserView, console: Console) -> None:
    for profile in shown.groups:
        if not profile.known:
            console.print(f"{escape(shown.user_id)}: nobody of this name in {profile.group}")
            continue
        properties = ", ".join(f"{name} {value}" for name, value in profile.properties.items())
        console.print(
            f"[bold]{escape(shown.user_id)}[/bold] in {profile.group}: {profile.events:,} events {escape(properties)}"
        )
        table = Table("when", "event", "item", "title", title="history, newest first")
        for each in profile.history[:SHOWN]:
            table.add_row(moment(each.time), each.event_type, escape(each.item.item_id), escape(each.item.title or ""))
        console.print(table)
    for listed in shown.lists:
        table = Table("#", "item", "title", "score", "reason", title=f"{listed.model} ({listed.version})")
        for row in listed.items:
            score = "" if row.score is None else f"{row.score:.4f}"
            table.add_row(
                str(row.place), escape(row.item.item_id), escape(row.item.title or ""), score, row.reason or ""
            )
        console.print(table if listed.error is None else f"{listed.model}: {escape(listed.error.message)}")
