"""recgate item: what is known of one item, what filters say of it and who gets it; an item edited, hidden or shown."""

from __future__ import annotations

from typing import Any

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from engine import Engine, edit_item, hide_item, item_profile
from gateway.admin.items import ItemView, item_view
from gateway.cli.local import opened
from gateway.cli.options import data_option, group_named, group_option, json_option, plain_errors, print_json
from gateway.cli.status import moment
from gateway.cli.train import pairs


@click.command("item")
@click.argument("item", metavar="ITEM")
@click.option("--user", help="Say what filters decide for this user.")
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="Change a column; no value removes it.")
@click.option("--hide/--show", "hidden", default=None, help="Take the item out of every list, or let it in again.")
@json_option
@group_option
@data_option
def command(item: str, changes: tuple[str, ...], hidden: bool | None, as_json: bool, **place: Any) -> None:
    """Show ITEM: its columns, its neighbours, and what each filter of the group says of it."""
    with plain_errors(), opened(place["data"], Console()) as local:
        engine = local.engine
        arn = group_named(engine, place["group"])
        shown = seen(engine, arn, item, place["user"])
        if changes:
            edit_item(engine, arn, item, values_of(pairs(changes), shown))
        if hidden is not None:
            hide_item(engine, arn, item, hidden=hidden)
        if changes or hidden is not None:
            shown = seen(engine, arn, item, place["user"])
    if as_json:
        print_json(shown)
    else:
        show(shown, Console(soft_wrap=True, highlight=False))


def seen(engine: Engine, group_arn: str, item: str, user: str | None) -> ItemView:
    return item_view(item, [item_profile(engine, group_arn, item, {}, user)])


def values_of(texts: dict[str, str], shown: ItemView) -> dict[str, object]:
    """The values as their columns take them; nothing for no text."""
    types = {each.name.upper(): each.type for profile in shown.groups for each in profile.editable}
    return {name: value_of(text, types.get(name.upper(), "string")) for name, text in texts.items()}


def value_of(text: str, type_: str) -> object:
    if not text or type_ in ("string", "boolean"):
        return text or None
    try:
        return msgspec.json.decode(text, type=int | float)
    except msgspec.DecodeError as error:
        raise click.BadParameter(f"{text!r} is no number", param_hint="--set") from error


def show(shown: ItemView, console: Console) -> None:
    for each in shown.groups:
        hidden = " [red]hidden[/red]" if each.hidden else ""
        console.print(f"[bold]{escape(shown.item_id)}[/bold] {escape(each.item.title or '')} in {each.group}{hidden}")
        if not each.known:
            console.print("nobody has heard of it")
            continue
        console.print(f"{each.interactions:,} events of {each.users:,} users, shown {each.impressions:,} times")
        for name, value in each.item.columns.items():
            console.print(f"  {name}: {escape(str(value))}")
        table = Table("item", "title", "likeness", "users", title="chosen by the same users")
        for near in each.neighbours:
            row = near.item.item_id, near.item.title or "", f"{near.likeness:.3f}", f"{near.users:,}"
            table.add_row(*map(escape, row))
        console.print(table)
        for verdict in each.filters:
            decided = {True: "keeps it", False: "drops it", None: verdict.fault or "differs between users"}[
                verdict.keeps
            ]
            console.print(f"filter {escape(verdict.filter)}: {escape(decided)}")
        for recent in each.recent_users[:5]:
            console.print(f"{moment(recent.time)} {escape(recent.user_id)} {escape(recent.event_type)}", style="dim")
