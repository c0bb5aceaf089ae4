"""The members that batch jobs share: which version answers, what they read and write, and the checks of those."""

from __future__ import annotations

import msgspec

from engine.control.control import Control, NewFields
from engine.control.fields import Arn, KmsKeyArn, Name, Request, RoleArn, Short, Tags
from engine.control.lifecycle import CREATE_PENDING
from engine.data.destination import check_destination
from engine.errors import InvalidInput
from engine.records import JsonMap, Record

INPUT = "Invalid S3 input path"


class S3DataConfig(Request, frozen=True):
    path: Short
    kms_key_arn: KmsKeyArn | None = None


class BatchJobInput(Request, frozen=True):
    s3_data_source: S3DataConfig = msgspec.field(name="s3DataSource")


class BatchJobOutput(Request, frozen=True):
    s3_data_destination: S3DataConfig = msgspec.field(name="s3DataDestination")


class CreateBatchJob(Request, frozen=True, kw_only=True):
    job_name: Name
    solution_version_arn: Arn
    filter_arn: Arn | None = None
    job_input: BatchJobInput
    job_output: BatchJobOutput
    role_arn: RoleArn
    tags: Tags = ()


class BatchFields(NewFields):
    """The fields that a batch job's record is created with, whatever its kind."""

    status: str
    solution_version_arn: str
    filter_arn: str | None
    job_input: JsonMap
    job_output: JsonMap
    role_arn: str


def batch_fields(control: Control, kind: type[Record], request: CreateBatchJob) -> BatchFields:
    return {
        "status": CREATE_PENDING,
        "solution_version_arn": request.solution_version_arn,
        "filter_arn": request.filter_arn,
        "job_input": msgspec.to_builtins(request.job_input),
        "job_output": msgspec.to_builtins(request.job_output),
        "role_arn": request.role_arn,
        **control.new_fields(f"{kind.kind}/{request.job_name}", request.job_name, request.tags),
    }


def check_locations(control: Control, request: CreateBatchJob) -> None:
    """Raises `InvalidInput` for a place that a batch job can't read or write (specification §7.1)."""
    source, destination = request.job_input.s3_data_source.path, request.job_output.s3_data_destination.path
    schemes = ("s3://", "file:///") if control.settings.allow_file_urls else ("s3://",)
    bucket, slash, _ = source.partition("://")[2].partition("/")
    if not source.startswith(schemes) or not slash or (source.startswith("s3://") and not bucket):
        raise InvalidInput(f"{INPUT} {source}: write {' or '.join(f'{each}…' for each in schemes)}, with a key.")
    check_destination(destination, allow_file_urls=control.settings.allow_file_urls)
    if source.rstrip("/") == destination.rstrip("/"):
        raise InvalidInput(f"Invalid S3 output path {destination}: it must differ from the input's.")
