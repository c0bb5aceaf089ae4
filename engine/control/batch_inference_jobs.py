"""Batch inference jobs: recommendations for a file of questions. The job runner sets their status; they go with their
solution."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from sqlalchemy import Connection

from engine.arns import name_of
from engine.control.campaigns import Influence, check_fit
from engine.control.control import Control
from engine.control.fields import (
    Arn,
    ColumnName,
    JsonMap,
    ListRequest,
    Name,
    Request,
    ResourceShape,
    RoleArn,
    Shape,
    ShortMap,
    Tags,
    tag_map,
    view,
)
from engine.control.filters import check_batch_filter
from engine.control.lifecycle import CREATE_PENDING
from engine.control.locations import BatchJobInput, BatchJobOutput, checked_locations
from engine.control.operation import operation
from engine.control.pages import page
from engine.data.schema import parse_schema
from engine.errors import InvalidInput
from engine.recipes import RECIPES
from engine.records import BatchInferenceJob, Dataset, Schema, SolutionVersion

DEFAULT_RESULTS = 25
NO_BATCH = frozenset({"aws-trending-now", "aws-next-best-action"})  # recipes (specification §7.2)
THEMED = "aws-similar-items"
Mode = Annotated[str, Meta(pattern=r"^(BATCH_INFERENCE|THEME_GENERATION)\Z")]


class BatchInferenceJobConfig(Request, frozen=True, kw_only=True):
    item_exploration_config: ShortMap | None = None
    ranking_influence: Influence | None = None


class FieldsForThemeGeneration(Request, frozen=True):
    item_name: ColumnName


class ThemeGenerationConfig(Request, frozen=True):
    fields_for_theme_generation: FieldsForThemeGeneration


class CreateBatchInferenceJob(Request, frozen=True, kw_only=True):
    job_name: Name
    solution_version_arn: Arn
    filter_arn: Arn | None = None
    num_results: Annotated[int, Meta(ge=1)] = DEFAULT_RESULTS
    job_input: BatchJobInput
    job_output: BatchJobOutput
    role_arn: RoleArn
    batch_inference_job_config: BatchInferenceJobConfig | None = None
    tags: Tags = ()
    batch_inference_job_mode: Mode = "BATCH_INFERENCE"
    theme_generation_config: ThemeGenerationConfig | None = None


class CreateBatchInferenceJobResponse(Shape, frozen=True):
    batch_inference_job_arn: str


class DescribeBatchInferenceJob(Request, frozen=True):
    batch_inference_job_arn: Arn


class BatchInferenceJobSummary(ResourceShape, frozen=True, kw_only=True):
    name: str = msgspec.field(name="jobName")
    arn: str = msgspec.field(name="batchInferenceJobArn")
    solution_version_arn: str
    batch_inference_job_mode: str
    failure_reason: str | None = None


class BatchInferenceJobShape(BatchInferenceJobSummary, frozen=True, kw_only=True):
    filter_arn: str | None = None
    num_results: int
    job_input: JsonMap
    job_output: JsonMap
    role_arn: str
    batch_inference_job_config: JsonMap = msgspec.field(default_factory=dict)
    theme_generation_config: JsonMap = msgspec.field(default_factory=dict)


class DescribeBatchInferenceJobResponse(Shape, frozen=True):
    batch_inference_job: BatchInferenceJobShape


class ListBatchInferenceJobs(ListRequest, frozen=True, kw_only=True):
    solution_version_arn: Arn | None = None


class ListBatchInferenceJobsResponse(Shape, frozen=True):
    batch_inference_jobs: list[BatchInferenceJobSummary]
    next_token: str | None = None


@operation
def create_batch_inference_job(control: Control, request: CreateBatchInferenceJob) -> CreateBatchInferenceJobResponse:
    locations = checked_locations(control, request.job_input, request.job_output)
    with control.database.write() as within:
        version = control.active(request.solution_version_arn, SolutionVersion, within)
        _check_recipe(request, version)
        if request.filter_arn is not None:
            check_batch_filter(control, request.filter_arn, "ItemID", version, within)
        _check_theme(control, request, version, within)
        now = control.now()
        job = BatchInferenceJob(
            arn=control.arn(f"batch-inference-job/{request.job_name}"),
            account=control.account,
            name=request.job_name,
            status=CREATE_PENDING,
            solution_version_arn=version.arn,
            filter_arn=request.filter_arn,
            num_results=request.num_results,
            role_arn=request.role_arn,
            batch_inference_job_config=_stored(request.batch_inference_job_config),
            batch_inference_job_mode=request.batch_inference_job_mode,
            theme_generation_config=_stored(request.theme_generation_config),
            tags=tag_map(request.tags),
            creation_date_time=now,
            last_updated_date_time=now,
            **locations,
        )
        control.create(job, within)
        control.enqueue("inferring", job.arn, within)
    return CreateBatchInferenceJobResponse(job.arn)


@operation
def describe_batch_inference_job(
    control: Control, request: DescribeBatchInferenceJob
) -> DescribeBatchInferenceJobResponse:
    job = control.get(request.batch_inference_job_arn, BatchInferenceJob)
    return DescribeBatchInferenceJobResponse(view(job, BatchInferenceJobShape))


@operation
def list_batch_inference_jobs(control: Control, request: ListBatchInferenceJobs) -> ListBatchInferenceJobsResponse:
    found = page(control, request, BatchInferenceJob, BatchInferenceJobSummary, request.solution_version_arn)
    return ListBatchInferenceJobsResponse(*found)


def _check_recipe(request: CreateBatchInferenceJob, version: SolutionVersion) -> None:
    """Raises `InvalidInput` where the recipe has no batch inference, or not this kind of it."""
    name = name_of(version.recipe_arn)
    if name in NO_BATCH or RECIPES[name].kind == "PERSONALIZED_ACTIONS":
        raise InvalidInput(f"solutionVersionArn: the recipe {name} has no batch inference.")
    if RECIPES[name].kind == "USER_SEGMENTATION":
        raise InvalidInput(f"solutionVersionArn: the recipe {name} makes user segments; create a batch segment job.")
    config = request.batch_inference_job_config
    if config is not None:
        check_fit(config.item_exploration_config, config.ranking_influence, name)
    if request.batch_inference_job_mode == "THEME_GENERATION" and name != THEMED:
        raise InvalidInput(f"batchInferenceJobMode: THEME_GENERATION fits only the recipe {THEMED}, not {name}.")


def _check_theme(
    control: Control, request: CreateBatchInferenceJob, version: SolutionVersion, within: Connection
) -> None:
    """Raises `InvalidInput` unless the mode and its configuration go together and the named column is a text."""
    config, themed = request.theme_generation_config, request.batch_inference_job_mode == "THEME_GENERATION"
    if themed != (config is not None):
        raise InvalidInput("themeGenerationConfig goes with the batchInferenceJobMode THEME_GENERATION, and only then.")
    if config is None:
        return
    datasets = control.every(Dataset, parent=version.dataset_group_arn, within=within)
    schemas = (
        control.records.get(each.schema_arn, Schema, within) for each in datasets if each.dataset_type == "ITEMS"
    )
    fields = [field for schema in schemas for field in parse_schema(schema.schema, schema.domain).fields]
    texts = sorted(field.name for field in fields if field.type == "string")
    name = config.fields_for_theme_generation.item_name
    if name.upper() not in {text.upper() for text in texts}:
        known = ", ".join(texts) or "none: the dataset group has no Items dataset"
        raise InvalidInput(
            f"themeGenerationConfig.fieldsForThemeGeneration.itemName is {name}; text columns of Items: {known}."
        )


def _stored(config: Request | None) -> JsonMap:
    shown: JsonMap = {} if config is None else msgspec.to_builtins(config)
    return shown
