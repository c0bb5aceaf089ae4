"""Dataset export jobs: a dataset's rows into a file. The job runner sets their status; they go with their dataset."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from engine.control.batch_jobs import S3DataConfig
from engine.control.control import Control
from engine.control.family import NAMED, ResourceFamily, view
from engine.control.fields import Arn, Name, Request, RoleArn, Tags
from engine.control.lifecycle import CREATE_PENDING
from engine.control.operation import operation
from engine.data.destination import check_destination
from engine.records import DatasetExportJobRecord, DatasetRecord, JsonMap


class DatasetExportJobOutput(Request, frozen=True):
    s3_data_destination: S3DataConfig = msgspec.field(name="s3DataDestination")


class CreateDatasetExportJob(Request, frozen=True, kw_only=True):
    job_name: Name
    dataset_arn: Arn
    ingestion_mode: Annotated[str, Meta(pattern=r"^(BULK|PUT|ALL)\Z")] = "PUT"
    role_arn: RoleArn
    job_output: DatasetExportJobOutput
    tags: Tags = ()


@operation
def create_dataset_export_job(control: Control, request: CreateDatasetExportJob) -> JsonMap:
    path = request.job_output.s3_data_destination.path
    check_destination(path, allow_file_urls=control.settings.allow_file_urls)
    with control.database.write() as within:
        dataset = control.usable(request.dataset_arn, DatasetRecord, within)
        job = DatasetExportJobRecord(
            status=CREATE_PENDING,
            dataset_arn=dataset.arn,
            ingestion_mode=request.ingestion_mode,
            role_arn=request.role_arn,
            job_output=msgspec.to_builtins(request.job_output),
            **control.new_fields(f"dataset-export-job/{request.job_name}", request.job_name, request.tags),
        )
        control.create(job, within)
        control.enqueue("exporting", job.arn, within)
    return view(job, "arn")


FAMILY = ResourceFamily(
    DatasetExportJobRecord,
    summary=(*NAMED, "failure_reason"),
    detail=("dataset_arn", "ingestion_mode", "role_arn", "job_output"),
)
