"""Answers by an index: filters hold, lists are full, and where the index has too little the exact scan answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine import Cap, Diversity, Promotion, Question, Tired
from engine.cohorts.cohorts import EVERYONE
from engine.data import entries
from engine.data.group import Group
from engine.data.log import Logged
from engine.data.schema import Field, Schema
from engine.ensemble import indexing
from engine.ensemble.scorer import Ensemble
from engine.filters import CompiledFilter, compile_filter
from engine.nearest import cells
from engine.rank.rule import DiversityRule
from engine.recipe import silent
from engine.serving import serve
from engine.serving.deployments import Deployed
from engine.serving.question_filters import FilteredQuestion
from engine.serving.ranking import LiveState, RankingContext, ranking_context
from loadtests.blend import blend_of, visits
from tests.engine.test_serve import deployed

ITEMS = 6_000
CLICKED = 'ItemID WHERE Interactions.EVENT_TYPE IN ("click")'
EXPECTED = 25


@pytest.fixture(scope="module")
def ensemble() -> Iterator[Ensemble]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(indexing, "FEWEST", ITEMS)
        patch.setattr(cells, "A_CELL", 30)
        found = Ensemble(indexing.indexed(blend_of(ITEMS), visits(ITEMS), 0, silent))
        assert found.index is not None
        yield found


@pytest.fixture(scope="module")
def group() -> Group:
    """u clicked 30 items of one cluster, and an item that came after training; w clicked only that one."""
    return group_of()


def group_of(*disliked: str) -> Group:
    """The same, where u also dislikes some."""
    group = Group("g")
    for item in range(ITEMS):
        group.items.add(str(item))
    clicks = [("u", str(item)) for item in range(7, 7 + 40 * 30, 40)] + [("u", "later"), ("w", "later")]
    events = [(*click, "click") for click in clicks] + [("u", item, "dislike") for item in disliked]
    for seq, (user, item, kind) in enumerate(events, 2):
        event = entries.Interaction(user, f"s{seq}", item, kind, 10.0 * seq)
        group.apply(Logged(seq, "g", "event", user, entries.encode(event), 0.0))
    return group


def case_with(group: Group, model: Deployed, *filters: str, user: str = "u", **question: Any) -> RankingContext:
    asked = Question(campaign="c", user=user, **{"num_results": EXPECTED, **question})
    compiled: tuple[CompiledFilter, ...] = tuple(map(compile_filter, filters))
    live = LiveState.of(group, user)
    return ranking_context(FilteredQuestion(asked, compiled), model, live, 99.0)


def by_scan(ensemble: Ensemble) -> Deployed:
    return deployed(lambda query: ensemble(query))


@pytest.mark.parametrize("filters", [(), (f"EXCLUDE {CLICKED}",)])
def test_the_index_answers_what_the_scan_answers(group: Group, ensemble: Ensemble, filters: tuple[str, ...]) -> None:
    near, exact = (case_with(group, model, *filters) for model in (deployed(ensemble), by_scan(ensemble)))
    shown, expected = serve.shown_of(near), serve.shown_of(exact)
    assert "model_scores" not in vars(near), "the whole catalogue was scored"
    assert len(shown.items) == EXPECTED and len(set(shown.items) & set(expected.items)) >= EXPECTED - 1
    scores = dict(zip(expected.items, expected.scores, strict=True))
    for item, score in zip(shown.items, shown.scores, strict=True):
        assert score == pytest.approx(scores.get(item, score), rel=0.03, abs=2e-7)
    assert not near.knows_nothing and not exact.knows_nothing


def test_who_did_only_what_the_model_does_not_know_is_new(group: Group, ensemble: Ensemble) -> None:
    near, exact = (case_with(group, model, user="w") for model in (deployed(ensemble), by_scan(ensemble)))
    assert near.knows_nothing and exact.knows_nothing
    assert serve.shown_of(near) == serve.shown_of(exact)


def test_a_filter_that_leaves_few_is_answered_in_full_by_the_scan(group: Group, ensemble: Ensemble) -> None:
    near, exact = (
        case_with(group, model, f"INCLUDE {CLICKED}", num_results=20)
        for model in (deployed(ensemble), by_scan(ensemble))
    )
    assert serve.shown_of(near) == serve.shown_of(exact)
    assert len(serve.shown_of(near).items) == 20


def test_a_list_deeper_than_was_measured_is_answered_by_the_scan(group: Group, ensemble: Ensemble) -> None:
    near, exact = (case_with(group, each, num_results=500) for each in (deployed(ensemble), by_scan(ensemble)))
    assert serve.shown_of(near) == serve.shown_of(exact)
    assert len(serve.shown_of(near).items) == 500


def test_lists_asked_for_together_are_those_that_each_has_alone(group: Group, ensemble: Ensemble) -> None:
    asked = [
        FilteredQuestion(Question(campaign="c", user=user, num_results=count, stable_id=True, **more))
        for user in ("u", "w", "nobody")
        for count in (EXPECTED, 500)
        for more in ({}, {"cohort": EVERYONE})
    ]
    model, told = deployed(ensemble), {"as_of": 1, "now": 99.0, "new_id": lambda: "x"}
    alone = [answer for each in asked for answer in serve.answers((each,), model, group, **told)]
    assert serve.answers(asked, model, group, **told) == alone
    assert [len(each.items) for each in alone[:3]] == [EXPECTED, EXPECTED, 500]


def test_promotions_and_rankings_are_scored_by_the_scan(group: Group, ensemble: Ensemble) -> None:
    promotion = Promotion(name="p", filter="f", percent=20)
    assert case_with(group, deployed(ensemble), promotion=promotion).shortlist is None
    assert case_with(group, deployed(ensemble), candidates=("1", "2")).shortlist is None


def test_items_that_are_but_names_are_not_recommended(group: Group, ensemble: Ensemble) -> None:
    model = deployed(ensemble)
    case = case_with(group, model)
    best = case.best[~np.isin(case.best, case.live.history.items)][:3]
    again = case_with(group, replace(model, absent=np.sort(best)))
    assert len(again.best) == EXPECTED and not set(best.tolist()) & set(again.best.tolist())
    assert again.shares(best).tolist() == [0, 0, 0]


@pytest.mark.parametrize("weight", [0.0, 0.4])
def test_the_index_leaves_out_and_lowers_what_the_scan_does(group: Group, ensemble: Ensemble, weight: float) -> None:
    """Where the user dislikes some of the best, and is tired of others."""
    best = serve.shown_of(case_with(group, by_scan(ensemble))).items
    tired, disliked = Tired(best[4:12], weight), best[:3]
    group = group_of(*disliked)
    near, exact = (
        case_with(group, replace(model, group_tags={"recgate:negativeEvents": '["dislike"]'}), fatigue=tired)
        for model in (deployed(ensemble), by_scan(ensemble))
    )
    shown, expected = serve.shown_of(near), serve.shown_of(exact)
    assert "model_scores" not in vars(near), "the whole catalogue was scored"
    assert len(shown.items) == EXPECTED and len(set(shown.items) & set(expected.items)) >= EXPECTED - 1
    assert not set(shown.items) & set(disliked)
    assert bool(set(shown.items) & set(tired.items)) == bool(set(expected.items) & set(tired.items))
    scores = dict(zip(expected.items, expected.scores, strict=True))
    for item, score in zip(shown.items, shown.scores, strict=True):
        assert score == pytest.approx(scores.get(item, score), rel=0.05, abs=2e-7)


def test_caps_choose_among_what_the_index_lists_and_beyond_it_only_where_they_must(
    group: Group, ensemble: Ensemble
) -> None:
    items = Schema("Items", "ITEMS", tuple(Field(name=name, type="string") for name in ("CLUSTER", "SHELF")))
    for item in range(ITEMS):
        group.item_table.put(item, {"CLUSTER": f"c{item % 40}", "SHELF": f"s{item // 40 % 40}"})
    for column, most, enough in (("SHELF", 2, True), ("CLUSTER", 1, False)):
        rule = DiversityRule.of(Diversity(caps=(Cap(column=column, most=most),)), items)
        question = FilteredQuestion(Question(campaign="c", user="u", num_results=EXPECTED), diversity=rule)
        model = deployed(ensemble)
        context = ranking_context(question, model, LiveState.of(group, "u"), 99.0)
        shown = serve.shown_of(context).items
        counts = Counter(group.item_table.value(int(item), column) for item in shown)
        assert len(shown) == EXPECTED and max(counts.values()) <= most
        assert ("scores" not in vars(context)) is enough
