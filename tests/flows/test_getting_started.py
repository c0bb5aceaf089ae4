"""Getting started with a custom dataset group, as AWS's guide tells it, from the schema to the last deletion."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.flows.cloud import ROLE, START, Cloud, wait

SCHEMA = {
    "type": "record",
    "name": "Interactions",
    "namespace": "com.amazonaws.personalize.schema",
    "fields": [
        {"name": "USER_ID", "type": "string"},
        {"name": "ITEM_ID", "type": "string"},
        {"name": "EVENT_TYPE", "type": "string"},
        {"name": "TIMESTAMP", "type": "long"},
    ],
    "version": "1.0",
}
RATINGS = [  # 40 people, half of whom watch comedies (even numbers), half dramas
    f"{user},{2 * ((user + step * (1 + user % 3)) % 12) + user % 2},watch,{START + 100 * user + step}"
    for user in range(40)
    for step in range(6)
]


def test_getting_started(account: Cloud):
    p = account.personalize

    # a schema, a dataset group, a dataset
    schema = p.create_schema(name="getting-started", schema=json.dumps(SCHEMA))["schemaArn"]
    group = p.create_dataset_group(name="movies")["datasetGroupArn"]
    wait(lambda: p.describe_dataset_group(datasetGroupArn=group)["datasetGroup"])
    dataset = p.create_dataset(name="ratings", schemaArn=schema, datasetGroupArn=group, datasetType="Interactions")[
        "datasetArn"
    ]
    wait(lambda: p.describe_dataset(datasetArn=dataset)["dataset"])

    # the data, from S3
    location = account.put("ratings.csv", ["USER_ID,ITEM_ID,EVENT_TYPE,TIMESTAMP", *RATINGS])
    job = p.create_dataset_import_job(
        jobName="ratings", datasetArn=dataset, dataSource={"dataLocation": location}, roleArn=ROLE
    )["datasetImportJobArn"]
    wait(lambda: p.describe_dataset_import_job(datasetImportJobArn=job)["datasetImportJob"])

    # a solution, a solution version and its metrics
    recipes = {recipe["name"]: recipe["recipeArn"] for recipe in p.list_recipes()["recipes"]}
    solution = p.create_solution(
        name="movies-for-you",
        datasetGroupArn=group,
        recipeArn=recipes["aws-user-personalization-v2"],
        performAutoTraining=False,
    )["solutionArn"]
    wait(lambda: p.describe_solution(solutionArn=solution)["solution"])
    version = p.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    wait(lambda: p.describe_solution_version(solutionVersionArn=version)["solutionVersion"])
    metrics = p.get_solution_metrics(solutionVersionArn=version)["metrics"]
    assert {"coverage", "precision_at_5", "mean_reciprocal_rank_at_25"} <= metrics.keys()

    # a campaign, and recommendations
    campaign = p.create_campaign(name="movies", solutionVersionArn=version, minProvisionedTPS=1)["campaignArn"]
    wait(lambda: p.describe_campaign(campaignArn=campaign)["campaign"])
    answer = account.runtime.get_recommendations(campaignArn=campaign, userId="4", numResults=5)
    assert len(answer["itemList"]) == 5 and all(0 <= item["score"] <= 1 for item in answer["itemList"])

    # an event tracker: what somebody does changes what they get
    tracker = p.create_event_tracker(name="clicks", datasetGroupArn=group)
    wait(lambda: p.describe_event_tracker(eventTrackerArn=tracker["eventTrackerArn"])["eventTracker"])

    def for_somebody_new() -> list[str]:
        found = account.runtime.get_recommendations(campaignArn=campaign, userId="new", numResults=5)
        return [item["itemId"] for item in found["itemList"]]

    before = for_somebody_new()
    event = {"eventType": "watch", "itemId": "3", "sentAt": int(time.time())}
    account.events.put_events(trackingId=tracker["trackingId"], userId="new", sessionId="1", eventList=[event])
    deadline = time.monotonic() + 1
    while for_somebody_new() == before:
        assert time.monotonic() < deadline, "an event changes answers within a second"

    # and everything away again, the dependent first
    steps: list[tuple[Callable[..., Any], Callable[..., Any], dict[str, str]]] = [
        (p.delete_campaign, p.describe_campaign, {"campaignArn": campaign}),
        (p.delete_event_tracker, p.describe_event_tracker, {"eventTrackerArn": tracker["eventTrackerArn"]}),
        (p.delete_solution, p.describe_solution, {"solutionArn": solution}),
        (p.delete_dataset, p.describe_dataset, {"datasetArn": dataset}),
        (p.delete_schema, p.describe_schema, {"schemaArn": schema}),
        (p.delete_dataset_group, p.describe_dataset_group, {"datasetGroupArn": group}),
    ]
    for delete, describe, arn in steps:
        delete(**arn)
        with pytest.raises(p.exceptions.ResourceNotFoundException):
            until_gone(lambda: describe(**arn))  # noqa: B023
    assert group not in [each["datasetGroupArn"] for each in p.list_dataset_groups()["datasetGroups"]]


def until_gone(describe: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        (shown,) = (value for name, value in describe().items() if name != "ResponseMetadata")
        assert shown["status"] in ("DELETE PENDING", "DELETE IN_PROGRESS")
        time.sleep(0.05)
