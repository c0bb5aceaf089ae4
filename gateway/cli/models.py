"""recgate models: each model's versions beside baselines, what a blend chose and why, and trainings."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from engine import ModelOverview, VersionComparison, compared, model_overview, models
from gateway.admin.models import ModelsView
from gateway.cli.local import opened
from gateway.cli.options import data_option, engine_in, json_option, plain_errors, print_json
from gateway.cli.status import moment

METRICS = ("normalized_discounted_cumulative_gain_at_10", "precision_at_10", "coverage")


@click.command("models")
@click.argument("name", metavar="[MODEL]", required=False)
@click.option("--compare", nargs=2, metavar="VERSION VERSION", help="Lists of two versions for the same users.")
@click.option("--users", type=click.IntRange(1, 1000), default=100, show_default=True, help="With --compare: how many.")
@json_option
@data_option
def command(name: str | None, compare: tuple[str, str] | None, users: int, as_json: bool, data: Path) -> None:
    """Show all models, or the versions of MODEL."""
    if compare is not None and name is None:
        raise click.UsageError("--compare needs a MODEL")
    console = Console(soft_wrap=True, highlight=False)
    with plain_errors():
        if compare is not None and name is not None:
            with engine_in(data) as engine:
                comparison = compared(engine, name, *compare, users)
            print_json(comparison) if as_json else show_comparison(comparison, console)
            return
        with opened(data, console) as local:
            shown = [model_overview(local.engine, name)] if name is not None else models(local.engine)
    if as_json:
        print_json(shown[0] if name is not None else ModelsView(models=shown))
        return
    for each in shown:
        show(each, console)


def show(model: ModelOverview, console: Console) -> None:
    table = Table("version", "status", "trained", *METRICS, "", title=f"{model.model} ({model.recipe}, {model.group})")
    for each in model.versions:
        figures = (f"{each.metrics[name]:.4f}" if name in each.metrics else "" for name in METRICS)
        job = "" if each.job is None or each.status == "ACTIVE" else f"{each.job.fraction:.0%} {each.job.message}"
        state = "answers" if each.deployed else "before" if each.version == model.previous else job
        table.add_row(each.version, each.status, moment(each.trained) if each.trained else "", *figures, escape(state))
    console.print(table)
    answering = next((each for each in model.versions if each.deployed), None)
    if answering is None:
        return
    for blend in answering.blends:
        parts = " + ".join(f"{part.weight:.2g} {part.scorer}" for part in blend.weights)
        console.print(f"  {blend.situation}: {escape(parts)}. {escape(blend.why)}")
    if answering.baselines:
        simple = ", ".join(f"{name} {value:.4f}" for name, value in answering.baselines.items())
        console.print(f"  alone, on the same validation: {escape(simple)}", style="dim")


def show_comparison(comparison: VersionComparison, console: Console) -> None:
    table = Table(
        "", comparison.first.version, comparison.second.version, title=f"{comparison.model}: {comparison.users} users"
    )
    pair = (comparison.first, comparison.second)
    for name in ("coverage", "diversity", "freshness", "popularity"):
        values = (getattr(each, name) for each in pair)
        table.add_row(name, *("" if value is None else f"{value:.4f}" for value in values))
    for name in METRICS:
        table.add_row(name, *(f"{each.accuracy[name]:.4f}" if name in each.accuracy else "" for each in pair))
    console.print(table)
    console.print(f"both lists of a user share {comparison.overlap:.0%} of their items")
