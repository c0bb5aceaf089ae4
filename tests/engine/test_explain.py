"""Why an item is or is not in an answer: worlds in which the cause is known, each cause once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from engine import Explanation, InvalidInput, Promotion, Question
from engine.data.group import Group
from engine.filters import compile_filter
from engine.rank.explore import Exploration
from engine.recipe import Query
from engine.serving.deployments import Deployed
from engine.serving.explain import TEXTS, explain
from engine.serving.question_filters import FilteredQuestion
from tests.engine.shop import Shop
from tests.engine.test_explore import LATEST, ask, click, put
from tests.engine.test_serve import Asked, deployed

CLICKED = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'
ONLY_CLICKED = 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'
SCORES = (6.0, 5.0, 4.0, 3.0, 2.0, 1.0)


@pytest.fixture
def group() -> Group:
    """The model knows i0..i5; u has clicked i0; i6 and i7 were put since."""
    group = Group("g")
    for item in range(6):
        click(group, "v", f"i{item}", item)
    click(group, "u", "i0", LATEST)
    put(group, "i6", LATEST)
    put(group, "i7", 0)
    return group


def why(group: Group, item: str, *filters: str, model: Deployed | None = None, **question: Any) -> Explanation:
    promotion = Promotion(name="sale", percent=50, filter="f") if question.pop("promoting", None) else None
    asked = FilteredQuestion(
        Question(**{"campaign": "c", "user": "u", "num_results": 3, "promotion": promotion, **question}),
        tuple(map(compile_filter, filters)),
        compile_filter(ONLY_CLICKED) if promotion is not None else None,
        filters,
    )
    return explain(asked, item, model or deployed(Asked(SCORES)), group, now=0.0)


def test_relevance(group: Group):
    told = why(group, "i1")
    assert (told.cause, told.place, told.rank, told.user_id) == ("relevance", 2, 2, "u")
    assert told.score == pytest.approx(np.exp(5) / np.exp(SCORES).sum(), abs=1e-6)
    assert told.rank_after_filters is None and told.filters == [] and told.propensity is None


def test_filtered(group: Group):
    told = why(group, "i0", CLICKED, ONLY_CLICKED)
    assert (told.cause, told.place, told.rank, told.rank_after_filters) == ("filtered", None, 1, None)
    assert [(each.filter, each.keeps) for each in told.filters] == [(CLICKED, False), (ONLY_CLICKED, True)]


def test_outranked(group: Group):
    told = why(group, "i4", CLICKED)
    assert (told.cause, told.place, told.rank, told.rank_after_filters) == ("outranked", None, 5, 4)


def test_not_in_the_model_and_not_known_at_all(group: Group):
    told = why(group, "i6")
    assert (told.cause, told.rank, told.score, told.history) == ("notInModel", None, 0.0, [])
    told = why(group, "never-heard-of")
    assert (told.cause, told.rank, told.score) == ("unknownItem", None, None)


def test_popularity_for_newcomers(group: Group):
    assert why(group, "i1", user="nobody").cause == "popularity"


def test_promotion_and_what_it_displaces(group: Group):
    told = why(group, "i0", promoting=True)
    assert told.cause == "promotion" and told.place is not None and told.promotion is not None
    assert (told.promotion.name, told.promotion.includes) == ("sale", True)
    promoted_low = deployed(Asked((1.0, 6.0, 5.0, 4.0, 3.0, 2.0)))
    told = why(group, "i3", model=promoted_low, promoting=True)
    assert (told.cause, told.rank) == ("displaced", 3)
    assert told.promotion is not None and not told.promotion.includes


def test_exploration(group: Group):
    model = deployed(Asked(SCORES))
    model = replace(model, recipe=replace(model.recipe, exploration=Exploration(1.0)))
    seen = set()
    for user in range(30):
        answer = ask(group, model, user=f"n{user}", num_results=3)
        told = why(group, "i6", model=model, user=f"n{user}")
        assert told.exploration is not None and told.exploration.young
        assert told.exploration.chance == pytest.approx(1.0)  # 1.32 places for the one young item
        assert told.cause == "exploration" and told.place == answer.items.index("i6") + 1
        assert told.propensity == pytest.approx(1.0)
        third = why(group, "i2", model=model, user=f"n{user}")
        seen.add(third.cause)
        assert third.place is None or third.propensity is not None
    assert seen == {"displaced"}
    old = why(group, "i7", model=model)
    assert old.cause == "notInModel" and old.exploration is not None
    assert (old.exploration.young, old.exploration.chance) == (False, None)
    click(group, "v", "i6", LATEST, impression=("i6", "i7"))
    told = why(group, "i6", model=model)
    assert told.exploration is not None and (told.exploration.interactions, told.exploration.impressions) == (1, 1)


def test_a_young_item_that_was_not_drawn_has_its_chance_told(group: Group):
    model = deployed(Asked(SCORES))
    model = replace(model, recipe=replace(model.recipe, exploration=Exploration(0.3)))
    causes = {}
    for user in range(60):
        told = why(group, "i6", model=model, user=f"n{user}")
        assert told.exploration is not None
        assert told.exploration.chance == pytest.approx(0.0396 * 3)
        causes[told.cause] = told.propensity
    assert causes == {"exploration": pytest.approx(0.0396 * 3), "notInModel": None}


def test_of_a_list_to_be_ranked(group: Group):
    ranking = deployed(Asked(SCORES), "PERSONALIZED_RANKING")
    assert why(group, "i5", model=ranking, candidates=("i5", "i1")).place == 2
    told = why(group, "i2", model=ranking, candidates=("i5", "i1"))
    assert (told.cause, told.rank) == ("notCandidate", 3)


def test_of_an_answer_just_given(group: Group):
    question = Question(campaign="c", user="u", num_results=3)
    told = explain(
        FilteredQuestion(question), "i1", deployed(Asked(SCORES)), group, now=0.0, answered=("i9", "i8", "i1")
    )
    assert told.place == 3


def test_what_of_the_history_pulls():
    """A score that counts neighbours: each item of the history adds 1 to the next one, and takes 2 from itself."""

    def neighbours(query: Query) -> Any:
        scores = np.zeros(6, np.float32)
        np.add.at(scores, (query.history + 1) % 6, 1)
        np.add.at(scores, query.history, -2)
        return scores

    group = Group("g")
    for item in range(6):
        click(group, "v", f"i{item}", item)
    for time, item in enumerate(("i1", "i3", "i1", "i5")):
        click(group, "u", item, 100 + time)
    pulls = [
        (each.item_id, each.contribution, each.timestamp)
        for each in why(group, "i2", model=deployed(neighbours)).history
    ]
    assert pulls == [("i1", 2.0, 102)]
    pulls = [(each.item_id, each.contribution) for each in why(group, "i1", model=deployed(neighbours)).history]
    assert pulls == [("i1", -4.0)]
    assert why(group, "i4", model=deployed(neighbours), user="nobody").history == []


def test_wrong_questions_are_refused_as_ever(group: Group):
    with pytest.raises(InvalidInput, match="userId is required"):
        why(group, "i1", user=None)


def test_it_is_plain_json(group: Group):
    told = msgspec.json.decode(msgspec.json.encode(why(group, "i0", CLICKED)))
    assert set(told) == {
        "itemId", "userId", "source", "model", "cause", "because", "score", "rank", "filters"
    }  # fmt: skip
    assert told["because"] == TEXTS["filtered"]


def test_a_whole_engine_explains_its_answers(shop: Shop):
    shop.load_clicks("u i1 1", "v i1 2", "u i2 2", "w i2 3", "w i1 3", "x i3 4")
    shop.deploy(shop.train())
    shop.do("CreateFilter", name="unseen", datasetGroupArn=shop.group, filterExpression=CLICKED)
    question = Question(campaign="home", user="u", num_results=2, filter="unseen")
    assert shop.ask("u", filter="unseen") == ["i3"]
    told = shop.engine.answers.explain(question, "i1")
    assert told.cause == "filtered" and [(each.filter, each.keeps) for each in told.filters] == [("unseen", False)]
    assert shop.engine.answers.explain(question, "i3").place == 1
    assert list(shop.engine.shown.all())[-1].items == ("i3",)  # explanations are not answers
    assert len(list(shop.engine.shown.all())) == 1
