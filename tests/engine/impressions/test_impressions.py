"""Impressions (specification §5.3): told outright, by an answer's name, or in a CSV; every process counts the same."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from engine import Question
from tests.engine.shop import T0, Shop

ITEMS = ("i1", "i2", "i3", "i4")
FIELDS: list[dict[str, Any]] = [
    {"name": "USER_ID", "type": "string"},
    {"name": "ITEM_ID", "type": "string"},
    {"name": "TIMESTAMP", "type": "long"},
    {"name": "IMPRESSION", "type": ["null", "string"]},
]


@pytest.fixture
def two(open_shop: Callable[..., Shop]) -> tuple[Shop, Shop]:
    """Two processes' views of a shop of four items; the first has answers to give."""
    shop = open_shop().furnish()
    shop.load_clicks(*(f"u{user} {item} {user}" for user, item in enumerate(ITEMS)))
    shop.deploy(shop.train())
    shop.engine.feed.catch_up()
    other = open_shop()
    other.tracking = shop.tracking
    return shop, other


def counts(shop: Shop, items: tuple[str, ...] = ITEMS) -> list[int]:
    shop.engine.feed.catch_up()
    group = shop.engine.follower.group(shop.uid)
    shown = group.exposure.impressions(len(group.items)).tolist()
    return [shown[group.items.find(item)] for item in items]


def answer(shop: Shop, count: int = 3, stable: bool = False) -> tuple[str, list[int]]:
    """Its name, and 1 for each of ITEMS that it shows."""
    ranked = shop.engine.answers.recommend(Question(campaign="home", user="u1", num_results=count, stable_id=stable))
    shop.engine.shown.flush()
    return ranked.recommendation_id, [int(item in ranked.items) for item in ITEMS]


def test_told_outright(two: tuple[Shop, Shop]):
    two[0].click("u1", "i1", 10, impression=("i1", "i2", "unheard-of"))
    two[0].click("u1", "i2", 11, impression=("i2",))
    assert [counts(shop) for shop in two] == [[1, 2, 0, 0]] * 2


def test_told_by_the_name_of_another_process_s_answer(two: tuple[Shop, Shop]):
    one, other = two
    name, shown = answer(one)
    other.click("u1", "i1", 10, recommendation_id=name)
    other.engine.impressions.settle()
    assert counts(other) == counts(one) == shown and sum(shown) == 3


def test_what_is_told_outright_wins(two: tuple[Shop, Shop]):
    shop = two[0]
    name, _ = answer(shop)
    shop.click("u1", "i1", 10, recommendation_id=name, impression=("i4",))
    shop.engine.impressions.settle()
    assert counts(shop) == [0, 0, 0, 1]


def test_one_answer_counts_once_for_one_user_whatever_the_user_did_with_it(two: tuple[Shop, Shop]):
    name, shown = answer(two[0], stable=True)
    for second, (shop, user) in enumerate(((two[0], "u1"), (two[0], "u1"), (two[1], "u1"), (two[1], "u2")), 10):
        shop.click(user, "i1", second, recommendation_id=name)
        shop.engine.impressions.settle()
    assert counts(two[0]) == [2 * each for each in shown]


def test_an_answer_that_nobody_gave_counts_nothing_and_is_given_up(two: tuple[Shop, Shop]):
    shop = two[0]
    shop.click("u1", "i1", 10, recommendation_id="RID-00000000-0000-4000-8000-000000000000")
    shop.click("u1", "i1", 11, recommendation_id="our own")
    for _ in range(3):
        shop.engine.impressions.settle()
    assert counts(shop) == [0] * 4 and not shop.engine.impressions._waiting


def test_an_answer_that_is_not_written_yet_is_looked_for_again(two: tuple[Shop, Shop]):
    one, other = two
    ranked = one.engine.answers.recommend(Question(campaign="home", user="u1", num_results=3))
    other.click("u1", "i1", 10, recommendation_id=ranked.recommendation_id)
    deadline = time.monotonic() + 10
    while sum(counts(other)) < 3:  # both threads do it by themselves
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_counts_outlive_snapshots_and_restarts(two: tuple[Shop, Shop], open_shop: Callable[..., Shop]):
    shop = two[0]
    name, shown = answer(shop)
    shop.click("u1", "i1", 10, recommendation_id=name)
    shop.engine.impressions.settle()
    shop.click("u1", "i2", 11, impression=("i4",))
    expected = [*shown[:3], shown[3] + 1]
    shop.fold()
    assert [counts(each) for each in (*two, open_shop())] == [expected] * 3
    shop.click("u1", "i2", 12, impression=("i4",))
    shop.fold()
    assert counts(shop)[3] == expected[3] + 1
    assert shop.engine.follower.group(shop.uid).stored.impressions[:, 0].sum() == 0


def test_what_a_csv_says_counts_until_the_next_full_import(open_shop: Callable[..., Shop]):
    shop = open_shop()
    shop.do("CreateDatasetGroup", name="shop")
    shop.add_dataset("INTERACTIONS", FIELDS)
    shop.tracking = shop.do("CreateEventTracker", name="tracker", datasetGroupArn=shop.group)["trackingId"]
    header = "USER_ID,ITEM_ID,TIMESTAMP,IMPRESSION"
    rows = [f"u1,i1,{T0},i1|i2", f"u2,i2,{T0},i1|i2", f"u3,i3,{T0},i3", f"u4,i4,{T0},"]
    shop.load("INTERACTIONS", [header, *rows])
    assert counts(shop) == [2, 2, 1, 0]
    event = {"event_type": "x", "impression": ("i4",)}
    shop.click("u1", "i1", 10, **event)
    shop.load("INTERACTIONS", [header, f"u5,i1,{T0},i4|i1"], "INCREMENTAL")
    assert counts(shop) == [3, 2, 1, 2]
    shop.load("INTERACTIONS", [header, *rows[:1]])
    assert counts(shop) == [1, 1, 0, 1]  # what PutEvents said stays
    assert json.dumps(counts(open_shop())) == json.dumps([1, 1, 0, 1])
