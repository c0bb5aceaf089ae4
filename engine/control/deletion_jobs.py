"""Data deletion jobs: users and all they did, out of a dataset group for good. The job runner sets their status."""

from __future__ import annotations

import msgspec

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
from engine.control.import_jobs import DataSource, location_of
from engine.control.operation import operation
from engine.control.pages import newest_page
from engine.records import DataDeletionJob, DatasetGroup


class CreateDataDeletionJob(Request, frozen=True, kw_only=True):
    job_name: Name
    dataset_group_arn: Arn
    data_source: DataSource
    role_arn: RoleArn
    tags: Tags = ()


class CreateDataDeletionJobResponse(Shape, frozen=True):
    data_deletion_job_arn: str


class DescribeDataDeletionJob(Request, frozen=True):
    data_deletion_job_arn: Arn


class DeletionJobSummary(ResourceShape, frozen=True, kw_only=True):
    name: str = msgspec.field(name="jobName")
    arn: str = msgspec.field(name="dataDeletionJobArn")
    dataset_group_arn: str
    failure_reason: str | None = None


class DeletionJobShape(DeletionJobSummary, frozen=True, kw_only=True):
    data_source: JsonMap
    role_arn: str
    num_deleted: int | None = None


class DescribeDataDeletionJobResponse(Shape, frozen=True):
    data_deletion_job: DeletionJobShape


class ListDataDeletionJobs(ListRequest, frozen=True, kw_only=True):
    dataset_group_arn: Arn | None = None


class ListDataDeletionJobsResponse(Shape, frozen=True):
    data_deletion_jobs: list[DeletionJobSummary]
    next_token: str | None = None


@operation
def create_data_deletion_job(control: Control, request: CreateDataDeletionJob) -> CreateDataDeletionJobResponse:
    location = location_of(control, request.data_source)
    with control.database.write() as within:
        group = control.active(request.dataset_group_arn, DatasetGroup, within)
        now = control.now()
        job = DataDeletionJob(
            arn=control.arn(f"data-deletion-job/{request.job_name}"),
            account=control.account,
            name=request.job_name,
            status="PENDING",
            dataset_group_arn=group.arn,
            data_source={"dataLocation": location},
            role_arn=request.role_arn,
            tags=tag_map(request.tags),
            creation_date_time=now,
            last_updated_date_time=now,
        )
        control.create(job, within)
        control.enqueue("deleting", job.arn, within)
    return CreateDataDeletionJobResponse(job.arn)


@operation
def describe_data_deletion_job(control: Control, request: DescribeDataDeletionJob) -> DescribeDataDeletionJobResponse:
    job = control.get(request.data_deletion_job_arn, DataDeletionJob)
    return DescribeDataDeletionJobResponse(view(job, DeletionJobShape))


@operation
def list_data_deletion_jobs(control: Control, request: ListDataDeletionJobs) -> ListDataDeletionJobsResponse:
    found = newest_page(control, request, DataDeletionJob, DeletionJobSummary, request.dataset_group_arn)
    return ListDataDeletionJobsResponse(*found)
