"""Batch inference jobs on the wire; what they answer is tested beside the engine."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from engine.records import BatchInferenceJobRecord
from tests.aws.flow import ROLE, Flow
from tests.aws.world import Clients, World

INPUT = {"s3DataSource": {"path": "s3://bucket/in/users.json"}}
OUTPUT = {"s3DataDestination": {"path": "s3://bucket/out/"}}


def infer(aws: Clients, version: str, name: str = "nightly", **more: Any) -> str:
    made = {"jobName": name, "solutionVersionArn": version, "roleArn": ROLE, "jobInput": INPUT, "jobOutput": OUTPUT}
    return aws.personalize.create_batch_inference_job(**{**made, **more})["batchInferenceJobArn"]


def test_a_job_is_queued_and_shown(aws: Clients, flow: Flow, world: World):
    p = aws.personalize
    assert flow.dataset
    arn = infer(aws, flow.version, filterArn=flow.filter, numResults=7)
    assert arn.endswith(":batch-inference-job/nightly") and world.queued()[-1] == ("inferring", arn)
    job = p.describe_batch_inference_job(batchInferenceJobArn=arn)["batchInferenceJob"]
    shown = {"status": "CREATE PENDING", "numResults": 7, "filterArn": flow.filter, "jobInput": INPUT, "roleArn": ROLE}
    assert job.items() >= {**shown, "jobOutput": OUTPUT, "batchInferenceJobMode": "BATCH_INFERENCE"}.items()
    (summary,) = p.list_batch_inference_jobs(solutionVersionArn=flow.version)["batchInferenceJobs"]
    assert summary.items() <= job.items() and summary["batchInferenceJobMode"] == "BATCH_INFERENCE"
    assert p.list_batch_inference_jobs(solutionVersionArn=f"{flow.version}0")["batchInferenceJobs"] == []
    with pytest.raises(p.exceptions.ResourceAlreadyExistsException):
        infer(aws, flow.version)
    with pytest.raises(p.exceptions.ResourceInUseException, match="nightly"):
        p.delete_filter(filterArn=flow.filter)
    record = world.records.get(arn, BatchInferenceJobRecord)
    world.records.replace(msgspec.structs.replace(record, status="CREATE FAILED", failure_reason="why"))
    assert p.describe_batch_inference_job(batchInferenceJobArn=arn)["batchInferenceJob"]["failureReason"] == "why"
    p.delete_filter(filterArn=flow.filter)


def test_pages(aws: Clients, flow: Flow):
    made = [infer(aws, flow.version, f"job-{number}") for number in range(5)]
    pages = aws.personalize.get_paginator("list_batch_inference_jobs").paginate(PaginationConfig={"PageSize": 2})
    assert [job["batchInferenceJobArn"] for page in pages for job in page["batchInferenceJobs"]] == made
    with pytest.raises(aws.personalize.exceptions.InvalidNextTokenException):
        aws.personalize.list_batch_inference_jobs(nextToken="x")


def at(path: str) -> dict[str, Any]:
    return {"jobInput": {"s3DataSource": {"path": path}}}


def to(path: str) -> dict[str, Any]:
    return {"jobOutput": {"s3DataDestination": {"path": path}}}


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (at("users.json"), "Invalid S3 input path users.json"),
        (at("s3://bucket"), "Invalid S3 input path s3://bucket"),
        (at("s3:///users.json"), "Invalid S3 input path"),
        (at("file:///tmp/users.json"), "Invalid S3 input path"),
        (to("out"), "Invalid S3 output path out"),
        (to("s3://"), "Invalid S3 output path"),
        (to("file:///tmp/out/"), "Invalid S3 output path"),
        ({**at("s3://bucket/x/"), **to("s3://bucket/x")}, "Invalid S3 output path s3://bucket/x: it must differ"),
        ({"roleArn": "me"}, "roleArn"),
        ({"numResults": 0}, "numResults"),
        ({"jobName": "a b"}, "jobName"),
        ({"batchInferenceJobMode": "THEMES"}, "batchInferenceJobMode"),
    ],
)
def test_refusals(aws: Clients, flow: Flow, more: dict[str, Any], says: str):
    with pytest.raises(aws.personalize.exceptions.InvalidInputException, match=says):
        infer(aws, flow.version, **more)


def test_what_isnt_there_or_not_ready(aws: Clients, flow: Flow):
    p = aws.personalize
    for call in (
        lambda: infer(aws, f"{flow.solution}/00000000"),
        lambda: infer(aws, flow.version, filterArn=f"{flow.group}x"),
        lambda: p.describe_batch_inference_job(batchInferenceJobArn=f"{flow.group}x"),
    ):
        with pytest.raises(p.exceptions.ResourceNotFoundException):
            call()
    pending = p.create_solution_version(solutionArn=flow.solution)["solutionVersionArn"]
    with pytest.raises(p.exceptions.ResourceInUseException):
        infer(aws, pending)


def test_a_filter_of_another_group(aws: Clients, flow: Flow):
    other = Flow(aws.personalize, flow.finish)
    other.group = aws.personalize.create_dataset_group(name="other")["datasetGroupArn"]
    with pytest.raises(aws.personalize.exceptions.InvalidInputException, match="another dataset group"):
        infer(aws, flow.version, filterArn=other.filter)


def test_five_at_a_time_where_quotas_are_as_at_aws(aws: Clients, flow: Flow, world: World):
    assert flow.version
    world.settings = msgspec.structs.replace(world.settings, quotas="aws")
    for number in range(5):
        infer(aws, flow.version, f"job-{number}")
    with pytest.raises(aws.personalize.exceptions.LimitExceededException, match="PENDING or IN_PROGRESS"):
        infer(aws, flow.version, "one-more")


def test_tags(aws: Clients, flow: Flow):
    arn = infer(aws, flow.version, tags=[{"tagKey": "team", "tagValue": "mail"}])
    assert aws.personalize.list_tags_for_resource(resourceArn=arn)["tags"] == [{"tagKey": "team", "tagValue": "mail"}]
