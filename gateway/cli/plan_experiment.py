"""recgate plan-experiment: how many units an experiment needs, and how many days that takes."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any, get_args

import click
import msgspec

from gateway.experiments.analysis.lift import Method
from gateway.experiments.analysis.planner import Forecast, PlannedTest


@dataclass(frozen=True)
class PlanOptions:
    mean: float
    deviation: float | None
    lift: float
    daily: float
    shares: tuple[float, ...]
    method: Method
    alpha: float
    power: float
    metrics: int
    as_json: bool


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
def command(**values: Any) -> None:
    """Say how many units and days an experiment needs to find a lift."""
    options = PlanOptions(**values)
    if options.deviation is None and not 0 < options.mean < 1:
        raise click.UsageError("--deviation is needed: only a mean between 0 and 1 may be a share")
    arms = options.shares or (0.5, 0.5)
    if len(arms) < 2 or min(arms) <= 0 or sum(arms) > 1 + 1e-9:
        raise click.UsageError("--share: one above 0 for each of two arms and more, 1 together at most")
    spread = sqrt(options.mean * (1 - options.mean)) if options.deviation is None else options.deviation
    try:
        among = options.metrics * (len(arms) - 1)
        test = PlannedTest(options.mean, spread, options.lift, options.method, options.alpha, options.power, among)
        plan = test.forecast(options.daily, arms)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    click.echo(msgspec.json.encode(plan).decode() if options.as_json else in_a_sentence(plan, len(arms)))


def in_a_sentence(plan: Forecast, arms: int) -> str:
    text = f"{plan.units_per_arm:,} units an arm, {plan.units_per_arm * arms:,} in all"
    if plan.detectable is None:
        return text
    return f"{text}: {plan.days} days. {plan.weeks} whole weeks would find a lift of {plan.detectable:.1%}."
