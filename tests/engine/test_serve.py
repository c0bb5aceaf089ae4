"""One answer, on a model of four items a, b, c, d, over states with known histories."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from engine import InvalidInput, Promotion, Question, Ranked
from engine.data import entries
from engine.data.group import Group
from engine.data.log import Logged
from engine.filters import compile_filter
from engine.impressions.ids import named
from engine.recipe import Model, Query, Recipe
from engine.records import CampaignRecord
from engine.serving import serve
from engine.serving.deployments import Deployed
from engine.serving.question_filters import FilteredQuestion

CLICKED = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'
SCORES = (1.0, 3.0, 2.0, -np.inf)


class Params(msgspec.Struct, frozen=True):
    pass


class Asked:
    """A scorer of fixed scores that keeps what it was asked."""

    def __init__(self, scores: tuple[float, ...] = SCORES) -> None:
        self.scores, self.queries = np.array(scores, np.float32), list[Query]()

    def __call__(self, query: Query) -> Any:
        self.queries.append(query)
        return self.scores


def deployed(scorer: Any, kind: Any = "USER_PERSONALIZATION", *, scores: bool = True) -> Deployed:
    recipe = Recipe(
        name="a-recipe",
        kind=kind,
        params=Params,
        train=lambda snapshot, params, seed, progress: Model({}),
        ready=lambda model: scorer,
        scores=scores,
    )
    campaign = CampaignRecord(
        arn="arn:campaign/c",
        account="1",
        name="c",
        creation_date_time=0.0,
        last_updated_date_time=0.0,
        solution_arn="",
        solution_version_arn="",
    )
    return Deployed(campaign, "g", "arn:group", recipe, scorer, "popular/1", 0.0, Path(), 2)


@pytest.fixture
def group() -> Group:
    """u has clicked b; e came after the model was trained."""
    group = Group("g")
    for item in "abcd":
        group.items.add(item)
    for seq, item in enumerate(("b", "e"), 2):
        event = entries.Interaction("u" if item == "b" else "v", f"s{seq}", item, "click", 10.0 * seq)
        group.apply(Logged(seq, "g", "event", "u", entries.encode(event), 0.0))
    return group


def ask(group: Group, model: Deployed, *filters: str, **question: Any) -> Ranked:
    numbers = iter(range(100))
    return serve.answer(
        FilteredQuestion(Question(campaign="c", **question), tuple(map(compile_filter, filters))),
        model,
        group,
        as_of=7,
        now=99.0,
        new_id=lambda: f"00000000-0000-4000-8000-{next(numbers):012}",
    )


def test_the_best_come_first_with_shares_of_the_whole_catalogue(group: Group):
    answer = ask(group, deployed(Asked()), user="u", num_results=2)
    total = np.exp([1.0, 3.0, 2.0]).sum()
    assert answer.items == ("b", "c")
    assert answer.scores == pytest.approx((np.exp(3.0) / total, np.exp(2.0) / total), abs=1e-7)
    assert (answer.recommendation_id, answer.model, answer.as_of) == (
        named("arn:campaign/c", f"00000000-0000-4000-8000-{0:012}"),
        "popular/1",
        7,
    )


def test_what_scores_nothing_is_never_recommended(group: Group):
    assert ask(group, deployed(Asked()), user="u").items == ("b", "c", "a")
    nothing = ask(group, deployed(Asked((-np.inf,) * 4)), user="u")
    assert (nothing.items, nothing.scores) == ((), ())


def test_a_recipe_without_scores_shows_none(group: Group):
    assert ask(group, deployed(Asked(), scores=False), user="u", num_results=2).scores == (None, None)


def test_the_scorer_is_asked_in_ids(group: Group):
    scorer = Asked()
    ask(group, deployed(scorer), user="u", item="c")
    ask(group, deployed(scorer), user="nobody", item="unheard of")
    known, unknown = scorer.queries
    assert (known.history.tolist(), known.times.tolist(), known.item, known.now) == ([1], [20], 2, 99.0)
    assert (unknown.history.tolist(), unknown.item) == ([], -1)
    assert [part.tolist() for part in known.stream.recent()] == [[4], [30]]  # since the model was trained


def test_filters_all_apply_and_shares_stay_those_of_the_catalogue(group: Group):
    whole, part = (ask(group, deployed(Asked()), *filters, user="u") for filters in ((), (CLICKED, CLICKED)))
    assert part.items == ("c", "a")
    assert part.scores == whole.scores[1:]


def test_items_newer_than_the_model_have_no_place_yet(group: Group):
    assert "e" not in ask(group, deployed(Asked()), user="u").items


def test_a_model_that_knows_more_items_than_are_followed(group: Group):
    assert ask(group, deployed(Asked((1.0,) * 5 + (9.0,))), user="u").items == ("a", "b", "c", "d", "e")


def test_items_that_come_while_an_answer_is_made_do_not_disturb_it(group: Group):
    class Growing(Asked):
        def __call__(self, query: Query) -> Any:
            event = entries.Interaction("u", "s", f"new{group.seq}", "click", 50.0)
            group.apply(Logged(group.seq + 1, "g", "event", "u", entries.encode(event), 0.0))
            return super().__call__(query)

    assert ask(group, deployed(Growing()), CLICKED, CLICKED, user="u").items == ("c", "a")
    ranking = deployed(Growing(), "PERSONALIZED_RANKING")
    candidates = (f"new{group.seq}", "a", "c")
    assert ask(group, ranking, CLICKED, user="u", candidates=candidates).items == ("c", "a", candidates[0])


# ---- reordering


def test_candidates_are_reordered_with_shares_among_themselves(group: Group):
    answer = ask(group, deployed(Asked(), "PERSONALIZED_RANKING"), user="u", candidates=("a", "c", "b", "a"))
    assert answer.items == ("b", "c", "a")
    assert sum(answer.scores) == pytest.approx(1.0, abs=1e-6)


def test_what_the_model_does_not_know_comes_last_as_given_and_without_score(group: Group):
    ranking = deployed(Asked(), "PERSONALIZED_RANKING")
    answer = ask(group, ranking, user="u", candidates=("x", "d", "a", "e", "b"))
    assert answer.items == ("b", "a", "x", "d", "e")
    assert answer.scores[2:] == (None, None, None)
    assert ask(group, ranking, user="u", candidates=("x", "y")).items == ("x", "y")


def test_filtered_candidates_are_left_out(group: Group):
    ranking = deployed(Asked(), "PERSONALIZED_RANKING")
    assert ask(group, ranking, CLICKED, user="u", candidates=("a", "b", "x")).items == ("a", "x")


# ---- wrong questions


@pytest.mark.parametrize(
    ("kind", "question", "reason"),
    [
        ("USER_PERSONALIZATION", {}, "userId is required"),
        ("USER_PERSONALIZATION", {"user": "u", "candidates": ("a",)}, "answers GetRecommendations only"),
        ("PERSONALIZED_RANKING", {"user": "u"}, "answers GetPersonalizedRanking only"),
        ("PERSONALIZED_RANKING", {"candidates": ("a",)}, "userId is required"),
        ("RELATED_ITEMS", {"user": "u"}, "itemId is required"),
    ],
)
def test_a_wrong_question_is_refused(group: Group, kind: str, question: dict[str, Any], reason: str):
    with pytest.raises(InvalidInput, match=reason):
        ask(group, deployed(Asked(), kind), **question)


def test_a_filter_on_the_user_needs_one(group: Group):
    popular = deployed(Asked(), "POPULAR_ITEMS")
    assert ask(group, popular).items == ("b", "c", "a")
    with pytest.raises(InvalidInput, match="the filter depends on the user"):
        ask(group, popular, CLICKED)


def test_equal_answers_of_one_model_have_one_id_where_that_is_asked_for(group: Group):
    model = deployed(Asked())
    one, same, other, newer = (
        ask(group, each, user="u", num_results=count, stable_id=True).recommendation_id
        for each, count in ((model, 2), (model, 2), (model, 1), (replace(model, model="popular/2"), 2))
    )
    assert one == same
    assert len({one, other, newer}) == 3


# ---- reasons


def second(scorer: Any, **how: Any) -> Deployed:
    model = deployed(scorer, **how)
    return replace(model, recipe=replace(model.recipe, v2=True))


def test_a_newcomer_is_told_that_items_are_merely_popular(group: Group):
    answer = ask(group, second(Asked()), user="nobody", num_results=2)
    assert answer.items == ("b", "c")
    assert (answer.scores, answer.reasons) == ((None, None), ("Popular item", "Popular item"))


def test_of_a_user_that_the_model_knows_nothing_of(group: Group):
    assert ask(group, second(Asked()), user="v").reasons == ("Popular item",) * 3  # v has only touched e


def test_what_a_user_gets_by_its_history_needs_no_reason(group: Group):
    answer = ask(group, second(Asked()), user="u")
    assert answer.reasons == ()
    assert None not in answer.scores


def test_other_recipes_give_no_reasons(group: Group):
    assert ask(group, deployed(Asked()), user="nobody").reasons == ()


def test_promoted_items_are_said_to_be(group: Group):
    promotion = Promotion(name="sale", percent=1, filter="f")
    for user, others in (("u", None), ("nobody", "Popular item")):
        question = Question(campaign="c", user=user, promotion=promotion)
        everything = compile_filter('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("none")')
        how: dict[str, Any] = {"as_of": 7, "now": 99.0, "new_id": lambda: "1"}
        answer = serve.answer(FilteredQuestion(question, (), everything), second(Asked()), group, **how)
        told = dict(zip(answer.items, answer.reasons, strict=True))
        assert told == {"b": "Promoted item", "c": others, "a": others}
