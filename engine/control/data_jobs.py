"""Jobs on data: imports of files into a dataset, exports of its rows into a file, and deletions of users and all they
did from a dataset group for good. The job runner sets their status; imports and exports go with their dataset."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from engine.control.control import Control
from engine.control.family import NAMED, ResourceFamily, view
from engine.control.fields import Arn, CreateJob, JobOutput, Request, RoleArn, S3Location, tag_map
from engine.control.lifecycle import ACTIVE, CREATE_PENDING
from engine.control.operation import operation
from engine.control.pages import newest_page
from engine.data.destination import check_destination
from engine.data.options import options_of
from engine.errors import InvalidInput
from engine.records import (
    DataDeletionJobRecord,
    DatasetExportJobRecord,
    DatasetGroupRecord,
    DatasetImportJobRecord,
    DatasetRecord,
    JsonMap,
)
from engine.storage.uploads import upload_at

SCHEMES = ("s3://", "http://", "https://")


class DataSource(Request, frozen=True):
    data_location: S3Location | None = None


class CreateDatasetImportJob(CreateJob, frozen=True, kw_only=True):
    dataset_arn: Arn
    data_source: DataSource
    role_arn: RoleArn | None = None
    import_mode: Annotated[str, Meta(pattern=r"^(FULL|INCREMENTAL)\Z")] = "FULL"
    publish_attribution_metrics_to_s3: bool = msgspec.field(name="publishAttributionMetricsToS3", default=False)


@operation
def create_dataset_import_job(control: Control, request: CreateDatasetImportJob) -> JsonMap:
    check_location(control, request.data_source)
    tags = tag_map(request.tags)
    with control.database.write() as within:
        dataset = control.usable(request.dataset_arn, DatasetRecord, within)
        earlier = control.every(DatasetImportJobRecord, parent=dataset.arn, within=within)
        if request.import_mode == "INCREMENTAL" and all(job.status != ACTIVE for job in earlier):
            raise InvalidInput(
                f"The dataset {dataset.arn} has no bulk data yet that an INCREMENTAL import could add to."
            )
        job = control.record(DatasetImportJobRecord, request, status=CREATE_PENDING, options=options_of(tags))
        control.create(job, within, "importing")
    return view(job, "arn")


def check_location(control: Control, source: DataSource) -> None:
    """Raises `InvalidInput` for what is no place of files."""
    schemes = (*SCHEMES, "file://") if control.settings.allow_file_urls else SCHEMES
    location = source.data_location or ""
    if control.settings.allow_file_urls and upload_at(location) is not None:
        return
    if not location.startswith(schemes) or location.endswith("://"):
        raise InvalidInput(f"Invalid Data location. dataSource.dataLocation starts with one of {', '.join(schemes)}.")


IMPORTS = ResourceFamily(
    DatasetImportJobRecord,
    summary=(*NAMED, "failure_reason", "import_mode"),
    detail=("dataset_arn", "data_source", "role_arn", "publish_attribution_metrics_to_s3"),
)


class CreateDatasetExportJob(CreateJob, frozen=True, kw_only=True):
    dataset_arn: Arn
    ingestion_mode: Annotated[str, Meta(pattern=r"^(BULK|PUT|ALL)\Z")] = "PUT"
    role_arn: RoleArn
    job_output: JobOutput


@operation
def create_dataset_export_job(control: Control, request: CreateDatasetExportJob) -> JsonMap:
    path = request.job_output.s3_data_destination.path
    check_destination(path, allow_file_urls=control.settings.allow_file_urls)
    with control.database.write() as within:
        control.usable(request.dataset_arn, DatasetRecord, within)
        job = control.record(DatasetExportJobRecord, request, status=CREATE_PENDING)
        control.create(job, within, "exporting")
    return view(job, "arn")


EXPORTS = ResourceFamily(
    DatasetExportJobRecord,
    summary=(*NAMED, "failure_reason"),
    detail=("dataset_arn", "ingestion_mode", "role_arn", "job_output"),
)


class CreateDataDeletionJob(CreateJob, frozen=True, kw_only=True):
    dataset_group_arn: Arn
    data_source: DataSource
    role_arn: RoleArn


@operation
def create_data_deletion_job(control: Control, request: CreateDataDeletionJob) -> JsonMap:
    check_location(control, request.data_source)
    with control.database.write() as within:
        control.active(request.dataset_group_arn, DatasetGroupRecord, within)
        job = control.record(DataDeletionJobRecord, request, status="PENDING")
        control.create(job, within, "deleting")
    return view(job, "arn")


DELETIONS = ResourceFamily(
    DataDeletionJobRecord,
    summary=(*NAMED, "dataset_group_arn", "failure_reason"),
    detail=("data_source", "role_arn", "num_deleted"),
    pages=newest_page,
)
