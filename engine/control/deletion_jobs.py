"""Data deletion jobs: users and all they did, out of a dataset group for good. The job runner sets their status."""

from __future__ import annotations

from engine.control.control import Control
from engine.control.family import NAMED, ResourceFamily, view
from engine.control.fields import Arn, Name, Request, RoleArn, Tags
from engine.control.import_jobs import DataSource, location_of
from engine.control.operation import operation
from engine.control.pages import newest_page
from engine.records import DataDeletionJobRecord, DatasetGroupRecord, JsonMap


class CreateDataDeletionJob(Request, frozen=True, kw_only=True):
    job_name: Name
    dataset_group_arn: Arn
    data_source: DataSource
    role_arn: RoleArn
    tags: Tags = ()


@operation
def create_data_deletion_job(control: Control, request: CreateDataDeletionJob) -> JsonMap:
    location = location_of(control, request.data_source)
    with control.database.write() as within:
        group = control.active(request.dataset_group_arn, DatasetGroupRecord, within)
        job = DataDeletionJobRecord(
            status="PENDING",
            dataset_group_arn=group.arn,
            data_source={"dataLocation": location},
            role_arn=request.role_arn,
            **control.new_fields(f"data-deletion-job/{request.job_name}", request.job_name, request.tags),
        )
        control.create(job, within)
        control.enqueue("deleting", job.arn, within)
    return view(job, "arn")


FAMILY = ResourceFamily(
    DataDeletionJobRecord,
    summary=(*NAMED, "dataset_group_arn", "failure_reason"),
    detail=("data_source", "role_arn", "num_deleted"),
    pages=newest_page,
)
