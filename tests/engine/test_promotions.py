"""Promotions (specification §5.1): how many, which, where, and what becomes of the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from engine import InvalidInput, NotFound, Promotion, Question, Ranked
from engine.rank.promote import mixed
from tests.engine.shop import HOME, Shop

SEEN = 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'
UNSEEN = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'


@pytest.mark.parametrize(
    ("results", "percent", "share"), [(25, 10, 2), (25, 1, 1), (1, 1, 1), (10, 100, 10), (3, 50, 1), (500, 33, 165)]
)
def test_a_share_is_rounded_down_but_never_nothing(results: int, percent: int, share: int):
    assert Promotion(name="p", percent=percent, filter="f").places(results) == share


@given(st.integers(0, 50), st.integers(0, 50), st.text(max_size=5))
def test_where_they_stand(promoted: int, others: int, seed: str):
    order = mixed(promoted, promoted + others, seed).tolist()
    assert [place for place in order if place < promoted] == list(range(promoted))
    assert [place for place in order if place >= promoted] == list(range(promoted, promoted + others))
    assert order == mixed(promoted, promoted + others, seed).tolist()


def test_every_place_is_as_likely_as_another():
    places = [mixed(1, 5, f"RID-{number}").tolist().index(0) for number in range(2000)]
    assert np.bincount(places, minlength=5) == pytest.approx([400] * 5, abs=80)


# ---- on the whole engine: a is the most popular, then b, then c, then d; u has seen c and d


@pytest.fixture
def popular(shop: Shop) -> Shop:
    clicks = [f"{item}{n} {item} {n}" for item, count in zip("abcd", (9, 7, 5, 3), strict=True) for n in range(count)]
    shop.load_clicks(*clicks, "u c 10", "u d 11")
    shop.deploy(shop.train())
    for name, expression in (("seen", SEEN), ("unseen", UNSEEN)):
        shop.do("CreateFilter", name=name, datasetGroupArn=shop.group, filterExpression=expression)
    shop.engine.feed.catch_up()
    return shop


def promote(shop: Shop, percent: int = 50, by: str = "seen", **question: Any) -> Ranked:
    promotion = Promotion(name="sale", percent=percent, filter=by)
    asked = {"campaign": "home", "user": "u", "promotion": promotion, **question}
    return shop.engine.answers.recommend(Question(**asked))


def of(answer: Ranked, name: str | None) -> list[str]:
    return [item for item, promoted in zip(answer.items, answer.promotion_names, strict=True) if promoted == name]


def test_the_promoted_are_named_and_the_others_keep_their_order(popular: Shop):
    answer = promote(popular, num_results=4)
    assert (of(answer, "sale"), of(answer, None)) == (["c", "d"], ["a", "b"])
    assert answer.reasons == ()


def test_only_the_best_are_promoted_and_the_rest_may_fill(popular: Shop):
    answer = promote(popular, percent=30, num_results=4)
    assert (of(answer, "sale"), of(answer, None)) == (["c"], ["a", "b", "d"])


def test_too_few_are_filled_up(popular: Shop):
    answer = promote(popular, percent=100, num_results=3)
    assert (of(answer, "sale"), of(answer, None)) == (["c", "d"], ["a"])


def test_the_filter_is_for_the_others_alone(popular: Shop):
    answer = promote(popular, num_results=4, filter="unseen")
    assert (of(answer, "sale"), of(answer, None)) == (["c", "d"], ["a", "b"])
    answer = promote(popular, num_results=4, filter="seen")
    assert (of(answer, "sale"), of(answer, None)) == (["c", "d"], [])
    nobody = promote(popular, num_results=2, filter="seen", by="unseen")
    assert (of(nobody, "sale"), of(nobody, None)) == (["a"], ["c"])


def test_the_places_are_drawn_by_the_list_its_user_and_the_hour(popular: Shop):
    one, other = (promote(popular, num_results=4) for _ in range(2))
    assert one.items == other.items and one.recommendation_id != other.recommendation_id
    hours = []
    for _ in range(30):
        hours.append(promote(popular, num_results=4).items)
        popular.clock.now += 3600
    assert len(set(hours)) > 1
    users = [promote(popular, num_results=4, by="unseen", user=f"u{number}").items for number in range(30)]
    assert len(set(users)) > 1
    one, other = (promote(popular, num_results=4, stable_id=True) for _ in range(2))
    assert one == other


def test_promotions_that_cannot_be(popular: Shop):
    with pytest.raises(NotFound, match="filter/none does not exist"):
        promote(popular, by="none")
    with pytest.raises(NotFound, match="does not exist"):
        promote(popular, by=f"{HOME.replace('000000000000', '000000000009')}filter/seen")
    promotion = Promotion(name="sale", percent=10, filter="seen")
    with pytest.raises(InvalidInput, match="the filter depends on the user"):
        popular.engine.answers.recommend(Question(campaign="home", promotion=promotion))
    ranking = "arn:aws:personalize:::recipe/aws-personalized-ranking"
    popular.deploy(popular.train("ranked", ranking), "ranked")
    popular.engine.feed.catch_up()
    with pytest.raises(InvalidInput, match="reorders a given list"):
        popular.engine.answers.recommend(Question(campaign="ranked", user="u", candidates=("a",), promotion=promotion))
