"""Cohorts of an engine's models: found live, answered for all, and refused where an answer would be a user's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine import EVERYONE, Cohort, InvalidInput, NotFound, Question
from engine.jobs.schedule import ITEMS_S, Scheduler
from tests.engine.shop import ACCOUNT, HOME, Shop
from tests.engine.test_new_items import copied, look, stocked, trained
from tests.engine.test_recommenders import furnish, recommend

__all__ = ["trained"]  # a fixture

CAMPAIGN = f"{HOME}campaign/home"
CLICKED = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'
EVEN = 'INCLUDE ItemID WHERE Items.GENRES IN ("even")'


@pytest.fixture
def home(trained: Shop, tmp_path: Path, open_shop: Callable[..., Shop]) -> Shop:
    return copied(trained, tmp_path, open_shop)


def cohort(shop: Shop, user: str, campaign: str = CAMPAIGN) -> Cohort:
    return shop.engine.answers.cohort(campaign, user, 16, ACCOUNT)


def listed(shop: Shop, name: str, campaign: str = CAMPAIGN, **more: Any) -> tuple[str, ...]:
    question = Question(campaign=campaign, account=ACCOUNT, cohort=name, **{"num_results": 1, **more})
    return shop.engine.answers.recommend(question).items


def odd(items: tuple[str, ...]) -> set[int]:
    return {int(item[1:]) % 2 for item in items}


def test_lists_are_of_the_users_taste(home: Shop):
    told = cohort(home, "u3")
    assert 2 <= told.count <= 16 and told.model.startswith("for-you/")
    assert odd(listed(home, told.cohort)) == {1}
    assert odd(listed(home, cohort(home, "u4").cohort)) == {0}


def test_who_is_new_is_with_everyone_and_the_first_click_moves_them(home: Shop):
    assert cohort(home, "somebody").cohort == EVERYONE
    assert listed(home, EVERYONE) == tuple(home.ask("somebody", num_results=1))
    home.click("somebody", "i3")
    home.engine.feed.catch_up()
    moved = cohort(home, "somebody").cohort
    assert moved != EVERYONE and odd(listed(home, moved)) == {1}


def test_the_next_model_has_other_cohorts(home: Shop):
    old = cohort(home, "u3").cohort
    version = home.train("for-you")
    home.do("UpdateCampaign", campaignArn=CAMPAIGN, solutionVersionArn=version)
    home.engine.feed.catch_up()
    assert not home.engine.answers.has_cohort(CAMPAIGN, old, ACCOUNT)
    assert home.engine.answers.has_cohort(CAMPAIGN, EVERYONE, ACCOUNT)
    with pytest.raises(NotFound, match=f"has no cohort {old}"):
        listed(home, old)
    assert odd(listed(home, cohort(home, "u3").cohort)) == {1}


def test_filters_but_for_the_users_own(home: Shop):
    name = cohort(home, "u3").cohort
    assert odd(listed(home, name, expression=EVEN)) == {0}
    with pytest.raises(InvalidInput, match="the filter depends on the user, and the list of a cohort is for many"):
        listed(home, name, expression=CLICKED)


def test_cohorts_know_new_items_and_stay_what_they_were(home: Shop):
    before, user = cohort(home, "u3"), cohort(home, "u4")
    scheduler = Scheduler(home.engine)
    look(scheduler, home)
    home.put("i99", genres="odd")
    look(scheduler, home, ITEMS_S + 1)
    assert cohort(home, "u3") == before
    own, others = (listed(home, name, num_results=17) for name in (before.cohort, user.cohort))
    assert own.index("i99") < others.index("i99")


def test_large_catalogues_have_fewer_cohorts(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("engine.cohorts.training.SUMS", 64 * 20)
    shop.do("CreateCampaign", name="home", solutionVersionArn=stocked(shop).train("for-you"))
    shop.engine.feed.catch_up()
    told = [shop.engine.answers.cohort(CAMPAIGN, "u3", count, ACCOUNT) for count in (64, 256)]
    assert told[0] == told[1] != cohort(shop, "u3")


def test_models_without_cohorts_say_so(shop: Shop):
    stocked(shop)
    made = {"datasetGroupArn": shop.group, "performAutoTraining": False}
    shop.do("CreateSolution", name="popular", recipeArn="arn:aws:personalize:::recipe/aws-popularity-count", **made)
    shop.do("CreateCampaign", name="home", solutionVersionArn=shop.train("popular"))
    shop.engine.feed.catch_up()
    with pytest.raises(NotFound, match="was trained without cohorts"):
        cohort(shop, "u3")
    with pytest.raises(InvalidInput, match="only USER_PERSONALIZATION has cohorts"):
        listed(shop, EVERYONE)


def test_a_use_case_s_own_filter_is_left_to_the_client(tmp_path: Path):
    """What a recommender drops of a user's purchases nobody can drop for all of a cohort."""
    shop = Shop(tmp_path / "domain")
    arn = recommend(furnish(shop, "ECOMMERCE"), "aws-ecomm-recommended-for-you")
    shop.engine.feed.catch_up()
    name = cohort(shop, "u3", arn).cohort
    question = Question(campaign=arn, account=ACCOUNT, user="u3", num_results=8)
    assert not {"i1", "i3"} & set(shop.engine.answers.recommend(question).items)
    assert {"i1", "i3"} <= set(listed(shop, name, arn, num_results=8))
    shop.close()


def test_answers_for_cohorts_say_no_user(home: Shop):
    name = cohort(home, "u3").cohort
    question = Question(campaign=CAMPAIGN, account=ACCOUNT, cohort=name, num_results=2, stable_id=True)
    answers = [home.engine.answers.recommend(msgspec.structs.replace(question)) for _ in range(2)]
    assert answers[0].recommendation_id == answers[1].recommendation_id
    assert {each.user for each in home.engine.shown.all()} == {None}
