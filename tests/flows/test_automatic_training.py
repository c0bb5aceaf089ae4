"""Automatic training as AWS has it by default: nobody calls CreateSolutionVersion, and campaigns follow."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import Runner
from tests.flows.site import INTERACTIONS, START, Site, eventually, site

POPULAR = "arn:aws:personalize:::recipe/aws-popularity-count"
DAY = 86_400


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Site]:
    """With a job process; automatic training begins after a second instead of an hour."""
    with site(tmp_path, first_training_s=1.0) as opened:
        yield opened


@pytest.fixture
def group(shop: Site) -> Iterator[str]:
    group = shop.personalize.create_dataset_group(name="shop")["datasetGroupArn"]
    interactions = shop.dataset(group, "Interactions", *INTERACTIONS)
    shop.load(interactions, ["USER_ID,ITEM_ID,TIMESTAMP", *(f"u{n},i{n % 3},{START + n}" for n in range(60))])
    runner = Runner(shop.engine)
    jobs = threading.Thread(target=runner.run_forever)
    jobs.start()
    yield group
    runner.stop()
    jobs.join()


def trained(shop: Site, solution: str, count: int) -> bool:
    return [each["status"] for each in shop.versions(solution)] == ["ACTIVE"] * count


def test_trains_by_itself_and_campaigns_follow(shop: Site, group: str):
    p = shop.personalize
    solution = p.create_solution(
        name="popular",
        recipeArn=POPULAR,
        datasetGroupArn=group,
        solutionConfig={"autoTrainingConfig": {"schedulingExpression": "rate(1 day)"}},
    )["solutionArn"]
    assert p.describe_solution(solutionArn=solution)["solution"]["status"] == "ACTIVE"
    eventually(lambda: trained(shop, solution, 1))
    (first,) = shop.versions(solution)
    assert (first["trainingType"], first["trainingMode"]) == ("AUTOMATIC", "FULL")

    campaign = p.create_campaign(
        name="home",
        solutionVersionArn=f"{solution}/$LATEST",
        campaignConfig={"syncWithLatestSolutionVersion": True},
    )["campaignArn"]
    tracker = p.create_event_tracker(name="clicks", datasetGroupArn=group)["trackingId"]
    for user in range(40):
        event = {"eventType": "click", "itemId": "new", "sentAt": START + 1000}
        shop.events.put_events(trackingId=tracker, userId=f"n{user}", sessionId=f"s{user}", eventList=[event])
    shop.clock.ahead += DAY
    eventually(lambda: trained(shop, solution, 2))
    eventually(lambda: shop.items(campaign, "u1", 1) == ["new"])

    p.update_solution(solutionArn=solution, performAutoTraining=False)
    shown = p.describe_solution(solutionArn=solution)["solution"]
    assert shown["performAutoTraining"] is False and shown["latestSolutionUpdate"]["performAutoTraining"] is False


@pytest.mark.parametrize("rate", ["rate(0 days)", "rate(31 days)", "rate(7 hours)", "cron(0 1 * * ?)", "7 days"])
def test_rates_that_are_none(shop: Site, group: str, rate: str):
    p = shop.personalize
    config = {"autoTrainingConfig": {"schedulingExpression": rate}}
    with pytest.raises(p.exceptions.InvalidInputException, match=r"[sS]chedulingExpression"):
        p.create_solution(name="s", recipeArn=POPULAR, datasetGroupArn=group, solutionConfig=config)
