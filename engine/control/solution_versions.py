"""Solution versions: one trained model each. The job runner sets their status; they are deleted with their solution."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta
from sqlalchemy import Connection

from engine import recipes
from engine.arns import name_of
from engine.control.control import Control, TrainingBudget
from engine.control.family import STATED, ResourceFamily, view
from engine.control.fields import Arn, Name, Request, Tags
from engine.control.hpo_config import auto_ml_of, check_hpo
from engine.control.hyperparameters import HPO_MINUTES, MINUTES
from engine.control.lifecycle import ACTIVE, BUSY, CREATE_PENDING
from engine.control.operation import ByArn, operation, operation_on
from engine.control.recipes import auto_ml_recipes
from engine.control.schemas import schemas_of
from engine.control.solution_config import recipe_for
from engine.errors import AlreadyExists, InUse, InvalidInput
from engine.extras import OPTUNA, check_installed
from engine.recipe import Recipe, Schemas
from engine.records import JsonMap, SolutionRecord, SolutionVersionRecord
from engine.settings import Settings

STOPPABLE = frozenset({CREATE_PENDING, "CREATE IN_PROGRESS"})


class CreateSolutionVersion(Request, frozen=True, kw_only=True):
    name: Name | None = None
    solution_arn: Arn
    training_mode: Annotated[str, Meta(pattern=r"^(FULL|UPDATE|AUTOTRAIN)\Z")] = "FULL"
    tags: Tags = ()


@operation
def create_solution_version(control: Control, request: CreateSolutionVersion) -> JsonMap:
    with control.database.write() as within:
        solution = control.active(request.solution_arn, SolutionRecord, within)
        versions = list(control.every(SolutionVersionRecord, parent=solution.arn, within=within))
        for other in versions:
            if other.name == request.name:
                raise AlreadyExists(f"Another resource with Arn {other.arn} already exists.")
        if request.training_mode == "UPDATE":
            _check_update(solution, versions)
        schemas = schemas_of(control, solution.dataset_group_arn, within)
        check_datasets(recipe_for(solution), schemas)
        budgeted = _within(solution, control.budget)
        check_libraries(control.settings, budgeted, schemas)
        version = add_version(control, budgeted, request, within)
    return view(version, "arn")


@operation_on("solutionVersion")
def get_solution_metrics(control: Control, request: ByArn) -> JsonMap:
    version = control.get(request.arn, SolutionVersionRecord)
    if version.status in BUSY:
        raise InUse(f"The solution version {version.arn} has no metrics while it is in {version.status} state.")
    if version.status != ACTIVE:
        raise InvalidInput(f"The solution version {version.arn} has no metrics: it is in {version.status} state.")
    return {"solutionVersionArn": version.arn, "metrics": version.metrics}


@operation_on("solutionVersion")
def stop_solution_version_creation(control: Control, request: ByArn) -> None:
    """A version that waits stops at once; one in training is seen stopping, though nothing it does counts any more."""
    with control.database.write() as within:
        version = control.get(request.arn, SolutionVersionRecord, within)
        if version.status not in STOPPABLE:
            raise InUse(f"The solution version {version.arn} can't be stopped: it is in {version.status} state.")
        now = control.now()
        stored = control.records.get(version.arn, SolutionVersionRecord, within)
        stopped_at = None if version.status == CREATE_PENDING else now
        control.cancel(version.arn, within)
        control.change(stored, within, now, status="CREATE STOPPED", stopped_at=stopped_at)


def _within(solution: SolutionRecord, budget: TrainingBudget) -> SolutionRecord:
    """The solution as a version with a budget of its own is trained by. Raises `InvalidInput` where its recipe can't be
    searched for hyperparameters and is to be."""
    minutes = {MINUTES: budget.training, HPO_MINUTES: budget.hpo}
    budgets = {name: f"{each:g}" for name, each in minutes.items() if each is not None}
    if not budgets:
        return solution
    if budget.hpo is not None:
        check_hpo(None, recipe_for(solution), perform_hpo=True)
    config = solution.solution_config
    settings = {**config.get("algorithmHyperParameters", {}), **budgets}
    return msgspec.structs.replace(
        solution,
        solution_config={**config, "algorithmHyperParameters": settings},
        perform_hpo=solution.perform_hpo or budget.hpo is not None,
    )


def add_version(
    control: Control,
    solution: SolutionRecord,
    request: CreateSolutionVersion,
    within: Connection,
    training_type: str = "MANUAL",
) -> SolutionVersionRecord:
    """A new version of the solution as it is configured now, and the job that trains it."""
    name = f"{name_of(solution.arn)}/{control.new_id()[:8]}"
    version = SolutionVersionRecord(
        status=CREATE_PENDING,
        solution_arn=solution.arn,
        dataset_group_arn=solution.dataset_group_arn,
        recipe_arn=solution.recipe_arn,
        perform_hpo=solution.perform_hpo,
        perform_auto_ml=solution.perform_auto_ml,
        perform_incremental_update=solution.perform_incremental_update,
        event_type=solution.event_type,
        solution_config=solution.solution_config,
        training_mode=request.training_mode,
        training_type=training_type,
        **control.new_fields(f"solution/{name}", request.name or name, request.tags),
    )
    control.create(version, within, "training")
    return version


def check_datasets(recipe: Recipe[Any], schemas: Schemas) -> None:
    """Raises `InvalidInput` where the dataset group lacks what the recipe trains on (specification §3.4)."""
    lacking = recipe.lacks(schemas)
    if lacking is not None:
        raise InvalidInput(f"The recipe {recipe.name} needs {lacking}.")


def check_libraries(settings: Settings, solution: SolutionRecord, schemas: Schemas) -> None:
    """Raises `MissingExtra` where this installation lacks what the solution trains with. Machines that share a database
    share the work, so another one may have it: there the job that lacks it fails."""
    if settings.is_shared:
        return
    allowed = auto_ml_of(solution.solution_config)[1]
    for recipe in auto_ml_recipes(allowed) if solution.perform_auto_ml else [recipe_for(solution)]:
        check_installed(recipe.libraries(schemas), f"The recipe {recipe.name} trains with")
    if solution.perform_hpo:
        check_installed([OPTUNA], "performHPO searches with")


def _check_update(solution: SolutionRecord, versions: list[SolutionVersionRecord]) -> None:
    """UPDATE goes on from a model that is there, by recipes that can (specification §1.8). Raises `InvalidInput`."""
    if recipe_for(solution).extend is None:
        able = sorted(name for name, recipe in recipes.RECIPES.items() if recipe.extend is not None)
        raise InvalidInput(f"trainingMode UPDATE fits only {', '.join(able)}, not {name_of(solution.recipe_arn)}.")
    if not any(version.training_mode == "FULL" and version.status == ACTIVE for version in versions):
        raise InvalidInput("trainingMode UPDATE needs a solution version of mode FULL that is ACTIVE.")


FAMILY = ResourceFamily(
    SolutionVersionRecord,
    summary=(*STATED, "arn", "training_mode", "training_type", "failure_reason"),
    detail=(
        "name",
        "solution_arn",
        "perform_hpo",
        "perform_auto_ml",
        "perform_incremental_update",
        "recipe_arn",
        "event_type",
        "dataset_group_arn",
        "solution_config",
        "training_hours",
        "tuned_hpo_params",
    ),
    parent=SolutionRecord,
)
