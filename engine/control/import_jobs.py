"""Dataset import jobs: bulk data from files. The job runner sets their status; they go with their dataset."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from sqlalchemy import Connection

from engine.control.control import Control
from engine.control.family import NAMED, ResourceFamily, view
from engine.control.fields import Arn, Name, Request, RoleArn, S3Location, Tags, tag_map
from engine.control.lifecycle import ACTIVE, CREATE_PENDING
from engine.control.operation import operation
from engine.data.options import options_of
from engine.errors import InvalidInput
from engine.records import DatasetImportJobRecord, DatasetRecord, JsonMap

SCHEMES = ("s3://", "http://", "https://")


class DataSource(Request, frozen=True):
    data_location: S3Location | None = None


class CreateDatasetImportJob(Request, frozen=True, kw_only=True):
    job_name: Name
    dataset_arn: Arn
    data_source: DataSource
    role_arn: RoleArn | None = None
    tags: Tags = ()
    import_mode: Annotated[str, Meta(pattern=r"^(FULL|INCREMENTAL)\Z")] = "FULL"
    publish_attribution_metrics_to_s3: bool = msgspec.field(name="publishAttributionMetricsToS3", default=False)


@operation
def create_dataset_import_job(control: Control, request: CreateDatasetImportJob) -> JsonMap:
    location = location_of(control, request.data_source)
    tags = tag_map(request.tags)
    with control.database.write() as within:
        dataset = control.usable(request.dataset_arn, DatasetRecord, within)
        if request.import_mode == "INCREMENTAL" and not _has_bulk(control, dataset, within):
            raise InvalidInput(
                f"The dataset {dataset.arn} has no bulk data yet that an INCREMENTAL import could add to."
            )
        job = DatasetImportJobRecord(
            status=CREATE_PENDING,
            dataset_arn=dataset.arn,
            data_source={"dataLocation": location},
            role_arn=request.role_arn,
            import_mode=request.import_mode,
            publish_attribution_metrics_to_s3=request.publish_attribution_metrics_to_s3,
            options=options_of(tags),
            **control.new_fields(f"dataset-import-job/{request.job_name}", request.job_name, request.tags),
        )
        control.create(job, within)
        control.enqueue("importing", job.arn, within)
    return view(job, "arn")


def location_of(control: Control, source: DataSource) -> str:
    """Raises `InvalidInput` for what is no place of files."""
    schemes = (*SCHEMES, "file://") if control.settings.allow_file_urls else SCHEMES
    location = source.data_location or ""
    if not location.startswith(schemes) or location.endswith("://"):
        raise InvalidInput(f"Invalid Data location. dataSource.dataLocation starts with one of {', '.join(schemes)}.")
    return location


def _has_bulk(control: Control, dataset: DatasetRecord, within: Connection) -> bool:
    jobs = control.every(DatasetImportJobRecord, parent=dataset.arn, within=within)
    return any(job.status == ACTIVE for job in jobs)


FAMILY = ResourceFamily(
    DatasetImportJobRecord,
    summary=(*NAMED, "failure_reason", "import_mode"),
    detail=("dataset_arn", "data_source", "role_arn", "publish_attribution_metrics_to_s3"),
)
