"""Dataset export jobs: a dataset's rows into a file. The job runner sets their status; they go with their dataset."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

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
from engine.control.lifecycle import CREATE_PENDING
from engine.control.locations import S3DataConfig
from engine.control.operation import operation
from engine.control.pages import page
from engine.data.destination import check_destination
from engine.records import Dataset, DatasetExportJob


class DatasetExportJobOutput(Request, frozen=True):
    s3_data_destination: S3DataConfig = msgspec.field(name="s3DataDestination")


class CreateDatasetExportJob(Request, frozen=True, kw_only=True):
    job_name: Name
    dataset_arn: Arn
    ingestion_mode: Annotated[str, Meta(pattern=r"^(BULK|PUT|ALL)\Z")] = "PUT"
    role_arn: RoleArn
    job_output: DatasetExportJobOutput
    tags: Tags = ()


class CreateDatasetExportJobResponse(Shape, frozen=True):
    dataset_export_job_arn: str


class DescribeDatasetExportJob(Request, frozen=True):
    dataset_export_job_arn: Arn


class ExportJobSummary(ResourceShape, frozen=True, kw_only=True):
    name: str = msgspec.field(name="jobName")
    arn: str = msgspec.field(name="datasetExportJobArn")
    failure_reason: str | None = None


class ExportJobShape(ExportJobSummary, frozen=True, kw_only=True):
    dataset_arn: str
    ingestion_mode: str
    role_arn: str
    job_output: JsonMap


class DescribeDatasetExportJobResponse(Shape, frozen=True):
    dataset_export_job: ExportJobShape


class ListDatasetExportJobs(ListRequest, frozen=True, kw_only=True):
    dataset_arn: Arn | None = None


class ListDatasetExportJobsResponse(Shape, frozen=True):
    dataset_export_jobs: list[ExportJobSummary]
    next_token: str | None = None


@operation
def create_dataset_export_job(control: Control, request: CreateDatasetExportJob) -> CreateDatasetExportJobResponse:
    path = request.job_output.s3_data_destination.path
    check_destination(path, allow_file_urls=control.settings.allow_file_urls)
    with control.database.write() as within:
        dataset = control.usable(request.dataset_arn, Dataset, within)
        now = control.now()
        job = DatasetExportJob(
            arn=control.arn(f"dataset-export-job/{request.job_name}"),
            account=control.account,
            name=request.job_name,
            status=CREATE_PENDING,
            dataset_arn=dataset.arn,
            ingestion_mode=request.ingestion_mode,
            role_arn=request.role_arn,
            job_output=msgspec.to_builtins(request.job_output),
            tags=tag_map(request.tags),
            creation_date_time=now,
            last_updated_date_time=now,
        )
        control.create(job, within)
        control.enqueue("exporting", job.arn, within)
    return CreateDatasetExportJobResponse(job.arn)


@operation
def describe_dataset_export_job(
    control: Control, request: DescribeDatasetExportJob
) -> DescribeDatasetExportJobResponse:
    job = control.get(request.dataset_export_job_arn, DatasetExportJob)
    return DescribeDatasetExportJobResponse(view(job, ExportJobShape))


@operation
def list_dataset_export_jobs(control: Control, request: ListDatasetExportJobs) -> ListDatasetExportJobsResponse:
    found = page(control, request, DatasetExportJob, ExportJobSummary, request.dataset_arn)
    return ListDatasetExportJobsResponse(*found)
