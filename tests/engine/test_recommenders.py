"""Recommenders in the engine: each use case trains, answers without what it drops, and stops answering when told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import InvalidInput, NotFound, Question
from engine.use_cases import USE_CASES
from tests.engine.shop import HOME, T0, Shop

COLUMNS = {
    "INTERACTIONS": ["USER_ID string", "ITEM_ID string", "TIMESTAMP long", "EVENT_TYPE string"],
    "ECOMMERCE": ["ITEM_ID string", "PRICE float", "CATEGORY_L1 string"],
    "VIDEO_ON_DEMAND": ["ITEM_ID string", "CREATION_TIMESTAMP long", "GENRES string"],
}
DEEDS = {"ECOMMERCE": ("View", "Purchase"), "VIDEO_ON_DEMAND": ("Click", "Watch")}
ARN = f"{HOME}recommender/r"


def furnish(shop: Shop, domain: str) -> Shop:
    """User u looks at the items 0..7 that are as odd or even as u, and takes the first two of them."""
    shop.do("CreateDatasetGroup", name="shop", domain=domain)
    for kind, columns in (("INTERACTIONS", COLUMNS["INTERACTIONS"]), ("ITEMS", COLUMNS[domain])):
        fields: list[dict[str, Any]] = [dict(zip(("name", "type"), c.split(), strict=True)) for c in columns]
        for field in fields:
            if field["name"] in ("CATEGORY_L1", "GENRES"):
                field["categorical"] = True
        record = {"type": "record", "name": kind.capitalize(), "fields": fields, "version": "1.0"}
        schema = shop.do("CreateSchema", name=kind, schema=json.dumps(record), domain=domain)["schemaArn"]
        shop.do("CreateDataset", name=kind, schemaArn=schema, datasetGroupArn=shop.group, datasetType=kind)
    looks, takes = DEEDS[domain]
    rows = [f"u{u},i{i},{T0 + i},{looks}" for u in range(8) for i in range(8) if u % 2 == i % 2]
    rows += [f"u{u},i{i},{T0 + 100 + i},{takes}" for u in range(8) for i in range(4) if u % 2 == i % 2]
    shop.load("INTERACTIONS", ["USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE", *rows])
    middle = "1.5" if domain == "ECOMMERCE" else str(T0)
    header = ",".join(column.split()[0] for column in COLUMNS[domain])
    shop.load("ITEMS", [header, *(f"i{i},{middle},{'odd' if i % 2 else 'even'}" for i in range(8))])
    return shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    yield shop
    shop.close()


def recommend(shop: Shop, use_case: str, **more: Any) -> str:
    recipe = f"arn:aws:personalize:::recipe/{use_case}"
    made = shop.do("CreateRecommender", name="r", datasetGroupArn=shop.group, recipeArn=recipe, **more)
    shop.work()
    return str(made["recommenderArn"])


def shown(shop: Shop) -> dict[str, Any]:
    found: dict[str, Any] = shop.do("DescribeRecommender", recommenderArn=ARN)["recommender"]
    return found


def ask(shop: Shop, **more: Any) -> list[str]:
    ranked = shop.engine.answers.recommend(Question(campaign=ARN, **{"num_results": 8, **more}))
    assert set(ranked.scores) <= {None} and ranked.model.startswith("r/")
    return list(ranked.items)


@pytest.mark.parametrize("name", sorted(USE_CASES))
def test_every_use_case_answers_without_what_it_drops(shop: Shop, name: str):
    use_case = USE_CASES[name]
    furnish(shop, use_case.domain)
    recommend(shop, name)
    described = shown(shop)
    assert described["status"] == "ACTIVE", described
    assert "precision_at_5" in described["modelMetrics"]
    items = ask(shop, user="u0", item="i4")
    taken = {"i0", "i2"}
    assert items and (taken.isdisjoint(items) if use_case.drops else True)
    if use_case.event_type in ("Purchase", "Watch") and not use_case.drops:
        assert set(items[:4]) == {"i0", "i1", "i2", "i3"}


def test_what_is_bought_now_is_dropped_now(shop: Shop):
    furnish(shop, "ECOMMERCE")
    shop.tracking = shop.do("CreateEventTracker", name="t", datasetGroupArn=shop.group)["trackingId"]
    recommend(shop, "aws-ecomm-recommended-for-you")
    first = ask(shop, user="new")[0]
    shop.click("new", first, 200, event_type="View")
    assert first in ask(shop, user="new")
    shop.click("new", first, 201, event_type="purchase")
    assert first not in ask(shop, user="new")


def test_use_cases_ask_for_users_and_items(shop: Shop):
    furnish(shop, "ECOMMERCE")
    recommend(shop, "aws-ecomm-popular-items-by-views")
    with pytest.raises(InvalidInput, match="userId is required"):
        ask(shop)
    shop.do("DeleteRecommender", recommenderArn=ARN)
    shop.engine.feed.catch_up()
    with pytest.raises(NotFound):
        ask(shop, user="u0")
    recommend(shop, "aws-ecomm-frequently-bought-together")
    assert ask(shop, item="i0")
    with pytest.raises(InvalidInput, match="itemId is required"):
        ask(shop, user="u0")


def test_a_stopped_recommender_refuses_and_a_started_one_answers_as_before(shop: Shop):
    furnish(shop, "ECOMMERCE")
    recommend(shop, "aws-ecomm-popular-items-by-views")
    before = ask(shop, user="u0")
    shop.do("StopRecommender", recommenderArn=ARN)
    shop.engine.feed.catch_up()
    with pytest.raises(InvalidInput, match="INACTIVE"):
        ask(shop, user="u0")
    shop.do("StartRecommender", recommenderArn=ARN)
    shop.engine.feed.catch_up()
    assert ask(shop, user="u0") == before


def test_a_training_without_the_events_fails_and_says_why(shop: Shop):
    furnish(shop, "ECOMMERCE")
    shop.load("INTERACTIONS", ["USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE", f"u,i1,{T0},View"])
    recommend(shop, "aws-ecomm-popular-items-by-purchases")
    described = shown(shop)
    assert described["status"] == "CREATE FAILED" and "event type: Purchase" in described["failureReason"]
    with pytest.raises(InvalidInput, match="CREATE FAILED"):
        ask(shop, user="u")


def test_another_training_changes_the_model_and_a_failed_one_does_not(shop: Shop):
    furnish(shop, "ECOMMERCE")
    recommend(shop, "aws-ecomm-popular-items-by-purchases")
    models = []
    for columns, lines in (({"ITEMS": ["PRICE"]}, []), ({}, [f"u,i7,{T0},View"])):
        if lines:
            shop.load("INTERACTIONS", ["USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE", *lines])
        config = {"trainingDataConfig": {"excludedDatasetColumns": columns}}
        shop.do("UpdateRecommender", recommenderArn=ARN, recommenderConfig=config)
        shop.work()
        models.append((shown(shop)["status"], shown(shop)["latestRecommenderUpdate"]["status"]))
        assert len(ask(shop, user="u0")) == 8
    assert models == [("ACTIVE", "ACTIVE"), ("ACTIVE", "CREATE FAILED")]


def test_another_process_answers_too(shop: Shop, tmp_path: Path):
    furnish(shop, "ECOMMERCE")
    recommend(shop, "aws-ecomm-popular-items-by-views")
    other = Shop(tmp_path, start=1_000_000)
    assert ask(other, user="u0") == ask(shop, user="u0")
    other.close()
