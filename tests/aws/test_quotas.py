"""The quotas of specification §8.1, a row a kind: what is counted, to what number, and AWS's words for one too many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec
import pytest

from engine.records import SchemaRecord
from tests.aws.flow import BATCH, INTERACTIONS, POPULAR, ROLE, VIEWED, Flow
from tests.aws.world import Clients, World

PERSONAL = "arn:aws:personalize:::recipe/aws-user-personalization-v2"
FILTER = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("a")'


@pytest.fixture(autouse=True)
def quotas(world: World) -> str:
    world.settings = msgspec.structs.replace(world.settings, quotas="aws")
    return "aws"


@dataclass
class Place:
    """What there is before the first of the counted ones is made."""

    aws: Clients
    flow: Flow
    world: World

    def many_schemas(self, most: int) -> None:
        """Put there beforehand, for speed."""
        for n in range(most - 2):
            arn = f"arn:aws:personalize:us-east-1:123456789012:schema/old-{n}"
            when = self.world.clock()
            record = SchemaRecord(
                arn=arn,
                account="123456789012",
                name=f"old-{n}",
                schema="{}",
                creation_date_time=when,
                last_updated_date_time=when,
            )
            self.world.records.create(record)


Make = Callable[[Any, Place, int], Any]


def make_import(p: Any, place: Place, n: int) -> Any:
    source = {"dataLocation": "s3://b/k"}
    return p.create_dataset_import_job(jobName=f"j{n}", datasetArn=place.flow.dataset, dataSource=source, roleArn=ROLE)


def make_deletion(p: Any, place: Place, n: int) -> Any:
    source = {"dataLocation": "s3://b/k"}
    return p.create_data_deletion_job(
        jobName=f"d{n}", datasetGroupArn=place.flow.group, dataSource=source, roleArn=ROLE
    )


def make_solution(p: Any, place: Place, n: int) -> Any:
    common = {"recipeArn": POPULAR, "datasetGroupArn": place.flow.group, "performAutoTraining": False}
    return p.create_solution(name=f"s{n}", **common)


def make_recommender(p: Any, place: Place, n: int) -> Any:
    return p.create_recommender(name=f"r{n}", datasetGroupArn=place.flow.domain_group, recipeArn=VIEWED)


def make_inference(p: Any, place: Place, n: int) -> Any:
    return p.create_batch_inference_job(jobName=f"b{n}", solutionVersionArn=place.flow.version, **BATCH)


def make_segments(p: Any, place: Place, n: int) -> Any:
    return p.create_batch_segment_job(jobName=f"b{n}", solutionVersionArn=place.flow.affinity_version, **BATCH)


def make_schema(p: Any, place: Place, n: int) -> Any:
    if n == 0:
        place.many_schemas(500)
    return p.create_schema(name=f"sc{n}", schema=INTERACTIONS)


def make_filter(p: Any, place: Place, n: int) -> Any:
    return p.create_filter(name=f"f{n}", datasetGroupArn=place.flow.group, filterExpression=FILTER)


BUSY = "More than {most} resources with PENDING or IN_PROGRESS status."
FULL = "Cannot create a {kind}. More than {most} resources in ACTIVE state. Please delete some and try again."
ROWS: list[tuple[str, int, int, str, Make]] = [  # kind, its quota, how many more can be made, words, one more
    ("schema", 500, 2, FULL, make_schema),
    ("dataset group", 5, 5, FULL, lambda p, place, n: p.create_dataset_group(name=f"g{n}")),
    ("solution", 10, 10, FULL, make_solution),
    (
        "campaign",
        5,
        5,
        FULL,
        lambda p, place, n: p.create_campaign(name=f"c{n}", solutionVersionArn=place.flow.version),
    ),
    ("recommender", 5, 5, FULL, make_recommender),
    ("filter", 30, 30, FULL, make_filter),
    (
        "solution version",
        20,
        20,
        BUSY,
        lambda p, place, n: p.create_solution_version(solutionArn=place.flow.solution),
    ),
    ("import job", 5, 5, BUSY, make_import),
    ("batch inference job", 5, 5, BUSY, make_inference),
    ("batch segment job", 5, 5, BUSY, make_segments),
    ("data deletion job", 5, 5, BUSY, make_deletion),
]


@pytest.mark.parametrize(("kind", "most", "more", "words", "make"), ROWS, ids=[row[0] for row in ROWS])
def test_one_too_many(aws: Clients, flow: Flow, world: World, kind: str, most: int, more: int, words: str, make: Make):
    p, place = aws.personalize, Place(aws, flow, world)
    for n in range(more):
        make(p, place, n)
    with pytest.raises(p.exceptions.LimitExceededException) as refused:
        make(p, place, more)
    assert refused.value.response["Error"]["Message"] == words.format(kind=kind, most=most)
    world.settings = msgspec.structs.replace(world.settings, quotas="open")
    assert make(p, place, more)


def test_what_is_deleted_or_done_makes_room(aws: Clients, flow: Flow, world: World):
    p, place = aws.personalize, Place(aws, flow, world)
    for n in range(10):
        make_solution(p, place, n)
    p.delete_solution(solutionArn=f"{flow.group.rpartition(':')[0]}:solution/s3")
    make_solution(p, place, 10)
    job = make_import(p, place, 0)["datasetImportJobArn"]
    for n in range(1, 5):
        make_import(p, place, n)
    world.finish(job, "CREATE FAILED", failure_reason="Invalid Data location.")
    make_import(p, place, 5)


def test_quotas_of_a_group_leave_others_alone(aws: Clients, flow: Flow, world: World):
    p, place = aws.personalize, Place(aws, flow, world)
    for n in range(10):
        make_solution(p, place, n)
    other = p.create_dataset_group(name="other")["datasetGroupArn"]
    p.create_solution(name="s10", recipeArn=POPULAR, datasetGroupArn=other)


def test_what_is_wider_here_is_refused_as_at_aws(aws: Clients, flow: Flow):
    """Weights below 0. boto3 refuses them itself unless it is told not to."""
    p = aws.personalize
    events = [{"eventType": "view", "weight": 1.0}, {"eventType": "dislike", "weight": -0.5}]
    config = {"eventsConfig": {"eventParametersList": events}}
    body = {"name": "s", "datasetGroupArn": flow.group, "recipeArn": PERSONAL, "solutionConfig": config}
    headers = {"X-Amz-Target": "AmazonPersonalize.CreateSolution"}
    answer = httpx.post(p.meta.endpoint_url, content=msgspec.json.encode(body), headers=headers)
    assert answer.status_code == 400 and ">= 0" in answer.text and "[1].weight" in answer.text
