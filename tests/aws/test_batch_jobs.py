"""Batch inference jobs and batch segment jobs on the wire; what they answer is tested beside the engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.aws.flow import INPUT, OUTPUT, ROLE, Flow
from tests.aws.world import Clients, World


@dataclass(frozen=True)
class BatchKind:
    noun: str  # as operations spell it
    key: str  # the member of Describe's answer
    job: str  # that the job runner takes
    version: str  # the step of the flow that makes a version that fits
    expression: str  # of a filter that fits
    more: dict[str, Any]  # what else Describe and List show


KINDS = [
    BatchKind(
        "batch_inference_job",
        "batchInferenceJob",
        "inferring",
        "version",
        'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")',
        {"batchInferenceJobMode": "BATCH_INFERENCE"},
    ),
    BatchKind(
        "batch_segment_job",
        "batchSegmentJob",
        "segmenting",
        "affinity_version",
        'INCLUDE UserID WHERE Interactions.EVENT_TYPE IN ("click")',
        {},
    ),
]


@dataclass(frozen=True)
class Batch:
    kind: BatchKind
    aws: Clients
    flow: Flow

    @property
    def version(self) -> str:
        return str(getattr(self.flow, self.kind.version))

    def filter(self, group: str) -> str:
        made = {"name": "fits", "datasetGroupArn": group, "filterExpression": self.kind.expression}
        return str(self.aws.personalize.create_filter(**made)["filterArn"])

    def create(self, name: str = "nightly", **more: Any) -> str:
        made = {"solutionVersionArn": self.version, "roleArn": ROLE, "jobInput": INPUT, "jobOutput": OUTPUT, **more}
        answer = getattr(self.aws.personalize, f"create_{self.kind.noun}")(**{"jobName": name, **made})
        return str(answer[f"{self.kind.key}Arn"])

    def describe(self, arn: str) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(self.aws.personalize, f"describe_{self.kind.noun}")(
            **{f"{self.kind.key}Arn": arn}
        )
        return answer[self.kind.key]  # type: ignore[no-any-return]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.noun)
def batch(request: pytest.FixtureRequest, aws: Clients, flow: Flow) -> Batch:
    return Batch(request.param, aws, flow)


def test_a_job_is_queued_and_shown(batch: Batch, aws: Clients, flow: Flow, world: World):
    assert flow.dataset
    filter_arn = batch.filter(flow.group)
    arn = batch.create(filterArn=filter_arn, numResults=7)
    assert arn.endswith(f":{batch.kind.noun.replace('_', '-')}/nightly")
    assert world.queued()[-1] == (batch.kind.job, arn)
    shown = {"status": "CREATE PENDING", "numResults": 7, "filterArn": filter_arn, "jobInput": INPUT, "roleArn": ROLE}
    assert batch.describe(arn).items() >= {**shown, "jobOutput": OUTPUT, **batch.kind.more}.items()
    (summary,) = getattr(aws.personalize, f"list_{batch.kind.noun}s")()[f"{batch.kind.key}s"]
    assert summary.items() >= batch.kind.more.items()
    with pytest.raises(aws.personalize.exceptions.ResourceInUseException, match="nightly"):
        aws.personalize.delete_filter(filterArn=filter_arn)
    world.finish(arn, "CREATE FAILED", failure_reason="why")
    assert batch.describe(arn)["failureReason"] == "why"
    aws.personalize.delete_filter(filterArn=filter_arn)


def test_pages(batch: Batch, aws: Clients):
    made = [batch.create(f"job-{number}") for number in range(5)]
    pages = aws.personalize.get_paginator(f"list_{batch.kind.noun}s").paginate(PaginationConfig={"PageSize": 2})
    assert [job[f"{batch.kind.key}Arn"] for page in pages for job in page[f"{batch.kind.key}s"]] == made


def at(path: str) -> dict[str, Any]:
    return {"jobInput": {"s3DataSource": {"path": path}}}


def to(path: str) -> dict[str, Any]:
    return {"jobOutput": {"s3DataDestination": {"path": path}}}


REFUSED: list[tuple[dict[str, Any], str]] = [
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
]


@pytest.mark.parametrize(("more", "says"), REFUSED)
def test_refusals(batch: Batch, aws: Clients, more: dict[str, Any], says: str):
    with pytest.raises(aws.personalize.exceptions.InvalidInputException, match=says):
        batch.create(**more)


@pytest.mark.parametrize(
    ("kind", "more", "says"),
    [
        (KINDS[0], {"batchInferenceJobMode": "THEMES"}, "batchInferenceJobMode"),
        (KINDS[1], {"numResults": 5_000_001}, "numResults"),
    ],
    ids=["mode", "results"],
)
def test_refusals_of_one_kind(aws: Clients, flow: Flow, kind: BatchKind, more: dict[str, Any], says: str):
    with pytest.raises(aws.personalize.exceptions.InvalidInputException, match=says):
        Batch(kind, aws, flow).create(**more)


def test_what_isnt_there_or_not_ready(batch: Batch, aws: Clients, flow: Flow):
    p = aws.personalize
    for more in ({"solutionVersionArn": f"{batch.version[:-8]}00000000"}, {"filterArn": f"{flow.group}x"}):
        with pytest.raises(p.exceptions.ResourceNotFoundException):
            batch.create(**more)
    with pytest.raises(p.exceptions.ResourceNotFoundException):
        batch.describe(f"{flow.group}x")
    pending = p.create_solution_version(solutionArn=batch.version.rpartition("/")[0])["solutionVersionArn"]
    with pytest.raises(p.exceptions.ResourceInUseException):
        batch.create(solutionVersionArn=pending)


def test_a_filter_of_another_group(batch: Batch, aws: Clients):
    other = aws.personalize.create_dataset_group(name="other")["datasetGroupArn"]
    with pytest.raises(aws.personalize.exceptions.InvalidInputException, match="another dataset group"):
        batch.create(filterArn=batch.filter(other))


def test_tags(batch: Batch, aws: Clients):
    arn = batch.create(tags=[{"tagKey": "team", "tagValue": "mail"}])
    assert aws.personalize.list_tags_for_resource(resourceArn=arn)["tags"] == [{"tagKey": "team", "tagValue": "mail"}]
