"""A server without the libraries of training answers by models that were trained elsewhere, and says what it lacks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.lacking import HEAVY, environ_without
from tests.server.world import ARN, GROUP, Server, running


@pytest.fixture(scope="module")
def light(trained: Path, config: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("light")
    shutil.copytree(trained, folder / "data")
    environ = environ_without(folder / "hidden", *HEAVY)
    with running(Server(folder / "data", config, workers=1, environ=environ, fresh=True)) as server:
        yield server


@pytest.mark.parametrize("path", ["recommend-items/shop/for-you/u1", "related-items/shop/near/i2"])
def test_it_answers(light: Server, path: str):
    answer = httpx.get(f"{light.url}/{path}?numResults=5")
    assert answer.status_code == 200 and len(answer.json()["itemList"]) == 5


def test_it_refuses_to_train_with_what_it_lacks(light: Server):
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
    retries = Config(retries={"max_attempts": 0})
    personalize = boto3.client("personalize", endpoint_url=light.url, config=retries, **keys)
    with pytest.raises(ClientError) as refused:
        personalize.create_solution_version(solutionArn=f"{ARN}:solution/for-you")
    assert refused.value.response["Error"] == {
        "Code": "InvalidInputException",
        "Message": "The recipe aws-user-personalization-v2 trains with torch, which is not installed: "
        "pip install 'recgate[train]'",
    }
    assert personalize.create_solution(
        name="other",
        datasetGroupArn=f"{ARN}:dataset-group/{GROUP}",
        recipeArn="arn:aws:personalize:::recipe/aws-sims",
    )["solutionArn"]
