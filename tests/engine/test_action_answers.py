"""Answers with actions: the likeliest first, nothing that has ended or must rest, as filters allow, as of now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine import InvalidInput, Question
from engine.serving.actions import ONE_IN, explored
from tests.engine.action_world import DAY, NEXT, NOW, ask, busy, do, load_actions, put_action, with_actions
from tests.engine.shop import HOME, T0, Shop


@pytest.fixture(scope="module")
def busy_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = busy(with_actions(Shop(tmp_path_factory.mktemp("busy")).furnish()))
    yield shop
    shop.close()


@pytest.fixture
def shop(busy_shop: Shop) -> Iterator[Shop]:
    """As busy made it, whatever the test before has put."""
    yield busy_shop
    busy_shop.clock.now = float(T0 + NOW)
    for name, value, kind in (("even", 5, "card"), ("odd", 5, "offer"), ("rare", 2, "card"), ("dear", 9, "offer")):
        put_action(busy_shop, name, value=value, kind=kind)


def test_the_likeliest_is_first_and_what_has_no_score_follows_by_value(shop: Shop):
    for user, best, other in (("u4", "even", "odd"), ("u5", "odd", "even")):
        found = ask(shop, user)
        assert list(found) == [best, other, "dear", "rare"]
        assert 0.8 < found[best] <= 1 and 0 < found[other] < 0.2 and found["dear"] == found["rare"] == 0.0
    assert list(ask(shop, "u4", 1)) == ["even"]


def test_a_new_user_is_known_by_the_items(shop: Shop):
    for user, item in (("new-even", "i2"), ("new-odd", "i3")):
        for second in range(3):
            shop.click(user, item, NOW - 10 + second, session=f"s-{user}")
    assert next(iter(ask(shop, "new-even"))) == "even" and next(iter(ask(shop, "s-new-odd"))) == "odd"
    stranger = ask(shop, "nobody")
    assert set(stranger) == {"even", "odd", "rare", "dear"} and all(0 <= score <= 1 for score in stranger.values())


@pytest.mark.parametrize("name", ["expiration_timestamp", "EXPIRATION_TIMESTAMP"])
def test_what_has_ended_is_gone_at_once(shop: Shop, name: str):
    put_action(shop, "even", **{name: T0 + NOW + 100})
    assert "even" in ask(shop, "u4")
    shop.clock.now += 100
    assert "even" not in ask(shop, "u4")
    put_action(shop, "even", **{name: T0 + NOW + 1_000})
    assert "even" in ask(shop, "u4")


@pytest.mark.parametrize("type_", ["Taken", "Not Taken", "Viewed", "anything"])
def test_an_action_rests_after_any_interaction(shop: Shop, type_: str):
    user = f"resting-{type_}"
    put_action(shop, "dear", repeat_frequency=7)
    assert "dear" in ask(shop, user)
    do(shop, user, "dear", type_, NOW, session=f"session-{user}")
    assert "dear" not in ask(shop, user) and "dear" not in ask(shop, f"session-{user}") and "dear" in ask(shop, "u9")
    shop.clock.now = float(T0 + NOW + 7 * DAY - 1)
    assert "dear" not in ask(shop, user)
    shop.clock.now = float(T0 + NOW + 7 * DAY)
    assert "dear" in ask(shop, user)


def test_a_new_action_shows_without_training(shop: Shop):
    put_action(shop, "fresh", value=10)
    assert list(ask(shop, "u4"))[2:4] == ["fresh", "dear"] and ask(shop, "u4")["fresh"] == 0.0
    put_action(shop, "fresh", value=10, expiration_timestamp=T0)
    do(shop, "u4", "only-in-interactions", "Taken", NOW)
    assert set(ask(shop, "u4")) == {"even", "odd", "dear", "rare"}
    put_action(shop, "bare")
    assert "bare" in ask(shop, "u4")
    put_action(shop, "bare", expiration_timestamp=T0)


def test_of_equals_the_one_worth_more(shop: Shop):
    put_action(shop, "rare", value=10)
    assert list(ask(shop, "u4"))[2:] == ["rare", "dear"]


EVERYTHING = {"even", "odd", "rare", "dear"}
FILTERS = [
    ('INCLUDE ActionID WHERE Actions.KIND IN ("card")', {}, {"even", "rare"}),
    ('EXCLUDE ActionID WHERE Actions.KIND IN ("card")', {}, {"odd", "dear"}),
    ("INCLUDE ActionID WHERE Actions.VALUE > $V", {"V": "4"}, {"even", "odd", "dear"}),
    ("EXCLUDE ActionID WHERE Actions.VALUE = $V", {}, EVERYTHING),
    ("INCLUDE ActionID WHERE Actions.ACTION_ID IN ($A)", {"A": '"dear","odd"'}, {"dear", "odd"}),
    ('INCLUDE ActionID WHERE Actions.KIND = "offer" | EXCLUDE ActionID WHERE Actions.VALUE > 8', {}, {"odd"}),
    ('EXCLUDE ActionID WHERE Action_Interactions.EVENT_TYPE IN ("taken")', {}, {"odd", "rare", "dear"}),
    ('INCLUDE ActionID WHERE Action_Interactions.EVENT_TYPE IN ("*")', {}, {"even", "odd"}),
    ('INCLUDE ActionID WHERE Action_Interactions.EVENT_TYPE NOT IN ("Taken")', {}, {"odd", "rare", "dear"}),
    ('EXCLUDE ActionID WHERE Action_Interactions.EVENT_TYPE != "taken"', {}, {"even"}),
    ('INCLUDE ActionID WHERE Action_Interactions.EVENT_TYPE NOT IN ("*")', {}, {"rare", "dear"}),
    ('EXCLUDE ActionID WHERE Actions.KIND IN ("offer") IF CurrentUser.TIER = "gold"', {}, {"even", "rare"}),
    ('EXCLUDE ActionID WHERE Actions.KIND IN ("offer") IF CurrentUser.TIER = "tin"', {}, EVERYTHING),
    ("EXCLUDE ActionID WHERE Actions.KIND = CurrentUser.TIER", {}, EVERYTHING),
    ("EXCLUDE ActionID WHERE Actions.KIND != CurrentUser.TIER", {}, set()),
    ("INCLUDE ActionID WHERE Actions.VALUE > 100", {}, set()),
]


@pytest.mark.parametrize(("expression", "values", "left"), FILTERS)
def test_filters(shop: Shop, expression: str, values: dict[str, str], left: set[str]):
    """For u4, who took even and refused odd and is gold."""
    shop.engine.feed.put_rows(shop.dataset("USERS"), "USERS", [("u4", {"tier": "gold"})]).result(30)
    shop.engine.feed.catch_up()
    assert set(ask(shop, "u4", expression=expression, filter_values=values)) == left


def test_a_short_list_says_which_values_are_missing(shop: Shop):
    question = Question(of="actions", campaign="next", user="u6", expression=FILTERS[-2][0])
    assert shop.engine.answers.recommend(question).lacking == ("CurrentUser.TIER",)


def test_a_named_filter_follows_what_is_put(shop: Shop):
    expression = 'EXCLUDE ActionID WHERE Action_Interactions.EVENT_TYPE IN ("Viewed")'
    shop.do("CreateFilter", name="unseen", datasetGroupArn=shop.group, filterExpression=expression)
    shop.engine.feed.catch_up()
    assert "dear" in ask(shop, "u6", filter="unseen")
    do(shop, "u6", "dear", "VIEWED", NOW)
    assert "dear" not in ask(shop, "u6", filter="unseen") and "dear" in ask(shop, "u7", filter="unseen")


def test_wrong_questions(shop: Shop):
    if not any(each["name"] == "home" for each in shop.do("ListCampaigns")["campaigns"]):
        shop.deploy(shop.train())
        shop.engine.feed.catch_up()
    by_item = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'
    by_action = 'INCLUDE ActionID WHERE Actions.KIND IN ("card")'
    for question, said in (
        (Question(of="actions", campaign="home", user="u4"), "aws-popularity-count .* answers GetRecommendations only"),
        (Question(campaign="next", user="u4"), "aws-next-best-action .* answers GetActionRecommendations only"),
        (Question(campaign="next", user="u4", candidates=("i1",)), "answers GetActionRecommendations only"),
        (Question(of="actions", campaign="next"), "userId is required"),
        (Question(of="actions", campaign="next", user="u", expression=by_item), "actions are filtered by ActionID"),
        (Question(campaign="home", user="u", expression=by_action), "filter is on ActionID"),
        (
            Question(of="actions", campaign="next", user="u", expression="INCLUDE ActionID WHERE Actions.VALUE > $V"),
            "parameter V has no value",
        ),
    ):
        with pytest.raises(InvalidInput, match=said):
            shop.engine.answers.recommend(question)


def test_a_filter_on_what_actions_leave_out_anyway_is_refused(shop: Shop):
    with pytest.raises(InvalidInput, match="REPEAT_FREQUENCY can't be filtered by"):
        ask(shop, "u4", expression="INCLUDE ActionID WHERE Actions.REPEAT_FREQUENCY > 3")


def test_another_process_says_the_same(shop: Shop):
    other = Shop(shop.folder, start=5_000)
    try:
        other.clock.now = shop.clock.now
        for user in ("u4", "u5", "nobody"):
            assert ask(other, user) == ask(shop, user)
        do(shop, "u4", "dear", "Viewed", NOW)
        put_action(shop, "dear", repeat_frequency=3)
        other.engine.feed.catch_up()
        assert "dear" not in ask(other, "u4")
    finally:
        other.close()


def test_actions_that_left_the_dataset_are_not_offered(tmp_path: Path):
    shop = busy(with_actions(Shop(tmp_path).furnish()), users=120)
    try:
        load_actions(shop, "odd,1,offer,,")
        assert set(ask(shop, "u4")) == {"odd"}
        shop.do("DeleteDataset", datasetArn=shop.dataset("ACTIONS"))
        shop.engine.feed.catch_up()
        assert ask(shop, "u4") == {}
        with pytest.raises(InvalidInput, match="aws-next-best-action needs an Actions dataset"):
            shop.do("CreateSolutionVersion", solutionArn=f"{HOME}solution/next")
    finally:
        shop.close()


def test_metrics_of_a_version(shop: Shop):
    (version, *_) = shop.do("ListSolutionVersions", solutionArn=f"{HOME}solution/next")["solutionVersions"]
    metrics = shop.do("GetSolutionMetrics", solutionVersionArn=version["solutionVersionArn"])["metrics"]
    assert {"coverage", "precision", "recall", "area_under_curve"} < metrics.keys()
    assert all(0 <= value <= 1 for value in metrics.values()) and metrics["area_under_curve"] > 0.9


def test_now_and_then_the_last_place_goes_to_an_action_without_a_score():
    best, scored = np.arange(8), np.arange(8) < 6
    lasts = Counter(int(explored(best, scored, 4, f"RID-{n}")[0][-1]) for n in range(2_000))
    assert lasts.keys() == {3, 6, 7}
    assert lasts[3] / 2_000 == pytest.approx(1 - 1 / ONE_IN, abs=0.03)
    for n in range(50):
        shown, chances = explored(best, scored, 4, f"RID-{n}")
        assert shown[:-1].tolist() == [0, 1, 2] and chances[:-1] == (1, 1, 1)
        assert chances[-1] == pytest.approx(1 - 1 / ONE_IN if shown[-1] == 3 else 1 / ONE_IN / 2)
        assert explored(best, scored, 8, f"RID-{n}")[0].tolist() == list(range(8))
        assert explored(best, scored, 1, f"RID-{n}")[0].tolist() == [0]
        assert explored(best[:6], scored[:6], 4, f"RID-{n}")[0].tolist() == [0, 1, 2, 3]


def test_the_recipe_by_its_arn(shop: Shop):
    recipe = shop.do("DescribeRecipe", recipeArn=NEXT)["recipe"]
    assert recipe["recipeType"] == "PERSONALIZED_ACTIONS"
