"""A price or margin objective at serving time: lists in the order that a slow evaluator says, live, explained."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from engine import InvalidInput, Question, ServingObjective
from engine.data.group import Group
from engine.data.snapshot import Objective
from engine.rank.objective import ObjectiveColumn
from engine.serving.explain import explain
from engine.serving.question_filters import FilteredQuestion
from tests.engine.filter_world import Row, imported, put
from tests.engine.shop import Shop
from tests.engine.test_serve import Asked, ask, deployed

PRICE = "PRICE"
NAMES = "pqrstuvw"


def objective(weight: float, column: str = PRICE) -> ServingObjective:
    return ServingObjective(column=column, weight=weight)


def of(rows: dict[str, Row], later: dict[str, Row] | None = None) -> Group:
    group = imported(items=rows, users={}, events=[("u", next(iter(rows)), "click")])
    return put(later or {}, {}, [], group=group)


# ---- against a slow evaluator


def shares(stored: dict[str, Row], later: dict[str, Row]) -> dict[str, float]:
    """The share of the imported values (of all, where more were put) that are less, equal ones half, less a half."""
    every = {**stored, **later}
    among = [row[PRICE] for row in stored.values() if PRICE in row]
    if len(later) > len(among):
        among = [row[PRICE] for row in every.values() if PRICE in row]

    def share(value: float | None) -> float:
        if value is None or not among:
            return 0.0 if value is None else -0.5
        return sum(1.0 if other < value else 0.5 if other == value else 0.0 for other in among) / len(among) - 0.5

    return {item: share(row.get(PRICE)) for item, row in every.items()}


_rows = st.dictionaries(
    st.sampled_from(NAMES), st.fixed_dictionaries({}, optional={PRICE: st.integers(0, 5).map(float)}), max_size=8
)
_scores = st.lists(st.integers(-4, 4).map(lambda n: n / 2), min_size=8, max_size=8)


@settings(max_examples=75, deadline=None)
@given(_rows.filter(bool), _rows, _rows, _scores, st.sampled_from([-10.0, -1.0, 0.3, 2.0, 10.0]), st.booleans())
def test_lists_are_in_the_order_of_a_slow_evaluator(
    stored: dict[str, Row], first: dict[str, Row], then: dict[str, Row], scores: Any, weight: float, logits: bool
):
    group, later = of(stored, first), {**first, **then}
    if first:
        ObjectiveColumn.of(group.item_table, PRICE).shares(3)
    put(then, {}, [], group=group)
    model = deployed(Asked(tuple(scores)), "POPULAR_ITEMS", scores=logits)
    names = list(dict.fromkeys([*stored, *later]))
    known = dict(zip(names, scores, strict=False))
    answer = ask(group, model, num_results=8, objective=objective(weight))
    assert set(answer.items) == set(names)  # none is lost
    share = shares(stored, later)

    def moved(item: str) -> float:
        shift = share[item] * weight
        if logits:
            return known[item] + shift
        return known[item] * math.exp(-shift if known[item] < 0 else shift)

    order = [moved(item) for item in answer.items]
    assert all(one >= other - 1e-4 * max(1, abs(one)) for one, other in pairwise(order))
    if logits:
        total = sum(math.exp(moved(item)) for item in names)
        assert answer.scores == pytest.approx([math.exp(each) / total for each in order], rel=1e-3, abs=1e-6)


def test_it_does_what_the_trained_objective_does():
    prices = [3.0, 1.0, None, 7.0, 7.0, 2.0]
    group = of({str(n): {} if price is None else {PRICE: price} for n, price in enumerate(prices)})
    trained = Objective(np.array([math.nan if price is None else price for price in prices], np.float32), "HIGH")
    assert (ObjectiveColumn.of(group.item_table, PRICE).shares(6) * 2).tolist() == trained.bonus().tolist()


# ---- what it applies to


@pytest.fixture
def group() -> Group:
    return of({"a": {PRICE: 1.0}, "b": {PRICE: 2.0}, "c": {PRICE: 3.0}})


def test_scores_that_are_no_logits_are_odds(group: Group):
    counts = deployed(Asked((100.0, 90.0, 80.0)), "POPULAR_ITEMS", scores=False)
    assert ask(group, counts).items == ("a", "b", "c")
    assert ask(group, counts, objective=objective(0.1)).items == ("a", "b", "c")
    assert ask(group, counts, objective=objective(1.0)).items == ("c", "b", "a")


def test_a_ranking_and_a_promotion_have_it_too(group: Group):
    ranking = deployed(Asked((0.3, 0.2, 0.1)), "PERSONALIZED_RANKING")
    asked: dict[str, Any] = {"user": "u", "candidates": ("a", "nobody's", "c", "b")}
    assert ask(group, ranking, **asked).items == ("a", "b", "c", "nobody's")
    assert ask(group, ranking, objective=objective(1.0), **asked).items == ("c", "b", "a", "nobody's")


def test_filters_stay_filters(group: Group):
    model = deployed(Asked((0.3, 0.2, 0.1)))
    seen = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'
    assert ask(group, model, seen, user="u", objective=objective(10)).items == ("c", "b")


def test_an_item_that_is_put_moves_at_once(group: Group):
    model = deployed(Asked((0.3, 0.2, 0.1)))
    assert ask(group, model, user="u", objective=objective(5)).items == ("c", "b", "a")
    put({"a": {PRICE: 9.0}}, {}, [], group=group)
    assert ask(group, model, user="u", objective=objective(5)).items == ("a", "c", "b")
    put({"a": {}}, {}, [], group=group)  # without a value it stands in the middle
    assert ask(group, model, user="u", objective=objective(5)).items == ("c", "a", "b")


def test_an_explanation_shows_what_it_moved(group: Group):
    question = Question(campaign="c", user="u", num_results=3, objective=objective(3.0))
    told = explain(FilteredQuestion(question), "c", deployed(Asked((0.3, 0.2, 0.1))), group, now=0.0)
    assert told.objective is not None and (told.rank, told.objective.rank_without) == (1, 3)
    assert (told.objective.column, told.objective.value, told.objective.shift) == (PRICE, 3.0, 1.0)
    told = explain(FilteredQuestion(Question(campaign="c", user="u")), "c", deployed(Asked()), group, now=0.0)
    assert told.objective is None


# ---- in a whole engine


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """a is the most popular, then b, then c; the last is the dearest."""
    shop.load_clicks("u1 a 1", "u1 b 2", "u2 a 3", "u3 a 4", "u3 b 5", "u3 c 6")
    shop.load("ITEMS", ["ITEM_ID,GENRES,YEAR,PRICE", "a,x,2000,1.5", "b,x,,2.5", "c,y,1990,9"])
    shop.deploy(shop.train())
    return shop


TAG = {"tagKey": "recgate:objective", "tagValue": '{"column": "price", "weight": 5}'}


def test_a_tag_counts_at_once_and_a_question_may_say_otherwise(shop: Shop):
    campaign = "arn:aws:personalize:us-east-1:000000000000:campaign/home"
    assert shop.ask("u9") == ["a", "b", "c"]
    shop.do("TagResource", resourceArn=campaign, tags=[TAG])
    shop.engine.feed.catch_up()
    assert shop.ask("u9") == ["c", "b", "a"]
    assert shop.ask("u9", objective=objective(-5, "Price")) == shop.ask("u9", objective=objective(0)) == ["a", "b", "c"]
    shop.put("a", price=99.0)
    assert shop.ask("u9") == ["a", "c", "b"]
    told = shop.engine.answers.explain(Question(campaign="home", user="u9"), "c")
    assert told.objective is not None and told.objective.column == "PRICE"
    shop.do("UntagResource", resourceArn=campaign, tagKeys=["recgate:objective"])
    shop.engine.feed.catch_up()
    assert shop.ask("u9") == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("cheap", "recgate:objective is a setting as a JSON object"),
        ('{"column": "PRICE"}', "recgate:objective is a setting as a JSON object: .*`weight`"),
        ('{"column": "PRICE", "weight": 11}', "<= 10"),
        ('{"column": "PRICE", "weight": 1, "unit": "x"}', "there is no field `unit`"),
        ('{"column": "MARGIN", "weight": 1}', "Items have no numeric column MARGIN; they have YEAR, PRICE"),
        ('{"column": "GENRES", "weight": 1}', "Items have no numeric column GENRES"),
    ],
)
def test_a_tag_that_can_not_be_is_refused(shop: Shop, value: str, reason: str):
    tags = [{"tagKey": "recgate:objective", "tagValue": value}]
    version = shop.train()
    with pytest.raises(InvalidInput, match=f"tags: .*{reason}"):
        shop.do("CreateCampaign", name="other", solutionVersionArn=version, tags=tags)
    with pytest.raises(InvalidInput, match=f"tags: .*{reason}"):
        shop.do("TagResource", resourceArn="arn:aws:personalize:us-east-1:000000000000:campaign/home", tags=tags)
    assert shop.ask("u9") == ["a", "b", "c"]


def test_a_batch_job_that_waits_takes_no_tag_that_can_not_be(shop: Shop):
    job = shop.do(
        "CreateBatchInferenceJob",
        jobName="b",
        solutionVersionArn=shop.train(),
        jobInput={"s3DataSource": {"path": f"file://{shop.folder}/in.json"}},
        jobOutput={"s3DataDestination": {"path": f"file://{shop.folder}/out/"}},
        roleArn="arn:aws:iam::000000000000:role/r",
    )["batchInferenceJobArn"]
    with pytest.raises(InvalidInput, match="Items have no numeric column MARGIN"):
        tag = {**TAG, "tagValue": '{"column": "MARGIN", "weight": 1}'}
        shop.do("TagResource", resourceArn=job, tags=[tag])
    shop.do("TagResource", resourceArn=job, tags=[TAG])
    assert shop.do("ListTagsForResource", resourceArn=job)["tags"]


def test_a_setting_that_there_is_none_of_is_refused_and_other_tags_are_not(shop: Shop):
    campaign = "arn:aws:personalize:us-east-1:000000000000:campaign/home"
    shop.do("TagResource", resourceArn=campaign, tags=[{"tagKey": "team", "tagValue": "x"}])
    with pytest.raises(InvalidInput, match=r"no setting recgate:objektive; use one of .*recgate:objective"):
        shop.do("TagResource", resourceArn=campaign, tags=[{**TAG, "tagKey": "recgate:objektive"}])
    with pytest.raises(InvalidInput, match=r"validation error.*tagValue of team.*tags"):
        shop.do("TagResource", resourceArn=campaign, tags=[{"tagKey": "team", "tagValue": "{}"}])


def test_a_question_for_a_column_that_there_is_none_of_is_refused(shop: Shop):
    with pytest.raises(InvalidInput, match="objective: Items have no numeric column MARGIN"):
        shop.ask("u9", objective=objective(1, "MARGIN"))
    shop.engine.answers.check_objective("home", objective(1, "price"))
    shop.engine.answers.check_objective("nobody's", objective(1, "MARGIN"))
    with pytest.raises(InvalidInput, match="no numeric column MARGIN"):
        shop.engine.answers.check_objective("home", objective(1, "MARGIN"))
