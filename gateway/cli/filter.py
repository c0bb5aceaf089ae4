"""recgate filter: what is wrong with one and where, or what it would leave; and where the configuration uses it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from engine import FilterTrial, FilterTrialRequest, try_filter
from gateway.admin.filters import check_use, filter_arn
from gateway.cli.config_changes import ChangeOptions, change_options, write_change
from gateway.cli.options import data_option, engine_in, group_named, group_option, json_option, plain_errors, print_json
from gateway.cli.recommend import RESULTS
from gateway.cli.train import pairs
from gateway.config import load
from gateway.config.filtering import FilterPlace, FilterUse, filtered
from gateway.errors import Problem

PLACE = "NAMESPACE/ACTION/RECOMMENDER[/VARIATION]"


@click.group("filter")
def command() -> None:
    """Try filter expressions, and write into the configuration which lists use one."""


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


@command.command("use")
@click.argument("place", metavar=PLACE)
@click.option("--filter", "name", help="A filter of the data directory, by its name or ARN.")
@click.option("--expression", help="A filter in place of a name.")
@click.option("--remove", is_flag=True, help="No filter of its own: it inherits those of the levels above.")
@change_options
def use_command(place: str, name: str | None, expression: str | None, remove: bool, **values: Any) -> None:
    """Let the lists of a recommender, or of one of its variations, use this filter and no other.

    Its part of the configuration file changes, and nothing else.
    """
    if [name is not None, expression is not None, remove].count(True) != 1:
        raise click.UsageError("give one of --filter, --expression and --remove")
    names, options = place.split("/"), ChangeOptions(**values)
    if len(names) not in (3, 4):
        raise click.BadParameter(f"it is {PLACE}", param_hint="PLACE")
    at = FilterPlace(*names)
    use = None if remove else checked_use(options, at, FilterUse(name, expression))
    write_change(options, "filter", lambda text, file: filtered(text, file, at, use))


def checked_use(options: ChangeOptions, place: FilterPlace, use: FilterUse) -> FilterUse:
    """The filter by its ARN, checked against the data. Raises `ClickException`."""
    try:
        with plain_errors(), engine_in(options.data) as engine:
            named = use if use.arn is None else FilterUse(filter_arn(engine, use.arn, None))
            check_use(engine, load(options.config), place, named)
    except Problem as problem:
        raise click.ClickException(problem.message) from problem
    return named


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
