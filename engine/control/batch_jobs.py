"""Batch jobs: recommendations for a file of questions, or users for a file of items. The job runner sets their status;
they go with their solution."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from sqlalchemy import Connection

from engine.arns import name_of
from engine.control.campaigns import Influence, check_fit
from engine.control.control import Control
from engine.control.family import NAMED, ResourceFamily, view
from engine.control.fields import Arn, ColumnName, CreateJob, JobOutput, Request, RoleArn, S3DataConfig, ShortMap
from engine.control.filters import check_batch_filter
from engine.control.lifecycle import CREATE_PENDING
from engine.control.operation import operation
from engine.control.schemas import schemas_of
from engine.control.tag_settings import check_tags_of
from engine.data.destination import check_destination
from engine.errors import InvalidInput
from engine.extras import WORDLLAMA, check_installed
from engine.recipes import RECIPES
from engine.records import BatchInferenceJobRecord, BatchSegmentJobRecord, JsonMap, SolutionVersionRecord

DEFAULT_USERS, MOST_USERS = 25, 5_000_000
Mode = Annotated[str, Meta(pattern=r"^(BATCH_INFERENCE|THEME_GENERATION)\Z")]
THEMED = "aws-similar-items"
NO_BATCH = frozenset({"aws-trending-now", "aws-next-best-action"})  # recipes (specification §7.2)
DEFAULT_RESULTS = 25


class BatchJobInput(Request, frozen=True):
    s3_data_source: S3DataConfig = msgspec.field(name="s3DataSource")


class CreateBatchJob(CreateJob, frozen=True, kw_only=True):
    solution_version_arn: Arn
    filter_arn: Arn | None = None
    job_input: BatchJobInput
    job_output: JobOutput
    role_arn: RoleArn


def check_locations(control: Control, request: CreateBatchJob) -> None:
    """Raises `InvalidInput` for a place that a batch job can't read or write (specification §7.1)."""
    source, destination = request.job_input.s3_data_source.path, request.job_output.s3_data_destination.path
    schemes = ("s3://", "file:///") if control.settings.allow_file_urls else ("s3://",)
    bucket, slash, _ = source.partition("://")[2].partition("/")
    if not source.startswith(schemes) or not slash or (source.startswith("s3://") and not bucket):
        raise InvalidInput(
            f"Invalid S3 input path {source}: write {' or '.join(f'{each}…' for each in schemes)}, with a key."
        )
    check_destination(destination, allow_file_urls=control.settings.allow_file_urls)
    if source.rstrip("/") == destination.rstrip("/"):
        raise InvalidInput(f"Invalid S3 output path {destination}: it must differ from the input's.")


class BatchInferenceJobConfig(Request, frozen=True, kw_only=True):
    item_exploration_config: ShortMap | None = None
    ranking_influence: Influence | None = None


class FieldsForThemeGeneration(Request, frozen=True):
    item_name: ColumnName


class ThemeGenerationConfig(Request, frozen=True):
    fields_for_theme_generation: FieldsForThemeGeneration


class CreateBatchInferenceJob(CreateBatchJob, frozen=True, kw_only=True):
    num_results: Annotated[int, Meta(ge=1)] = DEFAULT_RESULTS
    batch_inference_job_config: BatchInferenceJobConfig | None = None
    batch_inference_job_mode: Mode = "BATCH_INFERENCE"
    theme_generation_config: ThemeGenerationConfig | None = None


@operation
def create_batch_inference_job(control: Control, request: CreateBatchInferenceJob) -> JsonMap:
    check_locations(control, request)
    with control.database.write() as within:
        version = control.active(request.solution_version_arn, SolutionVersionRecord, within)
        _check_recipe(request, version)
        if request.filter_arn is not None:
            check_batch_filter(control, request.filter_arn, "ItemID", version, within)
        _check_theme(control, request, version, within)
        job = control.record(BatchInferenceJobRecord, request, status=CREATE_PENDING)
        check_tags_of(control, job, within)
        control.create(job, within, "inferring")
    return view(job, "arn")


def _check_recipe(request: CreateBatchInferenceJob, version: SolutionVersionRecord) -> None:
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
    control: Control, request: CreateBatchInferenceJob, version: SolutionVersionRecord, within: Connection
) -> None:
    """Raises `InvalidInput` unless the mode and its configuration go together and the named column is a text."""
    config, themed = request.theme_generation_config, request.batch_inference_job_mode == "THEME_GENERATION"
    if themed != (config is not None):
        raise InvalidInput("themeGenerationConfig goes with the batchInferenceJobMode THEME_GENERATION, and only then.")
    if config is None:
        return
    if not control.settings.is_shared:  # whose other machines may have it
        check_installed([WORDLLAMA], "THEME_GENERATION reads texts with")
    items = schemas_of(control, version.dataset_group_arn, within).get("ITEMS")
    texts = sorted(field.name for field in items.fields if field.type == "string") if items else []
    name = config.fields_for_theme_generation.item_name
    if name.upper() not in {text.upper() for text in texts}:
        columns = ", ".join(texts) or "none: the dataset group has no Items dataset"
        raise InvalidInput(
            f"themeGenerationConfig.fieldsForThemeGeneration.itemName is {name}; text columns of Items: {columns}."
        )


INFERENCE = ResourceFamily(
    BatchInferenceJobRecord,
    summary=(*NAMED, "solution_version_arn", "batch_inference_job_mode", "failure_reason"),
    detail=(
        "filter_arn",
        "num_results",
        "job_input",
        "job_output",
        "role_arn",
        "batch_inference_job_config",
        "theme_generation_config",
    ),
)


class CreateBatchSegmentJob(CreateBatchJob, frozen=True, kw_only=True):
    num_results: Annotated[int, Meta(ge=1, le=MOST_USERS)] = DEFAULT_USERS


@operation
def create_batch_segment_job(control: Control, request: CreateBatchSegmentJob) -> JsonMap:
    check_locations(control, request)
    with control.database.write() as within:
        version = control.active(request.solution_version_arn, SolutionVersionRecord, within)
        recipe = RECIPES[name_of(version.recipe_arn)]
        if recipe.kind != "USER_SEGMENTATION":
            raise InvalidInput(
                f"solutionVersionArn: the recipe {recipe.name} is of type {recipe.kind}, not USER_SEGMENTATION."
            )
        if request.filter_arn is not None:
            check_batch_filter(control, request.filter_arn, "UserID", version, within)
        job = control.record(BatchSegmentJobRecord, request, status=CREATE_PENDING)
        control.create(job, within, "segmenting")
    return view(job, "arn")


SEGMENTS = ResourceFamily(
    BatchSegmentJobRecord,
    summary=(*NAMED, "solution_version_arn", "failure_reason"),
    detail=("filter_arn", "num_results", "job_input", "job_output", "role_arn"),
)
