"""recgate train: a recipe on a dataset group's data, deployed as a campaign under the same name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from engine import TrainingBudget, model_overview
from gateway.cli.local import Local, opened
from gateway.cli.options import (
    check_name,
    data_option,
    group_option,
    json_option,
    plain_errors,
    print_json,
    recipe_choice,
)

UNFINISHED = frozenset({"CREATE PENDING", "CREATE IN_PROGRESS"})
DEPLOYABLE = recipe_choice(lambda recipe: recipe.deployable)


@click.command("train")
@click.argument("name", callback=check_name)
@click.option("--recipe", type=DEPLOYABLE, default="aws-user-personalization-v2", show_default=True)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A hyperparameter of the recipe.")
@click.option(
    "--minutes",
    type=click.FloatRange(0, min_open=True),
    help="What the training may take: it leaves out what does not fit.  [default: what it needs]",
)
@click.option(
    "--hpo-minutes",
    type=click.FloatRange(0, min_open=True),
    help="Search for the recipe's hyperparameters for so long before.  [default: no search]",
)
@json_option
@group_option
@data_option
def command(name: str, recipe: str, settings: tuple[str, ...], as_json: bool, data: Path, **others: Any) -> None:
    """Train a solution and deploy it as campaign NAME, which configurations call `model: NAME`."""
    console, budget = Console(stderr=as_json), TrainingBudget(others["minutes"], others["hpo_minutes"])
    with plain_errors(), opened(data, console) as local:
        version = train(local, others["group"], name, recipe, pairs(settings), budget)
        deploy(local, name, version)
        if as_json:
            print_json(model_overview(local.engine, name))
            return
        console.print(metrics_table(local, version))
        console.print(f"deployed as model [bold]{name}[/bold]: {version}")


def pairs(settings: tuple[str, ...]) -> dict[str, str]:
    wrong = [each for each in settings if "=" not in each]
    if wrong:
        raise click.BadParameter(f"{wrong[0]!r} is not NAME=VALUE", param_hint="--set")
    return dict(each.split("=", 1) for each in settings)


def train(
    local: Local,
    group: str,
    name: str,
    recipe: str,
    hyperparameters: dict[str, str],
    budget: TrainingBudget | None = None,
) -> str:
    """Trains a new version within the budget, and returns its ARN. A solution of that name is trained again if its
    recipe is the same."""
    is_new = local.ensure(
        "CreateSolution",
        name=name,
        datasetGroupArn=local.arn(f"dataset-group/{group}"),
        recipeArn=f"arn:aws:personalize:::recipe/{recipe}",
        performAutoTraining=False,
        solutionConfig={"algorithmHyperParameters": hyperparameters},
    )
    solution = local.arn(f"solution/{name}")
    if not is_new:
        _check_same(local.call("DescribeSolution", solutionArn=solution)["solution"], recipe, hyperparameters)
    version = unfinished(local, solution)
    if version is None:
        version = local.within(budget or TrainingBudget()).call("CreateSolutionVersion", solutionArn=solution)[
            "solutionVersionArn"
        ]
    arn = version
    local.watch(arn, f"train {name}", lambda: local.engine.resources.forecast(arn))
    return arn


def _check_same(solution: dict[str, Any], recipe: str, hyperparameters: dict[str, str]) -> None:
    """A solution keeps the recipe and the hyperparameters that it was created with."""
    name, trained_by = solution["name"], solution["recipeArn"].rsplit("/", 1)[-1]
    if trained_by != recipe:
        raise click.ClickException(f"solution {name} exists with recipe {trained_by}; choose another name")
    before = solution.get("solutionConfig", {}).get("algorithmHyperParameters", {})
    if any(before.get(name) != value for name, value in hyperparameters.items()):
        raise click.ClickException(f"solution {name} exists with other hyperparameters; choose another name for --set")


def unfinished(local: Local, solution: str) -> str | None:
    """A version that an interrupted command left in training."""
    versions = local.call("ListSolutionVersions", solutionArn=solution)["solutionVersions"]
    waiting = (each["solutionVersionArn"] for each in versions if each["status"] in UNFINISHED)
    return next(waiting, None)


def deploy(local: Local, name: str, version: str) -> None:
    if not local.ensure("CreateCampaign", name=name, solutionVersionArn=version):
        local.call("UpdateCampaign", campaignArn=local.arn(f"campaign/{name}"), solutionVersionArn=version)


def metrics_table(local: Local, version: str) -> Table:
    metrics = local.call("GetSolutionMetrics", solutionVersionArn=version)["metrics"]
    table = Table("metric", "value", title="offline metrics (90 % of users train, 10 % test)")
    for metric, value in sorted(metrics.items()):
        table.add_row(metric, f"{value:.4f}")
    return table
