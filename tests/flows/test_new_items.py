"""Items that came after training: taken by deployed models within a minute, or added by trainingMode UPDATE."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import Runner
from tests.flows.site import Site, eventually, site

AWS = "arn:aws:personalize:::recipe/"
V1 = f"{AWS}aws-user-personalization"
QUICK = {"sequence_epochs": "0"}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as opened:
        yield opened


@pytest.fixture
def group(shop: Site) -> str:
    group = shop.shop()
    shop.stock(group)
    return group


def solution(shop: Site, group: str, recipe: str = V1, **more: Any) -> str:
    hyperparameters = QUICK if "user-personalization" in recipe else {}
    config = {"solutionConfig": {"algorithmHyperParameters": hyperparameters}}
    made = {"name": "for-you", "recipeArn": recipe, "datasetGroupArn": group, "performAutoTraining": False}
    return str(shop.personalize.create_solution(**made, **config, **more)["solutionArn"])


def put(shop: Site, group: str, item: str, kind: str) -> None:
    dataset = group.replace("dataset-group", "dataset") + "/ITEMS"
    shop.events.put_items(datasetArn=dataset, items=[{"itemId": item, "properties": json.dumps({"kind": kind})}])
    shop.engine.feed.catch_up()


def trained(shop: Site, arn: str, mode: str = "FULL") -> str:
    made = shop.personalize.create_solution_version(solutionArn=arn, trainingMode=mode)["solutionVersionArn"]
    shop.work()
    shown = shop.version(made)
    assert (shown["status"], shown["trainingMode"]) == ("ACTIVE", mode), shown.get("failureReason")
    return str(made)


def place(shop: Site, campaign: str, user: str, item: str) -> int:
    return shop.items(campaign, user, 25).index(item)


def test_an_update_adds_new_items_and_trains_nothing(shop: Site, group: str):
    p = shop.personalize
    arn = solution(shop, group)
    full = trained(shop, arn)
    no_exploration = {"itemExplorationConfig": {"explorationWeight": "0"}}
    campaign = p.create_campaign(name="home", solutionVersionArn=full, campaignConfig=no_exploration)["campaignArn"]
    shop.engine.feed.catch_up()
    put(shop, group, "fresh", "even")
    assert "fresh" not in shop.items(campaign, "u2", 25)

    update = trained(shop, arn, "UPDATE")
    p.update_campaign(campaignArn=campaign, solutionVersionArn=update)
    shop.engine.feed.catch_up()
    assert place(shop, campaign, "u2", "fresh") < place(shop, campaign, "u1", "fresh")
    metrics = [p.get_solution_metrics(solutionVersionArn=each)["metrics"] for each in (full, update)]
    assert metrics[0] == metrics[1]
    before = [item for item in shop.items(campaign, "u2", 25) if item != "fresh"]
    p.update_campaign(campaignArn=campaign, solutionVersionArn=full)
    shop.engine.feed.catch_up()
    assert shop.items(campaign, "u2", 25) == before


def test_campaigns_that_sync_take_the_update(shop: Site, group: str):
    p = shop.personalize
    arn = solution(shop, group)
    trained(shop, arn)
    synced = {"syncWithLatestSolutionVersion": True}
    campaign = p.create_campaign(name="home", solutionVersionArn=f"{arn}/$LATEST", campaignConfig=synced)["campaignArn"]
    update = trained(shop, arn, "UPDATE")
    assert p.describe_campaign(campaignArn=campaign)["campaign"]["solutionVersionArn"] == update


def test_an_item_put_is_recommended_within_a_minute(shop: Site, group: str):
    p = shop.personalize
    no_exploration = {"itemExplorationConfig": {"explorationWeight": "0"}}
    full = trained(shop, solution(shop, group))
    campaign = p.create_campaign(name="home", solutionVersionArn=full, campaignConfig=no_exploration)["campaignArn"]
    runner = Runner(shop.engine)
    jobs = threading.Thread(target=runner.run_forever)
    jobs.start()
    try:
        put(shop, group, "fresh", "even")
        eventually(lambda: "fresh" in shop.items(campaign, "u2", 25), 60.0)
        assert place(shop, campaign, "u2", "fresh") < place(shop, campaign, "u1", "fresh")
    finally:
        runner.stop()
        jobs.join()


def test_an_update_needs_a_full_version(shop: Site, group: str):
    p = shop.personalize
    with pytest.raises(p.exceptions.InvalidInputException, match="mode FULL that is ACTIVE"):
        p.create_solution_version(solutionArn=solution(shop, group), trainingMode="UPDATE")


@pytest.mark.parametrize("recipe", ["aws-sims", "aws-popularity-count", "aws-personalized-ranking", "aws-hrnn"])
def test_other_recipes_have_no_update(shop: Site, recipe: str):
    p = shop.personalize
    group = p.create_dataset_group(name="shop")["datasetGroupArn"]
    arn = solution(shop, group, f"{AWS}{recipe}")
    with pytest.raises(p.exceptions.InvalidInputException, match="trainingMode UPDATE fits only aws-hrnn-coldstart"):
        p.create_solution_version(solutionArn=arn, trainingMode="UPDATE")
    with pytest.raises(p.exceptions.InvalidInputException, match="performIncrementalUpdate"):
        p.update_solution(solutionArn=arn, performIncrementalUpdate=True)
    with pytest.raises(p.exceptions.InvalidInputException, match="performIncrementalUpdate"):
        p.create_solution(
            name="other", recipeArn=f"{AWS}{recipe}", datasetGroupArn=group, performIncrementalUpdate=True
        )
