"""Once the control plane says ACTIVE, no worker answers from the model before: asked over connections of their own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.server.world import ARN, Server, running

WORKERS, CONNECTIONS = 4, 24  # so many that hardly a worker is left out
KEYS = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
QUIET = Config(retries={"total_max_attempts": 1})


@pytest.fixture(scope="module")
def instant(trained: Path, config: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Its resources are ACTIVE at once, which leaves workers no time to hear of them."""
    data = tmp_path_factory.mktemp("deployed") / "data"
    shutil.copytree(trained, data)
    with running(Server(data, config, workers=WORKERS, flags=("--instant",))) as server:
        yield server


@pytest.fixture
def personalize(instant: Server) -> Iterator[Any]:
    client = boto3.client("personalize", endpoint_url=instant.url, config=QUIET, **KEYS)
    yield client
    client.close()


def everywhere(ask: Callable[[int], str]) -> set[str]:
    """What workers answer, each request over a connection of its own."""
    with ThreadPoolExecutor(8) as threads:
        return set(threads.map(ask, range(CONNECTIONS)))


def model_for(server: Server, user: str) -> str:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", f"/recommend-items/shop/popular/{user}")
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.headers["X-Recgate-Model"] or f"{answer.status}"


def models(server: Server) -> set[str]:
    """Of cached lists (there are as many users as workers) and of new ones."""
    return everywhere(lambda n: model_for(server, f"u{n % WORKERS}"))


def trained_version(personalize: Any) -> str:
    version = str(personalize.create_solution_version(solutionArn=f"{ARN}:solution/popular")["solutionVersionArn"])
    while True:
        shown = personalize.describe_solution_version(solutionVersionArn=version)["solutionVersion"]
        assert shown["status"] != "CREATE FAILED", shown
        if shown["status"] == "ACTIVE":
            return version


def name_of(version: str) -> str:
    return version.rpartition("solution/")[2]


def test_the_first_answers_after_an_update_are_of_the_new_model(instant: Server, personalize: Any):
    campaign = f"{ARN}:campaign/popular"
    before = personalize.describe_campaign(campaignArn=campaign)["campaign"]["solutionVersionArn"]
    versions = (trained_version(personalize), before)
    for turn in range(8):
        version = versions[turn % 2]
        personalize.update_campaign(campaignArn=campaign, solutionVersionArn=version)
        shown = personalize.describe_campaign(campaignArn=campaign)["campaign"]
        assert shown["latestCampaignUpdate"]["status"] == "ACTIVE"
        assert models(instant) == {name_of(version)}


def test_the_first_answers_after_a_training_are_of_its_model(instant: Server, personalize: Any):
    latest, synced = f"{ARN}:solution/popular/$LATEST", {"syncWithLatestSolutionVersion": True}
    campaign = f"{ARN}:campaign/popular"
    personalize.update_campaign(campaignArn=campaign, solutionVersionArn=latest, campaignConfig=synced)
    for _ in range(2):
        assert models(instant)
        version = trained_version(personalize)
        assert models(instant) == {name_of(version)}


def test_a_new_campaign_answers_in_every_worker(instant: Server, personalize: Any):
    version = personalize.describe_campaign(campaignArn=f"{ARN}:campaign/near")["campaign"]["solutionVersionArn"]
    arn = personalize.create_campaign(name="new", solutionVersionArn=version)["campaignArn"]
    assert personalize.describe_campaign(campaignArn=arn)["campaign"]["status"] == "ACTIVE"
    clients = [boto3.client("personalize-runtime", endpoint_url=instant.url, config=QUIET, **KEYS) for _ in range(8)]
    assert everywhere(lambda n: str(len(clients[n % 8].get_recommendations(campaignArn=arn, itemId="i1")))) == {"3"}
    for client in clients:
        client.close()
