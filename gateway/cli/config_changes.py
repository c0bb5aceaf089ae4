"""Changes of a configuration file by commands: written like those of a server, with their author in the history."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from gateway.cli.options import data_option, plain_errors
from gateway.config import ConfigurationHistory, load, place_of
from gateway.config.comparison import changes
from gateway.config.history import Author, How
from gateway.config.masking import masked
from gateway.config.writing import ConfigurationWriter
from gateway.errors import Problem

config_option = click.option(
    "--config", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True, help="The file to change."
)
comment_option = click.option("--comment", default="", help="Why, for the history.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def change_options(function: Callable[..., None]) -> Callable[..., None]:
    """The options of a command that changes the configuration file: they make a `ChangeOptions`."""
    for option in (data_option, json_option, comment_option, config_option):
        function = option(function)
    return function


class ChangeOptions(NamedTuple):
    config: Path
    comment: str
    as_json: bool
    data: Path


def write_change(options: ChangeOptions, how: How, edit: Callable[[str, str], str]) -> None:
    """Write what the edit makes of the text and its name, and print what has changed."""
    with plain_errors():
        name = load(options.config).name
    history = ConfigurationHistory(options.data.resolve() / "configurations", time.time)
    writer = ConfigurationWriter(place_of(name), history, os.environ)
    try:
        written = writer.change(lambda text: edit(text, name), Author(getpass.getuser(), how, options.comment))
    except Problem as problem:
        raise click.ClickException(problem.message) from problem
    changed = changes(written.before, masked(written.text), name)
    if options.as_json:
        body = {"etag": written.etag, "fingerprint": written.config.fingerprint, "changes": changed}
        click.echo(msgspec.json.encode(body).decode())
        return
    for each in changed:
        click.echo(f"{each.place}: {shown(each.before)} → {shown(each.after)}")
    click.echo(f"{name} is written; a server that watches it uses it within 2 s")


def shown(value: object) -> str:
    return "nothing" if value is None else msgspec.json.encode(value).decode()
