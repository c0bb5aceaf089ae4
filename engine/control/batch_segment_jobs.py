"""Batch segment jobs: users for items, or for items of a kind. The job runner sets their status; they go with their
solution."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from engine.arns import name_of
from engine.control.batch_jobs import CreateBatchJob, batch_fields, check_locations
from engine.control.control import Control
from engine.control.family import NAMED, ResourceFamily, view
from engine.control.filters import check_batch_filter
from engine.control.operation import operation
from engine.errors import InvalidInput
from engine.recipes import RECIPES
from engine.records import BatchSegmentJobRecord, JsonMap, SolutionVersionRecord

DEFAULT_USERS, MOST_USERS = 25, 5_000_000


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
        job = BatchSegmentJobRecord(
            num_results=request.num_results,
            **batch_fields(control, BatchSegmentJobRecord, request),
        )
        control.create(job, within)
        control.enqueue("segmenting", job.arn, within)
    return view(job, "arn")


FAMILY = ResourceFamily(
    BatchSegmentJobRecord,
    summary=(*NAMED, "solution_version_arn", "failure_reason"),
    detail=("filter_arn", "num_results", "job_input", "job_output", "role_arn"),
)
