"""Promotions: a share of the answer for items that a filter picks, among the recommendations, and called by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.flows.cloud import START, Cloud, wait

INTERACTIONS = [
    {"name": "USER_ID", "type": "string"},
    {"name": "ITEM_ID", "type": "string"},
    {"name": "TIMESTAMP", "type": "long"},
]
ITEMS = [
    {"name": "ITEM_ID", "type": "string"},
    {"name": "KIND", "type": "string", "categorical": True},
    {"name": "STOCK", "type": "int"},
]
Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def group(account: Cloud) -> str:
    """Books b0 to b19, the lower the more wanted; every fourth is of our own press, and b0 is sold out."""
    group = account.group("books")
    bought = [f"u{u},b{b},{START + u * 20 + b}" for u in range(20) for b in range(u + 1)]
    account.load(group, "Interactions", INTERACTIONS, bought)
    rows = [f"b{n},{'own' if n % 4 == 3 else 'other'},{0 if n == 0 else 5}" for n in range(20)]
    account.load(group, "Items", ITEMS, rows)
    return group


@pytest.fixture(scope="module")
def filters(account: Cloud, group: str) -> dict[str, str]:
    p, found = account.personalize, {}
    for name, expression in {
        "kind": "INCLUDE ItemID WHERE Items.KIND IN ($KIND)",
        "in-stock": "INCLUDE ItemID WHERE Items.STOCK > 0",
    }.items():
        arn = p.create_filter(name=name, datasetGroupArn=group, filterExpression=expression)["filterArn"]
        wait(lambda: p.describe_filter(filterArn=arn)["filter"])  # noqa: B023
        found[name] = arn
    return found


@pytest.fixture(scope="module")
def ask(account: Cloud, group: str) -> Ask:
    version = account.train(group, "aws-popularity-count")
    campaign = account.personalize.create_campaign(name="books", solutionVersionArn=version)["campaignArn"]
    wait(lambda: account.personalize.describe_campaign(campaignArn=campaign)["campaign"])

    def ask(**asked: Any) -> list[dict[str, Any]]:
        given = {"campaignArn": campaign, "userId": "u1", "numResults": 10, **asked}
        return list(account.runtime.get_recommendations(**given)["itemList"])

    return ask


def named(items: list[dict[str, Any]], *, promoted: bool) -> list[str]:
    return [item["itemId"] for item in items if ("promotionName" in item) == promoted]


def test_a_share_of_the_answer(ask: Ask, filters: dict[str, str]):
    promotion = {
        "name": "our-press",
        "percentPromotedItems": 30,
        "filterArn": filters["kind"],
        "filterValues": {"KIND": '"own"'},
    }
    answer = ask(promotions=[promotion])
    assert named(answer, promoted=True) == ["b3", "b7", "b11"]  # by relevance among themselves
    assert named(answer, promoted=False) == ["b0", "b1", "b2", "b4", "b5", "b6", "b8"]
    assert {item["promotionName"] for item in answer if "promotionName" in item} == {"our-press"}


def test_the_filter_is_for_the_others(ask: Ask, filters: dict[str, str]):
    promotion = {"name": "all", "percentPromotedItems": 10, "filterArn": filters["kind"]}
    answer = ask(
        filterArn=filters["in-stock"], promotions=[{**promotion, "filterValues": {"KIND": '"other"'}}], numResults=5
    )
    assert named(answer, promoted=True) == ["b0"]  # sold out: who minds says so in the promotion's filter
    assert named(answer, promoted=False) == ["b1", "b2", "b3", "b4"]


def test_too_few_to_promote(ask: Ask, filters: dict[str, str]):
    promotion = {"name": "p", "percentPromotedItems": 100, "filterArn": filters["kind"]}
    answer = ask(promotions=[{**promotion, "filterValues": {"KIND": '"own"'}}])
    assert len(named(answer, promoted=True)) == 5 and len(answer) == 10


def test_one_at_a_time(account: Cloud, ask: Ask, filters: dict[str, str]):
    promotion = {"name": "p", "percentPromotedItems": 10, "filterArn": filters["in-stock"]}
    with pytest.raises(account.runtime.exceptions.InvalidInputException, match="promotions"):
        ask(promotions=[promotion, promotion])
