"""recgate experiment: makes, starts, ramps and stops an experiment, in the configuration file."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from gateway.cli.options import data_option, plain_errors
from gateway.config import ConfigurationHistory, launching, load, place_of
from gateway.config.comparison import changes
from gateway.config.editing import Edit
from gateway.config.history import Author
from gateway.config.launching import ExperimentPlace
from gateway.config.masking import masked
from gateway.config.source import source
from gateway.config.writing import ConfigurationWriter
from gateway.errors import Problem

ID = "NAMESPACE/ACTION/RECOMMENDER/FEATURE"
config_option = click.option(
    "--config", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True, help="The file to change."
)
comment_option = click.option("--comment", default="", help="Why, for the history.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
id_argument = click.argument("id", metavar=ID)
Function = Callable[..., None]


def options(function: Function) -> Function:
    for option in (data_option, json_option, comment_option, config_option, id_argument):
        function = option(function)
    return function


@click.group("experiment")
def command() -> None:
    """Make, start, ramp or stop an experiment: its part of the configuration file changes, and nothing else."""


@command.command("make")
@click.option("--definition", required=True, help="YAML or JSON, such as '{method: builtin, metrics: {…}}'.")
@options
def make_command(definition: str, **values: Any) -> None:
    """Make an experiment; it runs at once unless its definition has a schedule."""
    with plain_errors():
        part: Any = source(definition, "--definition").data
    write(values, lambda text, name, place: launching.created(text, name, place, part))


@command.command("start")
@options
def start_command(**values: Any) -> None:
    """Let an experiment run from now on."""
    change_now(values, launching.start)


@command.command("stop")
@options
def stop_command(**values: Any) -> None:
    """End an experiment now."""
    change_now(values, launching.stop)


@command.command("ramp")
@click.option("--traffic", type=click.FloatRange(0, 1), help="The share of the units that takes part.")
@click.option("--weight", "weights", multiple=True, metavar="VARIATION=WEIGHT", help="Of each variation.")
@click.option("--at", metavar="TIME", help="From then on, such as 2030-01-31T12:00:00Z.  [default: now]")
@options
def ramp_command(traffic: float | None, weights: tuple[str, ...], at: str | None, **values: Any) -> None:
    """Change an experiment's traffic or weights."""
    moment = launching.read(at)
    if at is not None and moment is None:
        raise click.BadParameter(f"{at!r} is no time", param_hint="--at")
    shares = weights_of(weights)
    if traffic is None and shares is None:
        raise click.UsageError("give --traffic, --weight or both: the ramp would change nothing")
    change_now(values, lambda part, now: launching.ramp(part, now, moment, traffic, shares))


def weights_of(texts: tuple[str, ...]) -> dict[str, float] | None:
    """Raises `BadParameter`."""
    try:
        return {name: float(weight) for name, _, weight in (text.rpartition("=") for text in texts)} or None
    except ValueError as error:
        raise click.BadParameter("VARIATION=WEIGHT, such as bold=0.5", param_hint="--weight") from error


def change_now(values: dict[str, Any], change: Callable[[Mapping[str, Any], float], list[Edit]]) -> None:
    """Write the edits that follow from the experiment's part of the configuration and the time."""
    now = time.time()
    write(values, lambda text, name, place: launching.changed(text, name, place, lambda part: change(part, now)))


def write(values: dict[str, Any], edit: Callable[[str, str, ExperimentPlace], str]) -> None:
    """Write the configuration with the edit, and say what has changed."""
    names = values["id"].split("/")
    if len(names) != 4:
        raise click.BadParameter(f"an experiment is {ID}", param_hint="ID")
    with plain_errors():
        name, place = load(values["config"]).name, ExperimentPlace(*names)
    history = ConfigurationHistory(values["data"].resolve() / "configurations", time.time)
    writer = ConfigurationWriter(place_of(name), history, os.environ)
    try:
        author = Author(getpass.getuser(), "experiment", values["comment"])
        written = writer.change(lambda text: edit(text, name, place), author)
    except Problem as problem:
        raise click.ClickException(problem.message) from problem
    changed = changes(written.before, masked(written.text), name)
    if values["as_json"]:
        body = {"etag": written.etag, "fingerprint": written.config.fingerprint, "changes": changed}
        click.echo(msgspec.json.encode(body).decode())
        return
    for each in changed:
        click.echo(f"{each.place}: {shown(each.before)} → {shown(each.after)}")
    click.echo(f"{name} is written; a server that watches it uses it within 2 s")


def shown(value: object) -> str:
    return "nothing" if value is None else msgspec.json.encode(value).decode()
