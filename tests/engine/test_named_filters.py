"""Filters in a whole engine: made against the schemas, found by name, asked with data that came a moment ago."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine import InvalidInput, NotFound, Question
from engine.errors import LimitExceeded
from tests.engine.shop import Shop

CLICKS = ("u1 a 1", "u1 b 2", "u2 a 3", "u3 a 4", "u3 b 5", "u3 c 6")  # a is the most popular, then b, then c


@pytest.fixture
def popular(shop: Shop) -> Shop:
    """Imported, trained and deployed; b is put as a drama of 5."""
    shop.load_clicks(*CLICKS)
    shop.deploy(shop.train())
    shop.put("b", genres="Drama|Noir", price=5.0)
    return shop


def make(shop: Shop, name: str, expression: str) -> str:
    arn = shop.do("CreateFilter", name=name, datasetGroupArn=shop.group, filterExpression=expression)["filterArn"]
    shop.engine.feed.catch_up()
    return str(arn)


def test_a_filter_by_name_or_arn_with_parameters(popular: Shop):
    arn = make(popular, "genre", "INCLUDE ItemID WHERE Items.GENRES IN ($G)")
    for name in ("genre", arn):
        assert popular.ask(filter=name, filter_values={"G": '"Noir","x"', "unknown": "y"}) == ["b"]
    with pytest.raises(InvalidInput, match="parameter G has no value"):
        popular.ask(filter=arn)
    with pytest.raises(NotFound):
        popular.ask(filter="nobody's")


def test_a_filter_answers_when_it_is_active(popular: Shop, open_shop: Callable[..., Shop]):
    popular.clock.now += 30
    make(popular, "f", "INCLUDE ItemID WHERE Items.PRICE < 10")
    slow = open_shop(pending_s=10.0)
    slow.clock.now = popular.clock.now
    with pytest.raises(InvalidInput, match="filter/f is not in ACTIVE state"):
        slow.ask(filter="f")
    slow.clock.now += 30
    assert slow.ask(filter="f") == ["b"]


def test_puts_count_in_the_next_answer(popular: Shop):
    cheap = {"expression": "INCLUDE ItemID WHERE Items.PRICE < 10"}
    assert popular.ask(**cheap) == ["b"]
    popular.put("c", price=9)
    popular.put("b", genres="Drama")
    assert popular.ask(**cheap) == ["c"]
    gold = {"expression": 'EXCLUDE ItemID WHERE Items.PRICE < 10 IF CurrentUser.TIER = "gold"'}
    assert popular.ask("u9", **gold) == ["a", "b", "c"]
    popular.engine.feed.put_rows(popular.dataset("USERS"), "USERS", [("u9", {"tier": "gold"})]).result(30)
    popular.engine.feed.catch_up()
    assert popular.ask("u9", **gold) == ["a", "b"]
    popular.fold()
    assert (popular.ask("u9", **gold), popular.ask(**cheap)) == (["a", "b"], ["c"])


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")', "userId is required"),
        ("INCLUDE ItemID WHERE Items.PRICE < 3 IF CurrentUser.TIER = 'x'", "userId is required"),
        (
            "INCLUDE ItemID WHERE Items.PRICE < CurrentItem.PRICE",
            "depends on CurrentItem, but the recipe aws-popularity",
        ),
        ("INCLUDE UserID WHERE Users.TIER = 'x'", "the filter is on UserID"),
        ("INCLUDE ItemID WHERE Items.PRISE < 3", "did you mean PRICE"),
    ],
)
def test_filters_that_do_not_fit_the_question(popular: Shop, expression: str, reason: str):
    with pytest.raises(InvalidInput, match=reason):
        popular.ask(item="a", expression=expression)


def test_the_current_item_of_related_items(popular: Shop):
    popular.deploy(popular.train("sims", "arn:aws:personalize:::recipe/aws-sims"), "like")
    popular.put("a", price=3)
    popular.engine.feed.catch_up()
    asked: dict[str, Any] = {"campaign": "like", "expression": "INCLUDE ItemID WHERE Items.PRICE > CurrentItem.PRICE"}
    assert popular.engine.answers.recommend(Question(item="a", **asked)).items == ("b",)
    assert popular.engine.answers.recommend(Question(item="b", **asked)).items == ()


def test_a_short_list_says_which_values_are_missing(popular: Shop):
    def lacking(**question: Any) -> tuple[str, ...]:
        return popular.engine.answers.recommend(Question(campaign="home", user="u9", **question)).lacking

    alike = "INCLUDE ItemID WHERE Items.GENRES IN CurrentUser.TIER"
    assert popular.ask("u9", expression=alike) == [] and lacking(expression=alike) == ("CurrentUser.TIER",)
    others = "EXCLUDE ItemID WHERE Items.GENRES IN CurrentUser.TIER"
    assert lacking(expression=others, num_results=3) == () and lacking(expression=others) == ("CurrentUser.TIER",)
    popular.engine.feed.put_rows(popular.dataset("USERS"), "USERS", [("u9", {"tier": "Noir"})]).result(30)
    popular.engine.feed.catch_up()
    assert popular.ask("u9", expression=alike) == ["b"] and lacking(expression=alike) == ()


def test_a_filter_of_another_group(popular: Shop):
    other = popular.do("CreateDatasetGroup", name="other")["datasetGroupArn"]
    made = popular.do(
        "CreateFilter",
        name="theirs",
        datasetGroupArn=other,
        filterExpression='EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("x")',
    )
    with pytest.raises(InvalidInput, match="another dataset group"):
        popular.ask("u1", filter=made["filterArn"])


def test_who_needs_to_be_told_apart(popular: Shop):
    names = popular.engine.answers.filter_names_user
    arn = make(popular, "gold", "INCLUDE ItemID WHERE Items.PRICE < 3 IF CurrentUser.TIER = 'gold'")
    make(popular, "unseen", 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")')
    in_place = "INCLUDE ItemID WHERE Items.YEAR < 3 IF CurrentUser.TIER = 'x'"
    assert names("home", "gold") and names("home", arn) and names("home", "unseen", in_place)
    assert not names("home", "unseen") and not names("home", None)
    with pytest.raises(NotFound):
        names("home", "nobody's")


def test_a_filter_made_anew_is_another(popular: Shop):
    arn = make(popular, "f", "INCLUDE ItemID WHERE Items.PRICE < 10")
    assert popular.ask(filter="f") == ["b"]
    popular.do("DeleteFilter", filterArn=arn)
    make(popular, "f", "EXCLUDE ItemID WHERE Items.PRICE < 10")
    assert popular.ask(filter="f") == ["a", "c"]


def test_a_filter_outlives_its_dataset(popular: Shop):
    make(popular, "f", "EXCLUDE ItemID WHERE Items.PRICE < 10")
    popular.do("DeleteDataset", datasetArn=popular.dataset("ITEMS"))
    popular.engine.feed.catch_up()
    assert popular.ask(filter="f") == ["a", "b", "c"]
    with pytest.raises(InvalidInput, match="no Items dataset"):
        make(popular, "g", "EXCLUDE ItemID WHERE Items.PRICE < 10")


def test_candidates_that_nobody_knows_are_no_part_of_what_is_included(popular: Shop):
    recipe = "arn:aws:personalize:::recipe/aws-personalized-ranking"
    popular.deploy(popular.train("ranking", recipe), "ranking")
    popular.engine.feed.catch_up()

    def rank(expression: str) -> tuple[str, ...]:
        asked = Question(campaign="ranking", user="u1", candidates=("x", "b"), expression=expression)
        return popular.engine.answers.recommend(asked).items

    assert rank("INCLUDE ItemID WHERE Items.PRICE < 10") == ("b",)
    assert rank("INCLUDE ItemID WHERE Items.PRICE != 5") == ("x",)
    assert rank("EXCLUDE ItemID WHERE Items.PRICE < 10") == ("x",)


def test_fields_over_a_group_are_counted_at_aws(open_shop: Callable[..., Shop]):
    shop = open_shop(quotas="aws").furnish()
    fields = [{"name": f"F{n}", "type": ["null", "long"]} for n in range(24)]
    shop.do("DeleteDataset", datasetArn=shop.dataset("ITEMS"))
    shop.add_dataset("ITEMS", [{"name": "ITEM_ID", "type": "string"}, *fields])

    def ten(first: int) -> str:
        return "INCLUDE ItemID WHERE " + " OR ".join(f"Items.F{n} = 1" for n in range(first, first + 10))

    make(shop, "f0", ten(0))
    make(shop, "f1", ten(10))
    make(shop, "again", ten(5))
    with pytest.raises(LimitExceeded, match="would use 21 distinct fields; 20 may be used"):
        make(shop, "more", "INCLUDE ItemID WHERE Items.F23 = 1")
