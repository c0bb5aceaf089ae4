"""recgate evaluate: the honest report: full ranking, two splits, tuned baselines, intervals."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from engine import (
    RECIPES,
    CohortStudy,
    Curve,
    DiversityCurve,
    DiversityStudy,
    EvaluationReport,
    Similarity,
    Snapshot,
    cohort_curve,
    diversity_curve,
    evaluate,
    save_curve,
    save_diversity,
    save_plot,
)
from gateway.cli import movielens
from gateway.cli.local import Local, opened, progress_bar
from gateway.cli.options import data_option, group_option, plain_errors, recipe_choice

RANKING = recipe_choice(lambda recipe: recipe.ranks_items)
USUAL = "aws-user-personalization-v2"
STDOUT = Path("-")
AnyReport = EvaluationReport | Curve | DiversityCurve
WIDTH = 150  # of the report, whatever the terminal: figures must not be cut


@dataclass(frozen=True)
class EvaluateOptions:
    recipes: tuple[str, ...]
    on_movielens: bool
    of_cohorts: bool
    of_diversity: bool
    similarity: Similarity
    columns: tuple[str, ...]
    seed: int
    json_file: Path | None
    plot: Path | None
    group: str
    data: Path


@dataclass(frozen=True)
class EvaluationData:
    """A group's data as models learn from it, and with all of its columns where diversity is asked about."""

    learnable: Snapshot
    whole: Snapshot | None

    @classmethod
    def of(cls, local: Local, group: str, options: EvaluateOptions) -> EvaluationData:
        """Raises `NotFound` where there is no such group."""
        arn, resources = local.arn(f"dataset-group/{group}"), local.engine.resources
        return cls(resources.learnable(arn), resources.snapshot(arn) if options.of_diversity else None)


@click.command("evaluate")
@click.option("--recipe", "recipes", multiple=True, type=RANKING, help="May be given again.")
@click.option("--movielens", "on_movielens", is_flag=True, help="On MovieLens-100K instead of a data directory.")
@click.option("--cohorts", "of_cohorts", is_flag=True, help="What lists of cohorts lose in quality and gain in hits.")
@click.option("--diversity", "of_diversity", is_flag=True, help="What diverse lists lose in quality, by strength.")
@click.option(
    "--similarity",
    type=click.Choice(get_args(Similarity)),
    default="columns",
    show_default=True,
    help="With --diversity: what items are alike by.",
)
@click.option(
    "--column", "columns", multiple=True, help="With --diversity: a column of Items; the first is capped, too."
)
@click.option("--seed", default=0, show_default=True)
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Write the report as JSON here too; - is the standard output, and the tables go to standard error then.",
)
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Draw it: .png, .svg or .pdf.")
@group_option
@data_option
def command(**values: Any) -> None:
    """Measure recipes on a dataset group's interactions, beside baselines tuned as carefully."""
    options = EvaluateOptions(**values)
    on_stdout = options.json_file == STDOUT
    console = Console(soft_wrap=True, width=max(WIDTH, Console().width), stderr=on_stdout)
    with plain_errors():
        data = movielens_data(options, console) if options.on_movielens else directory_data(options, console)
        started = time.monotonic()
        report = measured(data, options, console)
        show_report(console, report)
        console.print(f"in {time.monotonic() - started:.0f} s")
        if on_stdout:
            click.echo(report.to_json())
        elif options.json_file is not None:
            options.json_file.write_bytes(report.to_json())
        if options.plot is not None:
            draw(report, options.plot)


def measured(data: EvaluationData, options: EvaluateOptions, console: Console) -> AnyReport:
    names = options.recipes or (USUAL,)
    with progress_bar(console, "evaluate") as (bar, task):

        def say(fraction: float, message: str) -> None:
            bar.update(task, completed=fraction, message=message)

        if options.of_cohorts:
            return cohort_curve(data.learnable, time.perf_counter, CohortStudy(personal(names[0]), options.seed), say)
        if options.of_diversity:
            own = (options.similarity, options.columns)
            study = DiversityStudy(names[0], options.seed, *own, whole=data.whole)
            return diversity_curve(data.learnable, study, say)
        return evaluate(data.learnable, names, options.seed, say)


def personal(recipe: str) -> str:
    if RECIPES[recipe].kind != "USER_PERSONALIZATION":
        raise click.ClickException(f"{recipe} has no cohorts: only recipes of USER_PERSONALIZATION have")
    return recipe


def directory_data(options: EvaluateOptions, console: Console) -> EvaluationData:
    """Raises `NotFound` where there is no such group."""
    with opened(options.data, console) as local:
        return EvaluationData.of(local, options.group, options)


def movielens_data(options: EvaluateOptions, console: Console) -> EvaluationData:
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder), console, allow_file_urls=True) as local:
        movielens.import_all(local, "movies", movielens.fetch(), Path(folder) / "csv")
        return EvaluationData.of(local, "movies", options)


def show_report(console: Console, report: AnyReport) -> None:
    match report:
        case EvaluationReport():
            show(console, report)
        case Curve():
            show_curve(console, report)
        case DiversityCurve():
            show_diversity(console, report)


def show(console: Console, report: EvaluationReport) -> None:
    console.print(
        f"{report.interactions:,} interactions, {report.users:,} users, {report.items:,} items; the last two events of"
        f" {report.last_two_tied:.0%} of users share a timestamp; {report.repeats:.0%} of targets are repeats",
        highlight=False,
    )
    for rule in report.rules:
        console.print(f"  - {rule}", highlight=False)
    rows = report.table()
    for part in report.parts:
        if part.rows:
            show_split(console, part.title, [row for row in rows if row["split"] == part.title])
        else:
            console.print(part.title, highlight=False)


def show_split(console: Console, split: str, rows: list[dict[str, str]]) -> None:
    """The figures as a table, and below it what each model was set to."""
    columns = [name for name in rows[0] if name not in {"split", "settings"}]
    console.print(table_of([{name: row[name] for name in columns} for row in rows], split))
    for row in rows:
        console.print(f"  {row['model']}: {row['settings']}", highlight=False, style="dim")


def show_curve(console: Console, curve: Curve) -> None:
    traffic = curve.traffic
    console.print(
        f"{curve.recipe}: {curve.interactions:,} interactions, {curve.users:,} users, each one's last item hidden;"
        f" trained in {curve.training_s:.0f} s, cohorts in {curve.cohorts_s:.1f} s more\n"
        f"hit rate: {traffic.users:,} users (Zipf {traffic.exponent:g}), {traffic.per_second:g} requests/s, lists fresh"
        f" for {traffic.max_age_s:g} s, a shared cache for {traffic.lists:,} lists",
        highlight=False,
    )
    console.print(table_of(curve.table()))


def show_diversity(console: Console, curve: DiversityCurve) -> None:
    console.print(
        f"{curve.recipe}: {curve.interactions:,} interactions, {curve.users:,} users, each one's last item hidden;"
        f" items are alike by {curve.similarity}; diversity is 1 less the mean similarity of two of ten items",
        highlight=False,
    )
    console.print(table_of(curve.table()))


def table_of(rows: Sequence[Mapping[str, str]], title: str | None = None) -> Table:
    table = Table(box=SIMPLE, title=title, title_justify="left", padding=(0, 1, 0, 0))
    for name in rows[0]:
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(*row.values())
    return table


def draw(report: AnyReport, path: Path) -> None:
    try:
        match report:
            case EvaluationReport():
                save_plot(report, path)
            case Curve():
                save_curve(report, path)
            case DiversityCurve():
                save_diversity(report, path)
    except ModuleNotFoundError as error:
        raise click.ClickException(str(error)) from error
