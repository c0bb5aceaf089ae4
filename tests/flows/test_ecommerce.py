"""A shop with a domain dataset group: the five use cases of ECOMMERCE, stopped, started, updated and deleted."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.flows.cloud import START, Cloud
from tests.flows.recommenders import Recommenders
from tests.flows.site import eventually

DOMAIN = {"domain": "ECOMMERCE"}
INTERACTIONS = [
    {"name": "USER_ID", "type": "string"},
    {"name": "ITEM_ID", "type": "string"},
    {"name": "EVENT_TYPE", "type": "string"},
    {"name": "TIMESTAMP", "type": "long"},
]
ITEMS = [
    {"name": "ITEM_ID", "type": "string"},
    {"name": "PRICE", "type": "float"},
    {"name": "CATEGORY_L1", "type": ["string"], "categorical": True},
]
USERS = [
    {"name": "USER_ID", "type": "string"},
    {"name": "MEMBERSHIP_STATUS", "type": "string", "categorical": True},
]


@pytest.fixture(scope="module")
def shop(account: Cloud) -> Recommenders:
    """Everybody views p0 to p5, p0 the most; they buy in pairs: p6 with p7, p8 with p9, the first pair more often."""
    group = account.group("shop", **DOMAIN)
    views = [f"u{u},p{p},View,{START + u * 100 + p}" for u in range(12) for p in range(min(u + 1, 6))]
    pairs = [(6, 7) if u % 3 else (8, 9) for u in range(12)]
    buys = [f"u{u},p{p},Purchase,{START + u * 100 + 50 + p}" for u, pair in enumerate(pairs) for p in pair]
    account.load(group, "Interactions", INTERACTIONS, views + buys, **DOMAIN)
    account.load(group, "Items", ITEMS, [f"p{n},{n}.99,{('shoes', 'hats')[n % 2]}" for n in range(10)], **DOMAIN)
    account.load(group, "Users", USERS, [f"u{n},{('gold', 'none')[n % 2]}" for n in range(12)], **DOMAIN)
    return Recommenders(account, group)


def test_most_viewed_and_best_sellers(shop: Recommenders):
    viewed = shop.make("most-viewed", "aws-ecomm-popular-items-by-views")
    assert shop.ask(viewed, userId="u1") == ["p0", "p1", "p2", "p3", "p4"]
    sellers = shop.make("best-sellers", "aws-ecomm-popular-items-by-purchases")
    assert set(shop.ask(sellers, userId="u1", numResults=2)) == {"p6", "p7"}
    with pytest.raises(shop.account.runtime.exceptions.InvalidInputException, match="userId"):
        shop.ask(viewed)


def test_items_beside_an_item(shop: Recommenders):
    bought = shop.make("bought-together", "aws-ecomm-frequently-bought-together")
    assert shop.ask(bought, itemId="p6", numResults=1) == ["p7"]
    also = shop.make("viewed-x", "aws-ecomm-customers-who-viewed-x-also-viewed")
    assert set(shop.ask(also, itemId="p0", userId="u1")) <= {f"p{n}" for n in range(1, 10)} - {"p6", "p7"}  # u1's
    for missing in ({"userId": "u1"}, {"itemId": "p0"}):
        with pytest.raises(shop.account.runtime.exceptions.InvalidInputException):
            shop.ask(also, **missing)


def test_recommended_for_you_without_what_was_bought(shop: Recommenders):
    arn = shop.make("for-you", "aws-ecomm-recommended-for-you")
    assert not {"p6", "p7"} & set(shop.ask(arn, userId="u1", numResults=10))
    assert "p5" in shop.ask(arn, userId="fresh", numResults=10)
    p, group = shop.account.personalize, shop.group
    tracker = p.create_event_tracker(name="shop", datasetGroupArn=group)["trackingId"]
    event = {"eventType": "purchase", "itemId": "p5", "sentAt": int(time.time())}
    shop.account.events.put_events(trackingId=tracker, userId="fresh", sessionId="s", eventList=[event])
    deadline = time.monotonic() + 1
    while "p5" in shop.ask(arn, userId="fresh", numResults=10):
        assert time.monotonic() < deadline


def test_stopped_started_updated_and_deleted(shop: Recommenders):
    p = shop.account.personalize
    arn = shop.make("seasonal", "aws-ecomm-popular-items-by-views")
    assert p.stop_recommender(recommenderArn=arn)["recommenderArn"] == arn
    shop.wait(arn, "INACTIVE")
    eventually(lambda: refused(shop, arn, "INACTIVE"))  # every worker hears of it within the second
    p.start_recommender(recommenderArn=arn)
    shop.wait(arn)
    assert len(shop.ask(arn, userId="u1")) == 5
    p.update_recommender(
        recommenderArn=arn,
        recommenderConfig={"minRecommendationRequestsPerSecond": 2, "enableMetadataWithRecommendations": True},
    )
    shop.wait(arn)
    columns = {"metadataColumns": {"ITEMS": ["CATEGORY_L1"]}}
    eventually(lambda: not refused(shop, arn, "enableMetadata", **columns))
    answer = shop.account.runtime.get_recommendations(recommenderArn=arn, userId="u1", numResults=1, **columns)
    assert answer["itemList"] == [{"itemId": "p0", "metadata": {"categoryL1": "shoes"}}]
    p.delete_recommender(recommenderArn=arn)
    eventually(lambda: refused(shop, arn, "does not exist"))


def refused(shop: Recommenders, arn: str, words: str, **asked: Any) -> bool:
    try:
        shop.ask(arn, userId="u1", **asked)
    except ClientError as error:
        assert words in str(error)
        return True
    return False


def test_the_other_domains_use_cases_are_refused(shop: Recommenders):
    p = shop.account.personalize
    with pytest.raises(p.exceptions.ResourceInUseException):
        p.delete_dataset_group(datasetGroupArn=shop.group)
    with pytest.raises(p.exceptions.InvalidInputException, match="aws-vod-top-picks"):
        p.create_recommender(
            name="films", datasetGroupArn=shop.group, recipeArn="arn:aws:personalize:::recipe/aws-vod-top-picks"
        )
