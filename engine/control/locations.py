"""Where batch jobs read and write: members of their requests, and what is checked before a job waits."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.control.control import Control
from engine.control.fields import KmsKeyArn, Request, Short
from engine.data.destination import check_destination
from engine.errors import InvalidInput

INPUT = "Invalid S3 input path"


class S3DataConfig(Request, frozen=True):
    path: Short
    kms_key_arn: KmsKeyArn | None = None


class BatchJobInput(Request, frozen=True):
    s3_data_source: S3DataConfig = msgspec.field(name="s3DataSource")


class BatchJobOutput(Request, frozen=True):
    s3_data_destination: S3DataConfig = msgspec.field(name="s3DataDestination")


def checked_locations(control: Control, job_input: BatchJobInput, job_output: BatchJobOutput) -> dict[str, Any]:
    """A batch job's two locations as its record holds them. Raises `InvalidInput` (specification §7.1)."""
    source, destination = job_input.s3_data_source.path, job_output.s3_data_destination.path
    schemes = ("s3://", "file:///") if control.settings.allow_file_urls else ("s3://",)
    bucket, slash, _ = source.partition("://")[2].partition("/")
    if not source.startswith(schemes) or not slash or (source.startswith("s3://") and not bucket):
        raise InvalidInput(f"{INPUT} {source}: write {' or '.join(f'{each}…' for each in schemes)}, with a key.")
    check_destination(destination, allow_file_urls=control.settings.allow_file_urls)
    if source.rstrip("/") == destination.rstrip("/"):
        raise InvalidInput(f"Invalid S3 output path {destination}: it must differ from the input's.")
    return {"job_input": msgspec.to_builtins(job_input), "job_output": msgspec.to_builtins(job_output)}
