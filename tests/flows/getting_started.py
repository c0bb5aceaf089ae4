"""Amazon Personalize's first story as AWS's samples tell it, one script of boto3: from a schema to a batch of answers.

It waits only where boto3's documentation asks for that, by the loop that the samples have.

    AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any AWS_REGION=us-east-1 AWS_ENDPOINT_URL_PERSONALIZE=http://… \\
    AWS_ENDPOINT_URL_PERSONALIZE_RUNTIME=http://… AWS_ENDPOINT_URL_PERSONALIZE_EVENTS=http://… \\
    AWS_ENDPOINT_URL_S3=http://… python -m tests.flows.getting_started BUCKET
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import boto3

ROLE = "arn:aws:iam::123456789012:role/PersonalizeRole"
START = 1_700_000_000
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
UNSEEN = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")'


class Services(NamedTuple):
    """Clients of boto3."""

    personalize: Any
    runtime: Any
    events: Any
    s3: Any


class Story(NamedTuple):
    """What it made: ARNs; and what came of it."""

    schema: str
    group: str
    dataset: str
    solution: str
    version: str
    campaign: str
    tracker: str
    filter: str
    metrics: dict[str, float]
    items: list[str]  # for user 4
    scores: list[float]
    unseen: list[str]  # for user 4, filtered, but for what exploration drew
    before: list[str]  # for somebody new
    after: list[str]  # for the same, after two events
    batch: list[Any]  # lines of the job's output


def tell(services: Services, bucket: str) -> Story:
    """The story, from an account that has nothing of these names."""
    p, runtime = services.personalize, services.runtime
    schema = p.create_schema(name="getting-started", schema=json.dumps(SCHEMA))["schemaArn"]
    group = p.create_dataset_group(name="movies")["datasetGroupArn"]
    wait(lambda: p.describe_dataset_group(datasetGroupArn=group)["datasetGroup"])
    made = {"name": "ratings", "schemaArn": schema, "datasetGroupArn": group, "datasetType": "Interactions"}
    dataset = p.create_dataset(**made)["datasetArn"]
    body = "\n".join(["USER_ID,ITEM_ID,EVENT_TYPE,TIMESTAMP", *RATINGS]).encode()
    services.s3.put_object(Bucket=bucket, Key="ratings.csv", Body=body)
    source = {"dataLocation": f"s3://{bucket}/ratings.csv"}
    job = p.create_dataset_import_job(jobName="ratings", datasetArn=dataset, dataSource=source, roleArn=ROLE)
    arn = job["datasetImportJobArn"]
    wait(lambda: p.describe_dataset_import_job(datasetImportJobArn=arn)["datasetImportJob"])

    recipes = {recipe["name"]: recipe["recipeArn"] for recipe in p.list_recipes()["recipes"]}
    recipe = recipes["aws-user-personalization-v2"]
    solution = p.create_solution(name="movies-for-you", datasetGroupArn=group, recipeArn=recipe)["solutionArn"]
    version = p.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    wait(lambda: p.describe_solution_version(solutionVersionArn=version)["solutionVersion"])
    metrics = p.get_solution_metrics(solutionVersionArn=version)["metrics"]
    campaign = p.create_campaign(name="movies", solutionVersionArn=version, minProvisionedTPS=1)["campaignArn"]
    wait(lambda: p.describe_campaign(campaignArn=campaign)["campaign"])
    answer = runtime.get_recommendations(campaignArn=campaign, userId="4", numResults=5)["itemList"]

    filter_ = p.create_filter(name="not-watched-yet", datasetGroupArn=group, filterExpression=UNSEEN)["filterArn"]
    wait(lambda: p.describe_filter(filterArn=filter_)["filter"])
    unseen = items(runtime, campaign, "4", filterArn=filter_)
    tracker = p.create_event_tracker(name="clicks", datasetGroupArn=group)
    wait(lambda: p.describe_event_tracker(eventTrackerArn=tracker["eventTrackerArn"])["eventTracker"])
    before = items(runtime, campaign, "new")
    for item in ("1", "3"):
        event = {"eventType": "watch", "itemId": item, "sentAt": int(time.time()), "properties": json.dumps({})}
        services.events.put_events(trackingId=tracker["trackingId"], userId="new", sessionId="1", eventList=[event])
    return Story(
        schema,
        group,
        dataset,
        solution,
        version,
        campaign,
        tracker["eventTrackerArn"],
        filter_,
        metrics,
        [item["itemId"] for item in answer],
        [item["score"] for item in answer],
        unseen,
        before,
        after=items(runtime, campaign, "new"),
        batch=in_a_batch(services, version, filter_, bucket),
    )


def items(runtime: Any, campaign: str, user: str, **more: str) -> list[str]:
    """The most relevant, as often as one asks."""
    answer = runtime.get_recommendations(campaignArn=campaign, userId=user, numResults=5, **more)
    return [item["itemId"] for item in answer["itemList"] if "Exploration" not in item.get("reason", ())]


def in_a_batch(services: Services, version: str, filter_: str, bucket: str) -> list[Any]:
    """The lines that a batch inference job answers two users with."""
    lines = "\n".join(json.dumps({"userId": user}) for user in ("4", "7")).encode()
    services.s3.put_object(Bucket=bucket, Key="batch/users.json", Body=lines)
    job = services.personalize.create_batch_inference_job(
        jobName="users",
        solutionVersionArn=version,
        filterArn=filter_,
        numResults=5,
        roleArn=ROLE,
        jobInput={"s3DataSource": {"path": f"s3://{bucket}/batch/users.json"}},
        jobOutput={"s3DataDestination": {"path": f"s3://{bucket}/answers/"}},
    )["batchInferenceJobArn"]
    describe = services.personalize.describe_batch_inference_job
    wait(lambda: describe(batchInferenceJobArn=job)["batchInferenceJob"])
    body = services.s3.get_object(Bucket=bucket, Key="answers/users.json.out")["Body"].read()
    return [json.loads(line) for line in body.splitlines()]


def wait(describe: Callable[[], dict[str, Any]], seconds: float = 3 * 60 * 60) -> None:
    """As AWS's samples do, who look once a minute."""
    deadline = time.monotonic() + seconds
    while (shown := describe())["status"] != "ACTIVE":
        assert shown["status"] != "CREATE FAILED" and time.monotonic() < deadline, shown
        time.sleep(0.1)


if __name__ == "__main__":
    names = ("personalize", "personalize-runtime", "personalize-events", "s3")
    told = tell(Services(*map(boto3.client, names)), sys.argv[1])
    print(json.dumps(told._asdict(), indent=2))
