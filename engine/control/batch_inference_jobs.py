"""Batch inference jobs: recommendations for a file of questions. The job runner sets their status; they go with their
solution."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from sqlalchemy import Connection

from engine.arns import name_of
from engine.control.batch_jobs import CreateBatchJob, batch_fields, check_locations
from engine.control.campaigns import Influence, check_fit
from engine.control.control import Control
from engine.control.family import NAMED, ResourceFamily, view
from engine.control.fields import ColumnName, Request, ShortMap
from engine.control.filters import check_batch_filter
from engine.control.operation import operation
from engine.control.schemas import schemas_of
from engine.errors import InvalidInput
from engine.recipes import RECIPES
from engine.records import BatchInferenceJobRecord, JsonMap, SolutionVersionRecord

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
        job = BatchInferenceJobRecord(
            num_results=request.num_results,
            batch_inference_job_config=_stored(request.batch_inference_job_config),
            batch_inference_job_mode=request.batch_inference_job_mode,
            theme_generation_config=_stored(request.theme_generation_config),
            **batch_fields(control, BatchInferenceJobRecord, request),
        )
        control.create(job, within)
        control.enqueue("inferring", job.arn, within)
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
    items = schemas_of(control, version.dataset_group_arn, within).get("ITEMS")
    texts = sorted(field.name for field in items.fields if field.type == "string") if items else []
    name = config.fields_for_theme_generation.item_name
    if name.upper() not in {text.upper() for text in texts}:
        columns = ", ".join(texts) or "none: the dataset group has no Items dataset"
        raise InvalidInput(
            f"themeGenerationConfig.fieldsForThemeGeneration.itemName is {name}; text columns of Items: {columns}."
        )


def _stored(config: Request | None) -> JsonMap:
    stored: JsonMap = {} if config is None else msgspec.to_builtins(config)
    return stored


FAMILY = ResourceFamily(
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
