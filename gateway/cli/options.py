"""Options that several commands share, and how a command says that it can't go on."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

if TYPE_CHECKING:
    from engine import Engine, Recipe

data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data"),
    show_default=True,
    envvar="RECGATE_DATA_DIR",
    help="Data directory: records, event log, snapshots, models.",
)

NAME_RULE = "letters, digits, - and _, of which the first is a letter or digit, and at most 63 in all"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", re.ASCII)


def check_name(context: click.Context, parameter: click.Parameter, name: str) -> str:
    """Raises `BadParameter` for what can't name a resource."""
    if not _NAME.fullmatch(name):
        raise click.BadParameter(f"{name!r} can't be a name: a name has {NAME_RULE}.", context, parameter)
    return name


group_option = click.option(
    "--group",
    callback=check_name,
    default="main",
    show_default=True,
    help="The dataset group: data that is trained on together.",
)


def group_named(engine: Engine, group: str) -> str:
    """The ARN of the dataset group of this name. Raises `NotFound`, naming those that there are."""
    from engine import group_arn_of

    return group_arn_of(engine, group)


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, with names spelled as the routes under /admin spell them."
)


def print_json(shown: object) -> None:
    """Print a view as JSON, indented for people."""
    click.echo(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode())


def print_json_line(shown: object) -> None:
    """Print a view as one line of JSON, for commands that print several or go on."""
    click.echo(msgspec.json.encode(shown).decode())


def recipe_choice(fits: Callable[[Recipe[Any]], bool]) -> click.Choice[str]:
    """The names of the recipes that fit. Raises `ClickException` where an installed one can't be used."""
    from engine import RECIPES, check_recipes

    with plain_errors():
        check_recipes()
    return click.Choice(sorted(name for name, recipe in RECIPES.items() if fits(recipe)))


@contextmanager
def engine_in(data: Path) -> Iterator[Engine]:
    """The engine of a data directory as it is now. Raises what `plain_errors` tells."""
    from engine import Engine, Settings

    with closing(Engine.open(Settings.of(data.resolve(), os.environ, pending_s=0.0))) as engine:
        yield engine


@contextmanager
def plain_errors() -> Iterator[None]:
    """Errors that a person can mend, without a traceback."""
    try:
        yield
    except Exception as error:
        if (message := _plain(error)) is None:
            raise
        raise click.ClickException(message) from error


def _plain(error: Exception) -> str | None:
    from engine import EngineError  # loaded by now, or it was not raised; `serve` can't wait for it before it begins
    from gateway.config import ConfigError
    from gateway.document.report import counted

    if isinstance(error, EngineError):
        return error.message
    if isinstance(error, ConfigError):
        return counted(len(error.faults), "error") + "\n" + "\n".join(map(str, error.faults))
    return None
