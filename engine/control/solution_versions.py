"""Solution versions: one trained model each. The job runner sets their status; they are deleted with their solution."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta
from sqlalchemy import Connection

from engine import recipes, records
from engine.arns import name_of
from engine.control.control import Control
from engine.control.fields import Arn, JsonMap, ListRequest, Name, Request, ResourceShape, Shape, Tags, tag_map, view
from engine.control.hyperparameters import MINUTES
from engine.control.lifecycle import ACTIVE, BUSY, CREATE_PENDING
from engine.control.operation import operation
from engine.control.pages import page
from engine.control.solution_config import recipe_for
from engine.data.schema import Schema, parse_schema
from engine.errors import AlreadyExists, InUse, InvalidInput
from engine.recipe import Recipe, Schemas
from engine.records import Dataset, Solution, SolutionVersion

STOPPABLE = frozenset({CREATE_PENDING, "CREATE IN_PROGRESS"})


class CreateSolutionVersion(Request, frozen=True, kw_only=True):
    name: Name | None = None
    solution_arn: Arn
    training_mode: Annotated[str, Meta(pattern=r"^(FULL|UPDATE|AUTOTRAIN)\Z")] = "FULL"
    tags: Tags = ()


class CreateSolutionVersionResponse(Shape, frozen=True):
    solution_version_arn: str


class DescribeSolutionVersion(Request, frozen=True):
    solution_version_arn: Arn


class SolutionVersionSummary(ResourceShape, frozen=True, kw_only=True):
    arn: str = msgspec.field(name="solutionVersionArn")
    training_mode: str
    training_type: str
    failure_reason: str | None = None


class SolutionVersionShape(SolutionVersionSummary, frozen=True, kw_only=True):
    name: str
    solution_arn: str
    perform_hpo: bool = msgspec.field(name="performHPO")
    perform_auto_ml: bool = msgspec.field(name="performAutoML")
    perform_incremental_update: bool
    recipe_arn: str = ""  # left out until AutoML has chosen
    event_type: str | None = None
    dataset_group_arn: str
    solution_config: JsonMap = msgspec.field(default_factory=dict)
    training_hours: float | None = None
    tuned_hpo_params: JsonMap = msgspec.field(name="tunedHPOParams", default_factory=dict)


class DescribeSolutionVersionResponse(Shape, frozen=True):
    solution_version: SolutionVersionShape


class ListSolutionVersions(ListRequest, frozen=True, kw_only=True):
    solution_arn: Arn | None = None


class ListSolutionVersionsResponse(Shape, frozen=True):
    solution_versions: list[SolutionVersionSummary]
    next_token: str | None = None


class GetSolutionMetrics(Request, frozen=True):
    solution_version_arn: Arn


class GetSolutionMetricsResponse(Shape, frozen=True):
    solution_version_arn: str
    metrics: dict[str, float]


class StopSolutionVersionCreation(Request, frozen=True):
    solution_version_arn: Arn


@operation
def create_solution_version(control: Control, request: CreateSolutionVersion) -> CreateSolutionVersionResponse:
    with control.database.write() as within:
        solution = control.active(request.solution_arn, Solution, within)
        versions = list(control.every(SolutionVersion, parent=solution.arn, within=within))
        for other in versions:
            if other.name == request.name:
                raise AlreadyExists(f"Another resource with Arn {other.arn} already exists.")
        if request.training_mode == "UPDATE":
            _check_update(solution, versions)
        check_datasets(recipe_for(solution), schemas_of(control, solution.dataset_group_arn, within))
        version = add_version(
            control,
            _within(solution, control.training_minutes),
            within,
            request.training_mode,
            name=request.name,
            tags=tag_map(request.tags),
        )
    return CreateSolutionVersionResponse(version.arn)


@operation
def describe_solution_version(control: Control, request: DescribeSolutionVersion) -> DescribeSolutionVersionResponse:
    version = control.get(request.solution_version_arn, SolutionVersion)
    return DescribeSolutionVersionResponse(view(version, SolutionVersionShape))


@operation
def list_solution_versions(control: Control, request: ListSolutionVersions) -> ListSolutionVersionsResponse:
    if request.solution_arn is not None:
        control.get(request.solution_arn, Solution)
    found = page(control, request, SolutionVersion, SolutionVersionSummary, request.solution_arn)
    return ListSolutionVersionsResponse(*found)


@operation
def get_solution_metrics(control: Control, request: GetSolutionMetrics) -> GetSolutionMetricsResponse:
    version = control.get(request.solution_version_arn, SolutionVersion)
    if version.status in BUSY:
        raise InUse(f"The solution version {version.arn} has no metrics while it is in {version.status} state.")
    if version.status != ACTIVE:
        raise InvalidInput(f"The solution version {version.arn} has no metrics: it is in {version.status} state.")
    return GetSolutionMetricsResponse(version.arn, version.metrics)


@operation
def stop_solution_version_creation(control: Control, request: StopSolutionVersionCreation) -> None:
    """A version that waits stops at once; one in training is seen stopping, though nothing it does counts any more."""
    with control.database.write() as within:
        version = control.get(request.solution_version_arn, SolutionVersion, within)
        if version.status not in STOPPABLE:
            raise InUse(f"The solution version {version.arn} can't be stopped: it is in {version.status} state.")
        now = control.now()
        stopped = msgspec.structs.replace(
            control.records.get(version.arn, SolutionVersion, within),
            status="CREATE STOPPED",
            stopped_at=None if version.status == CREATE_PENDING else now,
            last_updated_date_time=now,
        )
        control.cancel(version.arn, within)
        control.records.replace(stopped, within)


def _within(solution: Solution, minutes: float | None) -> Solution:
    """The solution as a version with a budget of its own is trained by."""
    if minutes is None:
        return solution
    config = solution.solution_config
    settings = {**config.get("algorithmHyperParameters", {}), MINUTES: f"{minutes:g}"}
    return msgspec.structs.replace(solution, solution_config={**config, "algorithmHyperParameters": settings})


def add_version(
    control: Control,
    solution: Solution,
    within: Connection,
    training_mode: str = "FULL",
    *,
    training_type: str = "MANUAL",
    name: str | None = None,
    tags: dict[str, str] | None = None,
) -> SolutionVersion:
    """A new version of the solution as it is configured now, and the job that trains it."""
    now = control.now()
    arn = f"{solution.arn}/{control.new_id()[:8]}"
    version = SolutionVersion(
        arn=arn,
        account=control.account,
        name=name or name_of(arn),
        status=CREATE_PENDING,
        solution_arn=solution.arn,
        dataset_group_arn=solution.dataset_group_arn,
        recipe_arn=solution.recipe_arn,
        perform_hpo=solution.perform_hpo,
        perform_auto_ml=solution.perform_auto_ml,
        perform_incremental_update=solution.perform_incremental_update,
        event_type=solution.event_type,
        solution_config=solution.solution_config,
        training_mode=training_mode,
        training_type=training_type,
        tags=tags or {},
        creation_date_time=now,
        last_updated_date_time=now,
    )
    control.create(version, within)
    control.enqueue("training", version.arn, within)
    return version


def schemas_of(control: Control, group_arn: str, within: Connection) -> dict[str, Schema]:
    """The schemas of a dataset group's datasets by type."""
    datasets = control.every(Dataset, parent=group_arn, within=within)
    found = ((each.dataset_type, control.records.get(each.schema_arn, records.Schema, within)) for each in datasets)
    return {dataset_type: parse_schema(schema.schema, schema.domain) for dataset_type, schema in found}


def check_datasets(recipe: Recipe[Any], schemas: Schemas) -> None:
    """Raises `InvalidInput` where the dataset group lacks what the recipe trains on (specification §3.4)."""
    lacking = recipe.lacks(schemas)
    if lacking is not None:
        raise InvalidInput(f"The recipe {recipe.name} needs {lacking}.")


def _check_update(solution: Solution, versions: list[SolutionVersion]) -> None:
    """UPDATE adds new items to a model that is there, for the recipes that can (specification §1.8)."""
    if recipe_for(solution).extend is None:
        able = sorted(name for name, recipe in recipes.RECIPES.items() if recipe.extend is not None)
        raise InvalidInput(f"trainingMode UPDATE fits only {', '.join(able)}, not {name_of(solution.recipe_arn)}.")
    if not any(version.training_mode == "FULL" and version.status == ACTIVE for version in versions):
        raise InvalidInput("trainingMode UPDATE needs a solution version of mode FULL that is ACTIVE.")
