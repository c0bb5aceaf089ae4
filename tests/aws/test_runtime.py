"""GetRecommendations and GetPersonalizedRanking: what reaches the engine, and what comes back."""

from __future__ import annotations

import pytest

from engine import Promotion, Question
from tests.aws.world import ACCOUNT, Clients, World

CAMPAIGN = f"arn:aws:personalize:us-east-1:{ACCOUNT}:campaign/home"
FILTER = f"arn:aws:personalize:us-east-1:{ACCOUNT}:filter/unseen"


def test_every_member_reaches_the_question(aws: Clients, world: World):
    aws.runtime.get_recommendations(
        campaignArn=CAMPAIGN,
        userId="u",
        itemId="i",
        numResults=3,
        context={"DEVICE": "phone"},
        filterArn=FILTER,
        filterValues={"G": '"a"'},
    )
    assert world.questions == [
        Question(
            campaign=CAMPAIGN,
            account=ACCOUNT,
            user="u",
            item="i",
            num_results=3,
            context={"DEVICE": "phone"},
            filter=FILTER,
            filter_values={"G": '"a"'},
        )
    ]


@pytest.mark.parametrize(("asked", "given"), [({}, 25), ({"numResults": 0}, 25), ({"numResults": 500}, 500)])
def test_how_many(aws: Clients, asked: dict[str, int], given: int):
    answer = aws.runtime.get_recommendations(campaignArn=CAMPAIGN, userId="u", **asked)
    assert len(answer["itemList"]) == given
    assert answer["itemList"][0] == {"itemId": "i0", "score": 0.5}
    assert answer["recommendationId"].startswith("RID-") and len(answer["recommendationId"]) == 40


def test_a_recommender_is_asked_by_its_own_arn(aws: Clients, world: World):
    recommender = CAMPAIGN.replace("campaign", "recommender")
    aws.runtime.get_recommendations(recommenderArn=recommender, userId="u")
    assert world.questions[0].campaign == recommender


def test_ranks_the_candidates_each_once(aws: Clients, world: World):
    answer = aws.runtime.get_personalized_ranking(
        campaignArn=CAMPAIGN, userId="u", inputList=["b", "a", "b", "unknown"]
    )
    assert [item["itemId"] for item in answer["personalizedRanking"]] == ["b", "a", "unknown"]
    assert "score" not in answer["personalizedRanking"][2]
    assert world.questions[0].candidates == ("b", "a", "unknown")


def test_metadata_is_text(aws: Clients):
    answer = aws.runtime.get_recommendations(
        campaignArn=CAMPAIGN, userId="u", numResults=2, metadataColumns={"ITEMS": ["PRICE"]}
    )
    assert answer["itemList"] == [
        {"itemId": "i0", "score": 0.5, "metadata": {"price": "7"}},
        {"itemId": "i1", "score": 0.25},
    ]


def test_a_promotion_reaches_the_question_and_comes_back_with_reasons(aws: Clients, world: World):
    promotion = {"name": "sale", "percentPromotedItems": 10, "filterArn": FILTER, "filterValues": {"G": '"a"'}}
    answer = aws.runtime.get_recommendations(campaignArn=CAMPAIGN, userId="u", promotions=[promotion])
    assert world.questions[0].promotion == Promotion(name="sale", percent=10, filter=FILTER, filter_values={"G": '"a"'})
    assert answer["itemList"] == [
        {"itemId": "i0", "score": 0.5},
        {"itemId": "i1", "promotionName": "sale", "reason": ["Promoted item"]},
        {"itemId": "i2", "reason": ["Popular item"]},
    ]


def test_metadata_must_be_enabled(aws: Clients):
    bare = CAMPAIGN.replace("home", "bare")
    wanted = {"metadataColumns": {"ITEMS": ["PRICE"]}, "userId": "u", "campaignArn": bare}
    calls = ((aws.runtime.get_recommendations, {}), (aws.runtime.get_personalized_ranking, {"inputList": ["a"]}))
    for call, more in calls:
        with pytest.raises(aws.runtime.exceptions.InvalidInputException, match="enableMetadataWithRecommendations"):
            call(**wanted, **more)


def test_a_missing_campaign_is_404(aws: Clients):
    missing = CAMPAIGN.replace("home", "missing")
    with pytest.raises(aws.runtime.exceptions.ResourceNotFoundException) as refused:
        aws.runtime.get_recommendations(campaignArn=missing, userId="u")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert refused.value.response["Error"]["Message"] == f"Resource Arn {missing} does not exist."
