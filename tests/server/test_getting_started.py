"""AWS's getting-started flow with the official boto3, from an empty server; only `endpoint_url` differs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.server.world import EVENT_SCHEMA, Server, running, write_csvs

ROLE = "arn:aws:iam::123456789012:role/PersonalizeRole"
KEYS = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "secret", "region_name": "us-east-1"}


@pytest.fixture
def s3() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def empty_server(tmp_path: Path, s3: str) -> Iterator[Server]:
    (tmp_path / "data").mkdir()
    environ = {
        "AWS_ENDPOINT_URL_S3": s3,
        "AWS_ACCESS_KEY_ID": KEYS["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": KEYS["aws_secret_access_key"],
        "AWS_REGION": "us-east-1",
    }
    with running(Server(tmp_path / "data", environ=environ)) as server:
        yield server


def wait(describe: Callable[[], dict[str, Any]], seconds: float = 300) -> None:
    """As AWS's samples wait."""
    deadline = time.monotonic() + seconds
    while (shown := describe())["status"] != "ACTIVE":
        assert shown["status"] != "CREATE FAILED", shown
        assert time.monotonic() < deadline, shown
        time.sleep(0.2)


def test_from_an_empty_server_to_recommendations(empty_server: Server, s3: str, tmp_path: Path):
    bucket = boto3.client("s3", endpoint_url=s3, **KEYS)
    bucket.create_bucket(Bucket="personalize-demo")
    interactions, _ = write_csvs(tmp_path / "csv")
    bucket.upload_file(str(interactions), "personalize-demo", "interactions.csv")

    personalize = boto3.client("personalize", endpoint_url=empty_server.url, **KEYS)
    runtime = boto3.client("personalize-runtime", endpoint_url=empty_server.url, **KEYS)
    events = boto3.client("personalize-events", endpoint_url=empty_server.url, **KEYS)

    schema_arn = personalize.create_schema(name="interactions-schema", schema=EVENT_SCHEMA)["schemaArn"]
    group_arn = personalize.create_dataset_group(name="getting-started")["datasetGroupArn"]
    wait(lambda: personalize.describe_dataset_group(datasetGroupArn=group_arn)["datasetGroup"])

    dataset_arn = personalize.create_dataset(
        name="interactions", datasetType="Interactions", datasetGroupArn=group_arn, schemaArn=schema_arn
    )["datasetArn"]
    wait(lambda: personalize.describe_dataset(datasetArn=dataset_arn)["dataset"])
    job_arn = personalize.create_dataset_import_job(
        jobName="import-1",
        datasetArn=dataset_arn,
        dataSource={"dataLocation": "s3://personalize-demo/interactions.csv"},
        roleArn=ROLE,
    )["datasetImportJobArn"]
    wait(lambda: personalize.describe_dataset_import_job(datasetImportJobArn=job_arn)["datasetImportJob"])

    recipes = {recipe["name"] for recipe in personalize.list_recipes()["recipes"]}
    assert {"aws-user-personalization", "aws-sims", "aws-popularity-count"} <= recipes
    solution_arn = personalize.create_solution(
        name="for-everyone",
        datasetGroupArn=group_arn,
        recipeArn="arn:aws:personalize:::recipe/aws-user-personalization-v2",
        performAutoTraining=False,
    )["solutionArn"]
    wait(lambda: personalize.describe_solution(solutionArn=solution_arn)["solution"])
    version_arn = personalize.create_solution_version(solutionArn=solution_arn)["solutionVersionArn"]
    wait(lambda: personalize.describe_solution_version(solutionVersionArn=version_arn)["solutionVersion"])
    metrics = personalize.get_solution_metrics(solutionVersionArn=version_arn)["metrics"]
    assert 0 <= metrics["normalized_discounted_cumulative_gain_at_10"] <= 1 and 0 < metrics["coverage"] <= 1

    campaign_arn = personalize.create_campaign(name="live", solutionVersionArn=version_arn, minProvisionedTPS=1)[
        "campaignArn"
    ]
    wait(lambda: personalize.describe_campaign(campaignArn=campaign_arn)["campaign"])
    known = runtime.get_recommendations(campaignArn=campaign_arn, userId="u3", numResults=5)
    assert len(known["itemList"]) == 5 and known["recommendationId"].startswith("RID-")
    assert all(0 < item["score"] < 1 for item in known["itemList"])

    tracker = personalize.create_event_tracker(name="clicks", datasetGroupArn=group_arn)
    wait(lambda: personalize.describe_event_tracker(eventTrackerArn=tracker["eventTrackerArn"])["eventTracker"])
    before = runtime.get_recommendations(campaignArn=campaign_arn, userId="newcomer", numResults=5)["itemList"]
    for item in ("i1", "i3"):
        events.put_events(
            trackingId=tracker["trackingId"],
            userId="newcomer",
            sessionId="session-1",
            eventList=[{"eventType": "view", "itemId": item, "sentAt": int(time.time()), "properties": json.dumps({})}],
        )
    after = runtime.get_recommendations(campaignArn=campaign_arn, userId="newcomer", numResults=5)["itemList"]
    assert [item["itemId"] for item in after] != [item["itemId"] for item in before]

    personalize.delete_campaign(campaignArn=campaign_arn)
    with pytest.raises(personalize.exceptions.ResourceNotFoundException):
        while True:
            personalize.describe_campaign(campaignArn=campaign_arn)
            time.sleep(0.1)
