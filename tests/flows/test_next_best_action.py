"""Next best action by the official boto3: what a user will most likely do next, and live from the first interaction."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.flows.site import INTERACTIONS, Site, eventually, site

DAY = 86_400
ACTIONS = (
    ("ACTION_ID", "string"),
    ("VALUE", ["null", "long"]),
    ("CHANNEL", ["null", "string"]),
    ("EXPIRATION_TIMESTAMP", ["null", "long"]),
    ("REPEAT_FREQUENCY", ["null", "long"]),
)
ACTION_INTERACTIONS = (("USER_ID", "string"), ("ACTION_ID", "string"), ("EVENT_TYPE", "string"), ("TIMESTAMP", "long"))
USERS = 160


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("actions")) as found:
        yield found


@pytest.fixture(scope="module")
def tracking(shop: Site) -> dict[str, str]:
    """The data: half of the users look at books and join the loyalty programme, the others at films and take the app.

    The trackingId came with the Action_Interactions dataset.
    """
    p, now = shop.personalize, int(time.time())
    group = p.create_dataset_group(name="engage")["datasetGroupArn"]
    deeds = shop.dataset(group, "Action_Interactions", *ACTION_INTERACTIONS)
    actions = shop.dataset(group, "Actions", *ACTIONS)
    visits = shop.dataset(group, "Interactions", *INTERACTIONS)
    kinds = ("book", "film")
    seen = [f"u{u},{kinds[u % 2]}{n},{now - 40 * DAY + n}" for u in range(USERS) for n in range(4)]
    shop.load(visits, ["USER_ID,ITEM_ID,TIMESTAMP", *seen])
    done = [
        f"u{u},{action},{'Taken' if u % 2 == half else 'Not Taken'},{now - (5 + u % 20) * DAY}"
        for u in range(USERS)
        for half, action in enumerate(("join-loyalty", "install-app"))
    ]
    shop.load(deeds, ["USER_ID,ACTION_ID,EVENT_TYPE,TIMESTAMP", *done])
    rows = ["join-loyalty,8,mail,,", "install-app,5,push,,", f"old-campaign,9,mail,{now - 1},"]
    shop.load(actions, [",".join(name for name, _ in ACTIONS), *rows])
    return {
        "group": group,
        "actions": actions,
        "trackingId": p.describe_dataset(datasetArn=deeds)["dataset"]["trackingId"],
    }


@pytest.fixture(scope="module")
def campaign(shop: Site, tracking: dict[str, str]) -> str:
    p = shop.personalize
    solution = p.create_solution(
        name="engage",
        datasetGroupArn=tracking["group"],
        recipeArn="arn:aws:personalize:::recipe/aws-next-best-action",
        solutionConfig={"algorithmHyperParameters": {"action_optimization_period": "7"}},
        performAutoTraining=False,
    )["solutionArn"]
    version = p.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    shop.work()
    assert shop.version(version)["status"] == "ACTIVE", shop.version(version)
    metrics = p.get_solution_metrics(solutionVersionArn=version)["metrics"]
    assert metrics["area_under_curve"] > 0.9 and metrics["coverage"] > 0
    arn = p.create_campaign(name="engage", solutionVersionArn=version)["campaignArn"]
    assert p.describe_campaign(campaignArn=arn)["campaign"]["status"] == "ACTIVE"
    return str(arn)


def best(shop: Site, campaign: str, user: str, **more: Any) -> dict[str, float]:
    answer = shop.runtime.get_action_recommendations(campaignArn=campaign, userId=user, **more)
    assert answer["recommendationId"].startswith("RID-")
    return {each["actionId"]: each["score"] for each in answer["actionList"]}


def test_what_a_user_will_do_next(shop: Site, campaign: str):
    reader, viewer = best(shop, campaign, "u0"), best(shop, campaign, "u1")
    assert list(reader) == ["join-loyalty", "install-app"] and list(viewer) == ["install-app", "join-loyalty"]
    assert reader["join-loyalty"] > 0.7 > 0.3 > reader["install-app"] > 0  # and the old campaign has ended
    assert len(best(shop, campaign, "somebody new")) == 2


def test_interactions_count_at_once(shop: Site, campaign: str, tracking: dict[str, str]):
    put = {"actionId": "call-us", "properties": json.dumps({"value": 2, "channel": "phone", "repeatFrequency": 30})}
    shop.events.put_actions(datasetArn=tracking["actions"], actions=[put])
    eventually(lambda: "call-us" in best(shop, campaign, "u2"))
    now = int(time.time())
    viewed = {"actionId": "call-us", "userId": "u2", "sessionId": "s2", "timestamp": now, "eventType": "Viewed"}
    shop.events.put_action_interactions(trackingId=tracking["trackingId"], actionInteractions=[viewed])
    assert "call-us" not in best(shop, campaign, "u2")  # it rests for 30 days
    assert "call-us" in best(shop, campaign, "u4")
    shop.clock.ahead = 31 * DAY
    assert "call-us" in best(shop, campaign, "u2")
    shop.clock.ahead = 0


def test_a_new_action_is_explored(shop: Site, campaign: str, tracking: dict[str, str]):
    shop.events.put_actions(
        datasetArn=tracking["actions"], actions=[{"actionId": "write-review", "properties": json.dumps({"value": 3})}]
    )
    eventually(lambda: "write-review" in best(shop, campaign, "u6"))
    assert best(shop, campaign, "u6")["write-review"] == 0.0


def test_filters(shop: Site, campaign: str, tracking: dict[str, str]):
    p = shop.personalize
    by_channel = p.create_filter(
        name="by-channel",
        datasetGroupArn=tracking["group"],
        filterExpression="INCLUDE ActionID WHERE Actions.CHANNEL IN ($CHANNEL)",
    )["filterArn"]
    untaken = p.create_filter(
        name="untaken",
        datasetGroupArn=tracking["group"],
        filterExpression='EXCLUDE ActionID WHERE Action_Interactions.EVENT_TYPE IN ("Taken")',
    )["filterArn"]
    mail = {"filterArn": by_channel, "filterValues": {"CHANNEL": '"mail"'}}
    assert set(best(shop, campaign, "u8", **mail)) == {"join-loyalty"}
    assert "join-loyalty" not in best(shop, campaign, "u8", filterArn=untaken)
    assert best(shop, campaign, "u8", filterArn=by_channel, filterValues={"CHANNEL": '"pigeon"'}) == {}
    with pytest.raises(shop.runtime.exceptions.InvalidInputException, match="CHANNEL has no value"):
        best(shop, campaign, "u8", filterArn=by_channel)


def test_what_is_refused(shop: Site, campaign: str, tracking: dict[str, str], tmp_path: Path):
    runtime = shop.runtime
    with pytest.raises(runtime.exceptions.InvalidInputException, match="GetActionRecommendations only"):
        runtime.get_recommendations(campaignArn=campaign, userId="u0")
    with pytest.raises(runtime.exceptions.InvalidInputException, match="userId"):
        runtime.get_action_recommendations(campaignArn=campaign)
    with pytest.raises(runtime.exceptions.ResourceNotFoundException):
        best(shop, campaign.replace("engage", "other"), "u0")
    p = shop.personalize
    bare = p.create_dataset_group(name="bare")["datasetGroupArn"]
    shop.load(shop.dataset(bare, "Interactions", *INTERACTIONS), ["USER_ID,ITEM_ID,TIMESTAMP", "u,i,1"])
    with pytest.raises(ClientError, match="aws-next-best-action needs an Actions dataset"):
        solution = p.create_solution(
            name="bare",
            datasetGroupArn=bare,
            recipeArn="arn:aws:personalize:::recipe/aws-next-best-action",
            performAutoTraining=False,
        )["solutionArn"]
        p.create_solution_version(solutionArn=solution)
