"""What import-config writes for what there is; asked as boto3 asks, page by page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from botocore import xform_name
from click.testing import CliRunner

from gateway.cli import import_config
from gateway.cli.import_config import configuration
from gateway.config import parse

ARN = "arn:aws:personalize:eu-west-1:111122223333"
RECIPE = "arn:aws:personalize:::recipe"
TYPES = {
    "aws-user-personalization-v2": "USER_PERSONALIZATION",
    "aws-trending-now": "USER_PERSONALIZATION",  # as AWS has it
    "aws-popularity-count": "POPULAR_ITEMS",
    "aws-similar-items": "RELATED_ITEMS",
    "aws-personalized-ranking-v2": "PERSONALIZED_RANKING",
    "aws-next-best-action": "PERSONALIZED_ACTIONS",
    "aws-ecomm-recommended-for-you": "USER_PERSONALIZATION",
    "aws-recipe-of-tomorrow": "RELATED_ITEMS",
}
CAMPAIGNS = {  # name: group, recipe, status
    "up": ("shop", "aws-user-personalization-v2", "ACTIVE"),
    "trends": ("shop", "aws-trending-now", "ACTIVE"),
    "on": ("shop", "aws-popularity-count", "ACTIVE"),
    "123": ("shop", "aws-similar-items", "ACTIVE"),
    "rank": ("shop", "aws-personalized-ranking-v2", "ACTIVE"),
    "next": ("shop", "aws-next-best-action", "ACTIVE"),
    "new": ("shop", "aws-recipe-of-tomorrow", "ACTIVE"),
    "bad": ("shop", "aws-similar-items", "CREATE FAILED"),
    "for-you": ("shop", "aws-user-personalization-v2", "ACTIVE"),
    "films": ("cinema", "aws-popularity-count", "ACTIVE"),
}


class Account:
    """Amazon Personalize, as far as it is asked; two to a page."""

    def __call__(self, operation: str, **members: str) -> dict[str, Any]:
        if operation.startswith("List"):
            key = "Filters" if operation == "ListFilters" else operation[4].lower() + operation[5:]
            found = getattr(self, xform_name(operation))(members.get("datasetGroupArn", "").rpartition("/")[2])
            start = int(members.get("nextToken", "0"))
            more = {"nextToken": str(start + 2)} if start + 2 < len(found) else {}
            return {key: found[start : start + 2], **more}
        (arn,) = members.values()
        return {operation[8].lower() + operation[9:]: getattr(self, xform_name(operation))(arn.rpartition("/")[2])}

    def list_dataset_groups(self, _: str) -> list[dict[str, str]]:
        return [{"datasetGroupArn": f"{ARN}:dataset-group/{name}"} for name in ("shop", "cinema", "attic")]

    def list_recommenders(self, _: str) -> list[dict[str, str]]:
        arn, group = f"{ARN}:recommender/for-you", f"{ARN}:dataset-group/shop"
        recipe = f"{RECIPE}/aws-ecomm-recommended-for-you"
        shared = {"recommenderArn": arn, "datasetGroupArn": group, "recipeArn": recipe, "status": "ACTIVE"}
        return [{"name": "for-you", **shared}]

    def list_campaigns(self, _: str) -> list[dict[str, str]]:
        return [
            {"name": name, "campaignArn": f"{ARN}:campaign/{name}", "status": status}
            for name, (_, _, status) in CAMPAIGNS.items()
        ]

    def describe_campaign(self, name: str) -> dict[str, str]:
        return {"solutionVersionArn": f"{ARN}:solution/{name}/$LATEST"}

    def describe_solution(self, name: str) -> dict[str, Any]:
        group, recipe, _ = CAMPAIGNS[name]
        known = {"recipeArn": f"{RECIPE}/{recipe}"}
        chosen = {"autoMLResult": {"bestRecipeArn": f"{RECIPE}/{recipe}"}} if name == "up" else known
        return {"datasetGroupArn": f"{ARN}:dataset-group/{group}", **chosen}

    def describe_recipe(self, name: str) -> dict[str, str]:
        return {"recipeType": TYPES[name]}

    def list_event_trackers(self, group: str) -> list[dict[str, str]]:
        return [{"eventTrackerArn": f"{ARN}:event-tracker/{name}"} for name in "cab"] if group == "shop" else []

    def describe_event_tracker(self, name: str) -> dict[str, str]:
        return {"trackingId": f"{name}-1"}

    def list_filters(self, group: str) -> list[dict[str, str]]:
        return [{"filterArn": f"{ARN}:filter/unseen"}] if group == "shop" else []

    def describe_filter(self, name: str) -> dict[str, str]:
        return {"filterArn": f"{ARN}:filter/{name}", "filterExpression": "EXCLUDE ItemID\n WHERE Items.A = 1"}


OF_ENGINE = f"""\
# Written by recgate import-config from the built-in engine: one namespace a dataset group.
version: "2"
cacheControl:
  userSpecified: {{maxAge: 10, directives: private}}
  syntheticUserSpecified: {{maxAge: 300, directives: public}}
  noUserSpecified: {{maxAge: 1200, directives: public}}
namespaces:
  # attic has no campaign or recommender to ask, and no event tracker
  cinema:
    inferenceItemMetadata: {{type: engine}}
    recommenders:
      recommend-items:
        films: {{variations: {{personalize-popularity-count: {{type: engine, model: films}}}}}}
  shop:
    # campaign bad is CREATE FAILED
    # campaign next of aws-next-best-action gives no list of items
    # filter {ARN}:filter/unseen: EXCLUDE ItemID WHERE Items.A = 1
    inferenceItemMetadata: {{type: engine}}
    recommenders:
      recommend-items:
        for-you: {{variations: {{personalize-user-personalization-v2: {{type: engine, model: for-you}}}}}}
        for-you-recommender: {{variations: {{personalize-ecomm-recommended-for-you: {{type: engine, model: for-you}}}}}}
        "on": {{variations: {{personalize-popularity-count: {{type: engine, model: "on"}}}}}}
        trends: {{variations: {{personalize-trending-now: {{type: engine, model: trends}}}}}}
        up: {{variations: {{personalize-user-personalization-v2: {{type: engine, model: up}}}}}}
      related-items:
        "123": {{variations: {{personalize-similar-items: {{type: engine, model: "123"}}}}}}
        new: {{variations: {{personalize-recipe-of-tomorrow: {{type: engine, model: new}}}}}}
      rerank-items:
        rank: {{variations: {{personalize-personalized-ranking-v2: {{type: engine, model: rank}}}}}}
    eventTargets:
      - {{type: personalize-event-tracker, trackingId: "a-1"}}
      - {{type: personalize-event-tracker, trackingId: "b-1"}}
      - {{type: personalize-event-tracker, trackingId: "c-1"}}
"""


def test_everything_there_is_has_its_place() -> None:
    assert configuration(Account(), "all", None) == OF_ENGINE
    assert parse(OF_ENGINE).warnings == ()


def test_an_account_of_aws_is_asked_by_arn() -> None:
    text = configuration(Account(), "cinema", "eu-west-1")
    assert "origins: {personalize: {type: aws, region: eu-west-1}}" in text
    assert f'films: {{variations: {{personalize-popularity-count: {{type: personalize-campaign, arn: "{ARN}' in text
    config = parse(text)
    assert config.warnings == ()
    assert list(config.namespaces) == ["cinema"]
    assert config.namespaces["cinema"].plans["recommend-items", "films"].variations[0].upstream == "personalize"


def test_groups_are_named_or_refused() -> None:
    assert list(parse(configuration(Account(), " cinema , shop", None)).namespaces) == ["cinema", "shop"]
    assert parse(configuration(Account(), "attic", None)).namespaces == {}
    with pytest.raises(click.ClickException, match="no dataset group 'shops'; there are: attic, cinema, shop"):
        configuration(Account(), "cinema,shops", None)


def test_a_file_is_overwritten_only_by_force(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text("mine")
    arguments = [str(file), "--data", str(tmp_path / "data")]
    refused = CliRunner().invoke(import_config.command, arguments)
    assert refused.exit_code == 1
    assert "--force overwrites it" in refused.output
    assert file.read_text() == "mine"
    assert CliRunner().invoke(import_config.command, [*arguments, "--force"]).exit_code == 0
    assert parse(file.read_text()).namespaces == {}
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["shop.yaml"]


def test_an_account_that_cannot_be_asked_is_told_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    refused = CliRunner().invoke(import_config.command, ["--aws", "eu-west-1"])
    assert refused.exit_code == 1
    assert "AWS in eu-west-1: Could not connect to the endpoint URL" in refused.output
