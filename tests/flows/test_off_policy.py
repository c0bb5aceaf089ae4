"""What would another campaign have earned? Users click on explored answers; the estimate is held against the truth."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from gateway.__main__ import main
from tests.flows.site import START, Site, site

ARN = "arn:aws:personalize:us-east-1:000000000000"
PERSONAL, POPULAR = "aws-user-personalization", "aws-popularity-count"
USERS = 200
LIKING = {f"i{item}": 0.05 + 0.04 * (item % 10) for item in range(20)}  # how often an item that is shown is clicked


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Three campaigns: one explores, one of the same model does not, one shows what is popular."""
    with site(tmp_path_factory.mktemp("replayed")) as opened:
        opened.clock.ahead = START + 10_000 - time.time()  # soon after the shop's interactions: its items are young
        group = opened.shop()
        for recipe in (PERSONAL, POPULAR):
            parameters = {"algorithmHyperParameters": {"sequence_epochs": "0"}} if recipe == PERSONAL else {}
            opened.personalize.create_solution(
                name=recipe,
                datasetGroupArn=group,
                recipeArn=f"arn:aws:personalize:::recipe/{recipe}",
                performAutoTraining=False,
                solutionConfig=parameters,
            )
            opened.personalize.create_solution_version(solutionArn=f"{ARN}:solution/{recipe}")
        opened.work()
        for name, recipe, weight in (
            ("exploring", PERSONAL, "0.4"),
            ("still", PERSONAL, "0"),
            ("popular", POPULAR, ""),
        ):
            version = opened.versions(f"{ARN}:solution/{recipe}")[-1]["solutionVersionArn"]
            config: dict[str, Any] = {"itemExplorationConfig": {"explorationWeight": weight}} if weight else {}
            opened.personalize.create_campaign(name=name, solutionVersionArn=version, campaignConfig=config)
        opened.engine.feed.catch_up()
        yield opened


def test_the_estimate_covers_what_the_other_campaign_earns(shop: Site):
    tracker = shop.personalize.create_event_tracker(name="t", datasetGroupArn=f"{ARN}:dataset-group/shop")["trackingId"]
    draw, truth = np.random.default_rng(0), []
    for user in range(USERS):
        name = f"u{user}"
        truth.append(sum(LIKING[item] for item in shop.items(f"{ARN}:campaign/still", name)))
        answer = shop.runtime.get_recommendations(campaignArn=f"{ARN}:campaign/exploring", userId=name, numResults=10)
        clicked = [item["itemId"] for item in answer["itemList"] if draw.random() < LIKING[item["itemId"]]]
        if clicked:
            events = [
                {
                    "eventType": "click",
                    "itemId": item,
                    "sentAt": shop.clock(),
                    "recommendationId": answer["recommendationId"],
                }
                for item in clicked
            ]
            shop.events.put_events(trackingId=tracker, userId=name, sessionId=f"s{user}", eventList=events[:10])
    shop.engine.shown.flush()

    found = shop.engine.answers.off_policy("exploring", "still", "click")
    print(f"truth {np.mean(truth):.4f}: {found}")
    # models are named anew in each run, so exploration draws anew: in six runs it deviated by .011
    assert found.answers == USERS and found.covered == pytest.approx(1.0, abs=0.05)
    for estimate in (found.ips, found.snips, found.doubly_robust):
        assert abs(estimate.value - np.mean(truth)) < 3 * estimate.error
    assert found.ips.error < 0.15 and found.gain is not None and found.gain.error > 0

    assert shop.engine.answers.off_policy("exploring", "popular").answers == USERS
    assert shop.engine.answers.off_policy("exploring", "still", "purchase").ips.value == 0.0

    printed_by = ["off-policy", "exploring", "--instead", "still", "--data", str(data_of(shop))]
    printed = CliRunner().invoke(main, printed_by)
    assert printed.exit_code == 0 and "doubly_robust" in printed.output and "covered" in printed.output
    assert "Not to be relied on" not in printed.output
    as_json = ["off-policy", "exploring", "--instead", "still", "--json", "--data", str(data_of(shop))]
    told = json.loads(CliRunner().invoke(main, as_json).output)
    assert (told["answers"], told["trusted"], told["warnings"]) == (USERS, True, [])
    nothing = ["--event-type", "purchase"]
    warned = CliRunner().invoke(main, [*printed_by, *nothing])
    assert "Not to be relied on: No event names one of the answers" in warned.output and "gain" in warned.output
    told = json.loads(CliRunner().invoke(main, [*as_json, *nothing]).output)
    assert (told["trusted"], told["gain"], len(told["warnings"])) == (False, None, 1)


def data_of(shop: Site) -> Any:
    return shop.engine.settings.data_dir


@pytest.mark.parametrize(
    ("model", "instead", "text"), [("never", "still", "does not exist"), ("popular", "still", "No answer of popular")]
)
def test_what_cannot_be_said(shop: Site, model: str, instead: str, text: str):
    refused = CliRunner().invoke(main, ["off-policy", model, "--instead", instead, "--data", str(data_of(shop))])
    assert refused.exit_code == 1 and text in " ".join(refused.output.split())
