"""Batch segment jobs: users for items, or for items of a kind. The job runner sets their status; they go with their
solution."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from engine.arns import name_of
from engine.control.control import Control
from engine.control.fields import (
    Arn,
    JsonMap,
    ListRequest,
    Name,
    Request,
    ResourceShape,
    RoleArn,
    Shape,
    Tags,
    tag_map,
    view,
)
from engine.control.filters import check_batch_filter
from engine.control.lifecycle import CREATE_PENDING
from engine.control.locations import BatchJobInput, BatchJobOutput, checked_locations
from engine.control.operation import operation
from engine.control.pages import page
from engine.errors import InvalidInput
from engine.recipes import RECIPES
from engine.records import BatchSegmentJob, SolutionVersion

DEFAULT_USERS, MOST_USERS = 25, 5_000_000


class CreateBatchSegmentJob(Request, frozen=True, kw_only=True):
    job_name: Name
    solution_version_arn: Arn
    filter_arn: Arn | None = None
    num_results: Annotated[int, Meta(ge=1, le=MOST_USERS)] = DEFAULT_USERS
    job_input: BatchJobInput
    job_output: BatchJobOutput
    role_arn: RoleArn
    tags: Tags = ()


class CreateBatchSegmentJobResponse(Shape, frozen=True):
    batch_segment_job_arn: str


class DescribeBatchSegmentJob(Request, frozen=True):
    batch_segment_job_arn: Arn


class BatchSegmentJobSummary(ResourceShape, frozen=True, kw_only=True):
    name: str = msgspec.field(name="jobName")
    arn: str = msgspec.field(name="batchSegmentJobArn")
    solution_version_arn: str
    failure_reason: str | None = None


class BatchSegmentJobShape(BatchSegmentJobSummary, frozen=True, kw_only=True):
    filter_arn: str | None = None
    num_results: int
    job_input: JsonMap
    job_output: JsonMap
    role_arn: str


class DescribeBatchSegmentJobResponse(Shape, frozen=True):
    batch_segment_job: BatchSegmentJobShape


class ListBatchSegmentJobs(ListRequest, frozen=True, kw_only=True):
    solution_version_arn: Arn | None = None


class ListBatchSegmentJobsResponse(Shape, frozen=True):
    batch_segment_jobs: list[BatchSegmentJobSummary]
    next_token: str | None = None


@operation
def create_batch_segment_job(control: Control, request: CreateBatchSegmentJob) -> CreateBatchSegmentJobResponse:
    locations = checked_locations(control, request.job_input, request.job_output)
    with control.database.write() as within:
        version = control.active(request.solution_version_arn, SolutionVersion, within)
        recipe = RECIPES[name_of(version.recipe_arn)]
        if recipe.kind != "USER_SEGMENTATION":
            raise InvalidInput(
                f"solutionVersionArn: the recipe {recipe.name} is of type {recipe.kind}, not USER_SEGMENTATION."
            )
        if request.filter_arn is not None:
            check_batch_filter(control, request.filter_arn, "UserID", version, within)
        now = control.now()
        job = BatchSegmentJob(
            arn=control.arn(f"batch-segment-job/{request.job_name}"),
            account=control.account,
            name=request.job_name,
            status=CREATE_PENDING,
            solution_version_arn=version.arn,
            filter_arn=request.filter_arn,
            num_results=request.num_results,
            role_arn=request.role_arn,
            tags=tag_map(request.tags),
            creation_date_time=now,
            last_updated_date_time=now,
            **locations,
        )
        control.create(job, within)
        control.enqueue("segmenting", job.arn, within)
    return CreateBatchSegmentJobResponse(job.arn)


@operation
def describe_batch_segment_job(control: Control, request: DescribeBatchSegmentJob) -> DescribeBatchSegmentJobResponse:
    job = control.get(request.batch_segment_job_arn, BatchSegmentJob)
    return DescribeBatchSegmentJobResponse(view(job, BatchSegmentJobShape))


@operation
def list_batch_segment_jobs(control: Control, request: ListBatchSegmentJobs) -> ListBatchSegmentJobsResponse:
    found = page(control, request, BatchSegmentJob, BatchSegmentJobSummary, request.solution_version_arn)
    return ListBatchSegmentJobsResponse(*found)
