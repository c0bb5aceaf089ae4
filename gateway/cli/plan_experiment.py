"""recgate plan-experiment: how many units an experiment needs, and how many days that takes."""

from __future__ import annotations

from math import sqrt
from typing import get_args

import click
import msgspec

from gateway.experiments.analysis.lift import Method
from gateway.experiments.analysis.planner import Forecast, forecast


@click.command("plan-experiment")
@click.option("--mean", type=float, required=True, help="The metric's mean per unit today, such as 0.05.")
@click.option("--deviation", type=float, help="A unit's standard deviation; that of a share by default.")
@click.option("--lift", type=float, required=True, help="The least relative lift worth finding, such as 0.1.")
@click.option("--daily", type=click.FloatRange(0), default=0.0, help="New units a day that take part.")
@click.option("--share", "shares", type=float, multiple=True, help="Of an arm; two halves by default.")
@click.option("--method", type=click.Choice(get_args(Method)), default="always", show_default=True)
@click.option("--alpha", type=float, default=0.05, show_default=True)
@click.option("--power", type=float, default=0.8, show_default=True)
@click.option(
    "--metrics", type=click.IntRange(1), default=1, show_default=True, help="Goals that share the error rate."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    mean: float,
    deviation: float | None,
    lift: float,
    daily: float,
    shares: tuple[float, ...],
    method: Method,
    alpha: float,
    power: float,
    metrics: int,
    as_json: bool,
) -> None:
    """Say how many units and days an experiment needs to find a lift."""
    if deviation is None and not 0 < mean < 1:
        raise click.UsageError("--deviation is needed: only a mean between 0 and 1 may be a share")
    arms = shares or (0.5, 0.5)
    if len(arms) < 2 or min(arms) <= 0 or sum(arms) > 1 + 1e-9:
        raise click.UsageError("--share: one above 0 for each of two arms and more, 1 together at most")
    spread = sqrt(mean * (1 - mean)) if deviation is None else deviation
    try:
        found = forecast(mean, spread, lift, daily, arms, method, alpha, power, metrics * (len(arms) - 1))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    click.echo(msgspec.json.encode(found).decode() if as_json else said(found, len(arms)))


def said(found: Forecast, arms: int) -> str:
    text = f"{found.units_per_arm:,} units an arm, {found.units_per_arm * arms:,} in all"
    if found.detectable is None:
        return text
    return f"{text}: {found.days} days. {found.weeks} whole weeks would find a lift of {found.detectable:.1%}."
