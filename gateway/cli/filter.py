"""recgate filter try: what is wrong with a filter and where, or what it would leave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from engine import FilterTrial, FilterTrialRequest, try_filter
from gateway.cli.options import data_option, engine_in, group_named, group_option, json_option, plain_errors, print_json
from gateway.cli.recommend import RESULTS
from gateway.cli.train import pairs


@click.group("filter")
def command() -> None:
    """Try filter expressions before they are used."""


@command.command("try")
@click.argument("expression", metavar="EXPRESSION")
@click.option("--value", "values", multiple=True, metavar="NAME=VALUE", help="The value of a parameter ($NAME).")
@click.option("--user", help="Preview for this user alone.")
@click.option("--item", help="The current item, where the filter compares with it.")
@click.option("--users", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many users to sample.")
@click.option("-n", "--num-results", default=25, show_default=True, type=RESULTS)
@json_option
@group_option
@data_option
def try_command(expression: str, values: tuple[str, ...], as_json: bool, data: Path, **asked: Any) -> None:
    """Say what is wrong with EXPRESSION, or which items it leaves, and for which users the answer would be empty.

    Ends with status 1 where the filter can't be used.
    """
    request = FilterTrialRequest(
        group=asked["group"],
        expression=expression,
        values=pairs(values),
        user_id=asked["user"],
        item_id=asked["item"],
        users=asked["users"],
        num_results=asked["num_results"],
    )
    with plain_errors(), engine_in(data) as engine:
        trial = try_filter(engine, group_named(engine, request.group), request)
    if as_json:
        print_json(trial)
    else:
        show(trial, Console(soft_wrap=True, highlight=False))
    if not trial.valid:
        raise SystemExit(1)


def show(trial: FilterTrial, console: Console) -> None:
    if trial.fault is not None:
        console.print(f"[red]{escape(trial.fault.shown)}[/red]")
        return
    if trial.missing:
        console.print(f"it can be used; give its parameters by --value: {', '.join(trial.missing)}")
    elif trial.items is None and trial.user_filter is None:
        console.print("it can be used; it compares with the current item: --item")
    if trial.items is not None:
        console.print(f"it keeps {trial.items.kept:,g} of {trial.items.of:,} items")
        for what, cards in (("keeps", trial.items.kept_examples), ("drops", trial.items.dropped_examples)):
            names = ", ".join(f"{card.item_id} {card.title or ''}".strip() for card in cards)
            console.print(f"  {what} {escape(names) or 'nothing'}", style="dim")
    if trial.users is not None:
        users = trial.users
        console.print(
            f"of {users.of:,} answers of {users.num_results} items {users.empty:,} would be empty and "
            f"{users.short:,} shorter"
        )
        for each in users.examples:
            console.print(f"  {escape(each.user_id)}: {each.kept}", style="dim")
    if trial.user_filter is not None:
        console.print(f"it keeps {trial.user_filter.kept:,} of {trial.user_filter.of:,} users")
