"""Getting started as AWS's samples tell it, to the last deletion, by a script that others may run, too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.flows.cloud import BUCKET, KEYS, Cloud
from tests.flows.getting_started import RATINGS, Story

NAMES = ("PERSONALIZE", "PERSONALIZE_RUNTIME", "PERSONALIZE_EVENTS")


def told(account: Cloud) -> Story:
    """By the script, run as its docstring says."""
    endpoints = {f"AWS_ENDPOINT_URL_{name}": account.personalize.meta.endpoint_url for name in NAMES}
    environ = {
        "AWS_ENDPOINT_URL_S3": account.s3.meta.endpoint_url,
        "AWS_REGION": KEYS["region_name"],
        "AWS_DEFAULT_REGION": KEYS["region_name"],
        "AWS_ACCESS_KEY_ID": KEYS["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": KEYS["aws_secret_access_key"],
    }
    argv = [sys.executable, "-m", "tests.flows.getting_started", BUCKET]
    done = subprocess.run(argv, env={**os.environ, **environ, **endpoints}, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return Story(**json.loads(done.stdout))


def test_getting_started(account: Cloud):
    p, story = account.personalize, told(account)
    assert {"coverage", "precision_at_5", "mean_reciprocal_rank_at_25"} <= story.metrics.keys()
    assert 0 <= story.metrics["normalized_discounted_cumulative_gain_at_10"] <= 1 and 0 < story.metrics["coverage"] <= 1
    assert len(story.items) == 5 and all(0 <= score <= 1 for score in story.scores)
    watched = {row.split(",")[1] for row in RATINGS if row.startswith("4,")}
    assert 3 < len(story.unseen) <= 5 and not watched & set(story.unseen)
    assert story.after != story.before
    assert [line["input"] for line in story.batch] == [{"userId": "4"}, {"userId": "7"}]
    in_batch = story.batch[0]["output"]["recommendedItems"]
    assert len(in_batch) == 5 and in_batch[: len(story.unseen)] == story.unseen
    (version,) = p.list_solution_versions(solutionArn=story.solution)["solutionVersions"]  # and none trained by itself
    assert (version["solutionVersionArn"], version["trainingType"]) == (story.version, "MANUAL")
    for shown in (p.describe_campaign(campaignArn=story.campaign)["campaign"], version):
        assert shown["lastUpdatedDateTime"] > shown["creationDateTime"]

    # and everything away again, the dependent first
    steps: list[tuple[Callable[..., Any], Callable[..., Any], dict[str, str]]] = [
        (p.delete_campaign, p.describe_campaign, {"campaignArn": story.campaign}),
        (p.delete_filter, p.describe_filter, {"filterArn": story.filter}),
        (p.delete_event_tracker, p.describe_event_tracker, {"eventTrackerArn": story.tracker}),
        (p.delete_solution, p.describe_solution, {"solutionArn": story.solution}),
        (p.delete_dataset, p.describe_dataset, {"datasetArn": story.dataset}),
        (p.delete_schema, p.describe_schema, {"schemaArn": story.schema}),
        (p.delete_dataset_group, p.describe_dataset_group, {"datasetGroupArn": story.group}),
    ]
    for delete, describe, arn in steps:
        delete(**arn)
        with pytest.raises(p.exceptions.ResourceNotFoundException):
            until_gone(lambda: describe(**arn))  # noqa: B023
    assert story.group not in [each["datasetGroupArn"] for each in p.list_dataset_groups()["datasetGroups"]]


def until_gone(describe: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        (shown,) = (value for name, value in describe().items() if name != "ResponseMetadata")
        assert shown["status"] in ("DELETE PENDING", "DELETE IN_PROGRESS")
        time.sleep(0.05)
