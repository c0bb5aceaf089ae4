"""Solutions, their versions and campaigns: what is trained, when, and what answers."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from engine.records import SolutionRecord
from tests.aws.flow import PERSONAL, POPULAR, Flow
from tests.aws.world import Clients, World

V1 = "arn:aws:personalize:::recipe/aws-user-personalization"


def code_of(error: ClientError) -> str:
    return error.response["Error"]["Code"]


def test_automatic_training_is_due_within_an_hour(aws: Clients, flow: Flow, world: World):
    p = aws.personalize
    solution = p.create_solution(name="auto", recipeArn=POPULAR, datasetGroupArn=flow.group)["solutionArn"]
    shown = p.describe_solution(solutionArn=solution)["solution"]
    assert shown["performAutoTraining"] is True
    due = world.records.get(solution, SolutionRecord).next_training_at
    assert due is not None and 3590 < due - world.clock.now <= 3600


def test_no_automatic_training_when_told_so(aws: Clients, flow: Flow, world: World):
    shown = aws.personalize.describe_solution(solutionArn=flow.solution)["solution"]
    assert shown["performAutoTraining"] is False and "latestSolutionVersion" not in shown
    assert world.records.get(flow.solution, SolutionRecord).next_training_at is None


def test_a_version_is_the_solution_as_configured(aws: Clients, flow: Flow):
    p = aws.personalize
    config = {
        "eventValueThreshold": "0.5",
        "algorithmHyperParameters": {"training.apply_recency_bias": "false"},
        "eventsConfig": {"eventParametersList": [{"eventType": "buy", "weight": 1.0, "eventValueThreshold": 0.5}]},
        "trainingDataConfig": {"excludedDatasetColumns": {"ITEMS": ["PRICE"]}},
        "autoTrainingConfig": {"schedulingExpression": "rate(7 days)"},
    }
    solution = p.create_solution(
        name="personal",
        recipeArn=PERSONAL,
        datasetGroupArn=flow.group,
        eventType="buy",
        performAutoTraining=False,
        solutionConfig=config,
        tags=[{"tagKey": "team", "tagValue": "web"}],
    )["solutionArn"]
    version = p.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    shown = p.describe_solution_version(solutionVersionArn=version)["solutionVersion"]
    assert shown["solutionConfig"] == config == p.describe_solution(solutionArn=solution)["solution"]["solutionConfig"]
    assert (shown["eventType"], shown["trainingType"], shown["recipeArn"]) == ("buy", "MANUAL", PERSONAL)
    prefix, _, digits = version.rpartition("/")
    assert prefix == solution and len(digits) == 8 and shown["name"] == f"personal/{digits}"


def test_metrics_wait_for_the_version(aws: Clients, flow: Flow, world: World):
    p = aws.personalize
    version = p.create_solution_version(solutionArn=flow.solution)["solutionVersionArn"]
    with pytest.raises(p.exceptions.ResourceInUseException):
        p.get_solution_metrics(solutionVersionArn=version)
    world.finish(version, "CREATE FAILED", failure_reason="Dataset has fewer than 25 users.")
    with pytest.raises(p.exceptions.InvalidInputException, match="CREATE FAILED"):
        p.get_solution_metrics(solutionVersionArn=version)
    assert p.get_solution_metrics(solutionVersionArn=flow.version)["metrics"] == {"coverage": 0.5}


def test_a_version_can_be_named_once(aws: Clients, flow: Flow):
    p = aws.personalize
    arn = p.create_solution_version(solutionArn=flow.solution, name="spring")["solutionVersionArn"]
    assert p.describe_solution_version(solutionVersionArn=arn)["solutionVersion"]["name"] == "spring"
    with pytest.raises(p.exceptions.ResourceAlreadyExistsException):
        p.create_solution_version(solutionArn=flow.solution, name="spring")


def test_an_update_needs_a_full_version(aws: Clients, flow: Flow, world: World):
    p = aws.personalize
    solution = p.create_solution(name="v1", recipeArn=V1, datasetGroupArn=flow.group)["solutionArn"]
    with pytest.raises(p.exceptions.InvalidInputException, match="FULL"):
        p.create_solution_version(solutionArn=solution, trainingMode="UPDATE")
    world.finish(p.create_solution_version(solutionArn=solution)["solutionVersionArn"])
    update = p.create_solution_version(solutionArn=solution, trainingMode="UPDATE")["solutionVersionArn"]
    shown = p.describe_solution_version(solutionVersionArn=update)["solutionVersion"]
    assert shown["trainingMode"] == "UPDATE"


def test_a_campaign_is_announced_when_made_changed_and_deleted(aws: Clients, flow: Flow, world: World):
    p = aws.personalize
    campaign, first = flow.campaign, flow.version
    second = p.create_solution_version(solutionArn=flow.solution)["solutionVersionArn"]
    with pytest.raises(p.exceptions.ResourceInUseException):
        p.update_campaign(campaignArn=campaign, solutionVersionArn=second)
    world.finish(second)
    p.update_campaign(campaignArn=campaign, solutionVersionArn=second, minProvisionedTPS=3)
    shown = p.describe_campaign(campaignArn=campaign)["campaign"]
    assert shown["solutionVersionArn"] == second != first
    assert (shown["status"], shown["minProvisionedTPS"]) == ("ACTIVE", 3)
    update = shown["latestCampaignUpdate"]
    assert (update["status"], update["solutionVersionArn"], update["minProvisionedTPS"]) == ("ACTIVE", second, 3)
    p.delete_campaign(campaignArn=campaign)
    assert [(kind, key) for _, kind, key in world.announced()] == [("deploy", campaign)] * 3


def test_update_campaign_leaves_what_is_not_given(aws: Clients, flow: Flow):
    p = aws.personalize
    p.update_campaign(campaignArn=flow.campaign, campaignConfig={"enableMetadataWithRecommendations": True})
    shown = p.describe_campaign(campaignArn=flow.campaign)["campaign"]
    assert shown["solutionVersionArn"] == flow.version and shown["minProvisionedTPS"] == 1
    assert shown["campaignConfig"] == {"enableMetadataWithRecommendations": True}


def test_latest_means_the_newest_active_version(aws: Clients, flow: Flow, world: World):
    p = aws.personalize
    latest = f"{flow.solution}/$LATEST"
    with pytest.raises(p.exceptions.ResourceInUseException, match="no solution version in ACTIVE"):
        p.create_campaign(name="follows", solutionVersionArn=latest)
    assert flow.version
    p.create_solution_version(solutionArn=flow.solution)
    campaign = p.create_campaign(
        name="follows", solutionVersionArn=latest, campaignConfig={"syncWithLatestSolutionVersion": True}
    )["campaignArn"]
    assert p.describe_campaign(campaignArn=campaign)["campaign"]["solutionVersionArn"] == flow.version


def test_exploration_is_for_the_first_user_personalization(aws: Clients, flow: Flow, world: World):
    p = aws.personalize
    solution = p.create_solution(name="v1", recipeArn=V1, datasetGroupArn=flow.group)["solutionArn"]
    version = p.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    world.finish(version)
    good = {"explorationWeight": "0.3", "explorationItemAgeCutOff": "30"}
    p.create_campaign(name="a", solutionVersionArn=version, campaignConfig={"itemExplorationConfig": good})
    for bad in (
        {"explorationWeight": "2"},
        {"explorationWeight": "much"},
        {"explorationItemAgeCutOff": "0"},
        {"x": "1"},
    ):
        with pytest.raises(p.exceptions.InvalidInputException, match="itemExplorationConfig"):
            p.create_campaign(name="b", solutionVersionArn=version, campaignConfig={"itemExplorationConfig": bad})
