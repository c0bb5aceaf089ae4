"""Batch segment jobs on the wire; what they answer is tested beside the engine."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from engine.records import BatchSegmentJobRecord
from tests.aws.flow import ROLE, Flow
from tests.aws.world import Clients, World

INPUT = {"s3DataSource": {"path": "s3://bucket/in/items.json"}}
OUTPUT = {"s3DataDestination": {"path": "s3://bucket/out/"}}


AFFINITY = "arn:aws:personalize:::recipe/aws-item-affinity"
CLICKED = 'INCLUDE UserID WHERE Interactions.EVENT_TYPE IN ("click")'


@pytest.fixture
def flow(flow: Flow) -> Flow:
    """With a recipe that makes segments."""
    flow.solution = flow.personalize.create_solution(
        name="affinity", recipeArn=AFFINITY, datasetGroupArn=flow.group, performAutoTraining=False
    )["solutionArn"]
    return flow


def users(flow: Flow) -> str:
    """A filter on users."""
    return flow.personalize.create_filter(name="users", datasetGroupArn=flow.group, filterExpression=CLICKED)[
        "filterArn"
    ]


def segment(aws: Clients, version: str, name: str = "nightly", **more: Any) -> str:
    made = {"jobName": name, "solutionVersionArn": version, "roleArn": ROLE, "jobInput": INPUT, "jobOutput": OUTPUT}
    return aws.personalize.create_batch_segment_job(**{**made, **more})["batchSegmentJobArn"]


def test_a_job_is_queued_and_shown(aws: Clients, flow: Flow, world: World):
    p = aws.personalize
    assert flow.dataset
    filter_arn = users(flow)
    arn = segment(aws, flow.version, filterArn=filter_arn, numResults=7)
    assert arn.endswith(":batch-segment-job/nightly") and world.queued()[-1] == ("segmenting", arn)
    job = p.describe_batch_segment_job(batchSegmentJobArn=arn)["batchSegmentJob"]
    shown = {"status": "CREATE PENDING", "numResults": 7, "filterArn": filter_arn, "jobInput": INPUT, "roleArn": ROLE}
    assert job.items() >= {**shown, "jobOutput": OUTPUT}.items()
    (summary,) = p.list_batch_segment_jobs(solutionVersionArn=flow.version)["batchSegmentJobs"]
    assert summary.items() <= job.items()
    assert p.list_batch_segment_jobs(solutionVersionArn=f"{flow.version}0")["batchSegmentJobs"] == []
    with pytest.raises(p.exceptions.ResourceAlreadyExistsException):
        segment(aws, flow.version)
    with pytest.raises(p.exceptions.ResourceInUseException, match="nightly"):
        p.delete_filter(filterArn=filter_arn)
    record = world.records.get(arn, BatchSegmentJobRecord)
    world.records.replace(msgspec.structs.replace(record, status="CREATE FAILED", failure_reason="why"))
    assert p.describe_batch_segment_job(batchSegmentJobArn=arn)["batchSegmentJob"]["failureReason"] == "why"
    p.delete_filter(filterArn=filter_arn)


def test_pages(aws: Clients, flow: Flow):
    made = [segment(aws, flow.version, f"job-{number}") for number in range(5)]
    pages = aws.personalize.get_paginator("list_batch_segment_jobs").paginate(PaginationConfig={"PageSize": 2})
    assert [job["batchSegmentJobArn"] for page in pages for job in page["batchSegmentJobs"]] == made
    with pytest.raises(aws.personalize.exceptions.InvalidNextTokenException):
        aws.personalize.list_batch_segment_jobs(nextToken="x")


def at(path: str) -> dict[str, Any]:
    return {"jobInput": {"s3DataSource": {"path": path}}}


def to(path: str) -> dict[str, Any]:
    return {"jobOutput": {"s3DataDestination": {"path": path}}}


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (at("items.json"), "Invalid S3 input path items.json"),
        (at("s3://bucket"), "Invalid S3 input path s3://bucket"),
        (at("s3:///items.json"), "Invalid S3 input path"),
        (at("file:///tmp/items.json"), "Invalid S3 input path"),
        (to("out"), "Invalid S3 output path out"),
        (to("s3://"), "Invalid S3 output path"),
        (to("file:///tmp/out/"), "Invalid S3 output path"),
        ({**at("s3://bucket/x/"), **to("s3://bucket/x")}, "Invalid S3 output path s3://bucket/x: it must differ"),
        ({"roleArn": "me"}, "roleArn"),
        ({"numResults": 0}, "numResults"),
        ({"jobName": "a b"}, "jobName"),
        ({"numResults": 5_000_001}, "numResults"),
    ],
)
def test_refusals(aws: Clients, flow: Flow, more: dict[str, Any], says: str):
    with pytest.raises(aws.personalize.exceptions.InvalidInputException, match=says):
        segment(aws, flow.version, **more)


def test_what_isnt_there_or_not_ready(aws: Clients, flow: Flow):
    p = aws.personalize
    for call in (
        lambda: segment(aws, f"{flow.solution}/00000000"),
        lambda: segment(aws, flow.version, filterArn=f"{flow.group}x"),
        lambda: p.describe_batch_segment_job(batchSegmentJobArn=f"{flow.group}x"),
    ):
        with pytest.raises(p.exceptions.ResourceNotFoundException):
            call()
    pending = p.create_solution_version(solutionArn=flow.solution)["solutionVersionArn"]
    with pytest.raises(p.exceptions.ResourceInUseException):
        segment(aws, pending)


def test_a_filter_of_another_group(aws: Clients, flow: Flow):
    other = Flow(aws.personalize, flow.finish)
    other.group = aws.personalize.create_dataset_group(name="other")["datasetGroupArn"]
    with pytest.raises(aws.personalize.exceptions.InvalidInputException, match="another dataset group"):
        segment(aws, flow.version, filterArn=users(other))


def test_five_at_a_time_where_quotas_are_as_at_aws(aws: Clients, flow: Flow, world: World):
    assert flow.version
    world.settings = msgspec.structs.replace(world.settings, quotas="aws")
    for number in range(5):
        segment(aws, flow.version, f"job-{number}")
    with pytest.raises(aws.personalize.exceptions.LimitExceededException, match="PENDING or IN_PROGRESS"):
        segment(aws, flow.version, "one-more")


def test_tags(aws: Clients, flow: Flow):
    arn = segment(aws, flow.version, tags=[{"tagKey": "team", "tagValue": "mail"}])
    assert aws.personalize.list_tags_for_resource(resourceArn=arn)["tags"] == [{"tagKey": "team", "tagValue": "mail"}]
