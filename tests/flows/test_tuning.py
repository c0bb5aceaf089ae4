"""Let the server choose: hyperparameters by performHPO, the recipe by performAutoML."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.site import Site, site

SIMS = "arn:aws:personalize:::recipe/aws-sims"
PERSONALISING = [f"arn:aws:personalize:::recipe/aws-user-personalization{version}" for version in ("", "-v2")]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as opened:
        yield opened


def test_hyperparameters_are_tuned(shop: Site):
    p = shop.personalize
    solution = p.create_solution(
        name="together",
        recipeArn=SIMS,
        datasetGroupArn=shop.shop(),
        performHPO=True,
        performAutoTraining=False,
        solutionConfig={
            "algorithmHyperParameters": {"training.min_cointeraction_count": "1"},
            "hpoConfig": {
                "hpoResourceConfig": {"maxNumberOfTrainingJobs": "3", "maxParallelTrainingJobs": "2"},
                "algorithmHyperParameterRanges": {
                    "integerHyperParameterRanges": [],
                    "continuousHyperParameterRanges": [
                        {"name": "training.popularity_discount_factor", "minValue": 0.2, "maxValue": 0.4}
                    ],
                    "categoricalHyperParameterRanges": [],
                },
            },
        },
    )["solutionArn"]
    version = p.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    shop.work()

    shown = shop.version(version)
    assert shown["status"] == "ACTIVE", shown.get("failureReason")
    tuned = shown["tunedHPOParams"]["algorithmHyperParameters"]
    assert list(tuned) == ["popularity_discount_factor"] and 0.2 <= float(tuned["popularity_discount_factor"]) <= 0.4
    assert "precision_at_5" in p.get_solution_metrics(solutionVersionArn=version)["metrics"]
    campaign = p.create_campaign(name="together", solutionVersionArn=version)["campaignArn"]
    answer = shop.runtime.get_recommendations(campaignArn=campaign, itemId="i2", numResults=3)
    assert all(int(item["itemId"][1:]) % 2 == 0 for item in answer["itemList"])


def test_the_recipe_is_chosen(shop: Site):
    p = shop.personalize
    config = {"autoMLConfig": {"metricName": "precision_at_10", "recipeList": PERSONALISING}}
    solution = p.create_solution(
        name="best",
        performAutoML=True,
        performAutoTraining=False,
        datasetGroupArn=shop.shop(users=12, items=10),
        solutionConfig=config,
    )["solutionArn"]
    version = p.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    shop.work()

    assert shop.version(version)["status"] == "ACTIVE", shop.version(version).get("failureReason")
    best = p.describe_solution(solutionArn=solution)["solution"]["autoMLResult"]["bestRecipeArn"]
    assert best in PERSONALISING and shop.version(version)["recipeArn"] == best
    campaign = p.create_campaign(name="best", solutionVersionArn=version)["campaignArn"]
    assert len(shop.items(campaign, "u1", 5)) == 5


def test_too_little_data_to_try_anything_on(shop: Site):
    p = shop.personalize
    solution = p.create_solution(
        name="thin", recipeArn=SIMS, datasetGroupArn=shop.shop(users=1), performHPO=True, performAutoTraining=False
    )["solutionArn"]
    version = p.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    shop.work()
    shown = shop.version(version)
    assert shown["status"] == "CREATE FAILED" and "too few users" in shown["failureReason"]
