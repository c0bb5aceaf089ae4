"""recgate experiment: makes, starts, ramps and stops an experiment, in the configuration file."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import click

from gateway.cli.config_changes import ChangeOptions, change_options, write_change
from gateway.cli.options import plain_errors
from gateway.config import launching
from gateway.config.editing import Edit
from gateway.config.launching import ExperimentPlace
from gateway.config.source import source

ID = "NAMESPACE/ACTION/RECOMMENDER/FEATURE"
id_argument = click.argument("id", metavar=ID)
Function = Callable[..., None]


def options(function: Function) -> Function:
    return id_argument(change_options(function))


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
    names = values.pop("id").split("/")
    if len(names) != 4:
        raise click.BadParameter(f"an experiment is {ID}", param_hint="ID")
    place = ExperimentPlace(*names)
    write_change(ChangeOptions(**values), "experiment", lambda text, name: edit(text, name, place))
