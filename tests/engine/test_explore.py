"""Exploration (specification §5.2): who may be explored, how likely that is, and what becomes of the others."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays

from engine import RECIPES, Promotion, Question, Ranked
from engine.data import entries
from engine.data.columns import Numbers, column_of
from engine.data.exposure import DAY_S, ItemExposure, Novelty
from engine.data.group import Group
from engine.data.log import Logged
from engine.data.snapshot import snapshot_of
from engine.filters import compile_filter
from engine.rank.explore import (
    SPELL_S,
    Exploration,
    ExplorationPool,
    explored,
    explored_among,
    explorer,
    scaled,
    systematic,
)
from engine.rank.topk import top_k
from engine.serving import serve
from engine.serving.deployments import Deployed
from engine.serving.question_filters import FilteredQuestion
from engine.use_cases import USE_CASES
from tests.engine.test_serve import Asked, deployed

COUNT = 12
OLD, NEW = 6, 6  # the model knows the first six, which are old; of the others it has not heard
LATEST = 100 * DAY_S


# ---- drawing


@given(arrays.arrays(np.float64, st.integers(0, 40), elements=st.floats(0, 1)), st.integers(0, 2**32))
def test_as_many_are_drawn_as_the_chances_add_up_to(chances: np.ndarray, seed: int):
    drawn = systematic(chances, np.random.default_rng(seed).random())
    assert len(set(drawn.tolist())) == len(drawn)
    assert np.floor(chances.sum() - 1e-6) <= len(drawn) <= np.ceil(chances.sum() + 1e-6)
    assert not np.any(chances[drawn] == 0)


def test_each_is_drawn_with_its_chance():
    chances = np.array([0.9, 0.5, 0.25, 0.25, 0.05, 0.0, 1.0])
    rounds = 8_000
    drawn = Counter(int(i) for seed in range(rounds) for i in systematic(chances, np.random.default_rng(seed).random()))
    shares = np.array([drawn[i] / rounds for i in range(len(chances))])
    assert np.all(np.abs(shares - chances) < 4 * np.sqrt(chances * (1 - chances) / rounds) + 1e-9)


def test_chances_are_in_proportion_and_never_over_one():
    def chances(novelty: list[float], expected: float) -> list[float]:
        scale, total = scaled(np.array(novelty, np.float32), expected)
        pool = ExplorationPool(np.zeros(0, np.int32), np.zeros(0), np.array(novelty, np.float32), scale, total)
        assert pool.chances.sum() == pytest.approx(total)
        return pool.chances.tolist()

    assert chances([1.0, 1.0, 2.0], 1.0) == [0.25, 0.25, 0.5]
    assert chances([1.0, 9.0], 2.0) == pytest.approx([0.2, 1.0])
    assert chances([0.0, 0.0], 2.0) == [0.0, 0.0]


@pytest.mark.parametrize(("weight", "places"), [(0.3, 25), (0.3, 4), (1.0, 6), (0.6, 3), (1.0, 40)])
def test_every_propensity_is_how_often_the_item_is_shown(weight: float, places: int):
    """Over many seeds; the sum of what is shown once a seed, each weighed by 1 / propensity, is what there is."""
    scores = np.concatenate((np.arange(20, 0, -1, dtype=np.float32), np.full(8, -np.inf, np.float32)))
    novelty = np.concatenate((np.zeros(15), [1, 1 / 2, 0, 1 / 4, 1], np.ones(7), [1 / 9])).astype(np.float32)
    rounds = 2_000
    shown, weighed = np.zeros(28), np.zeros(28)
    for seed in range(rounds):
        drawing = explorer(Exploration(weight), Novelty.of(novelty), str(seed))
        assert drawing is not None
        items, _, propensities = explored(drawing, top_k(scores, places), np.ones(28, np.bool_), places)
        assert len(set(items.tolist())) == len(items) <= places
        shown[items] += 1
        weighed[items] += 1 / propensities
    possible = shown > 0
    error = 4.5 * np.sqrt((rounds / np.maximum(shown, 1)) / rounds)
    assert np.all(np.abs(weighed / rounds - 1)[possible] < error[possible])


@given(
    novelty=arrays.arrays(np.float32, 600, elements=st.sampled_from([0.0, 0.25, 1.0])),
    allowed=arrays.arrays(np.bool_, 600),
    weight=st.sampled_from([0.1, 0.3, 1.0]),
    seed=st.integers(0, 99),
)
def test_the_same_are_drawn_without_a_look_at_every_item(
    novelty: np.ndarray, allowed: np.ndarray, weight: float, seed: int
):
    best, seen = np.arange(8, dtype=np.int32), np.array([9, 9, 12, 256, 511, 599], np.int32)
    drawing = explorer(Exploration(weight), Novelty.of(novelty), str(seed))
    if drawing is None:
        return
    told = explored_among(drawing, best, Novelty.of(novelty * allowed), (seen,), 8)
    left = allowed.copy()
    left[seen] = False
    whole = explored(drawing, best, left, 8)
    if told is not None:
        assert all(np.array_equal(one, other) for one, other in zip(told, whole, strict=True))
    else:  # too little is left for nobody's chance to be cut
        gone = np.unique(np.concatenate((best, seen)))
        left = (novelty * allowed).astype(np.float64)
        most, left[gone] = left.max(), 0
        assert drawing.share * 8 * most >= 0.999 * left.sum()


def test_relevance_keeps_its_order_and_explored_items_may_stand_anywhere():
    scores = np.arange(30, 0, -1, dtype=np.float32)
    novelty = np.concatenate((np.zeros(20), np.ones(10))).astype(np.float32)
    first = Counter()
    for seed in range(400):
        drawing = explorer(Exploration(1.0), Novelty.of(novelty), str(seed))
        assert drawing is not None
        items, is_explored, _ = explored(drawing, top_k(scores, 10), np.ones(30, np.bool_), 10)
        others = items[~is_explored].tolist()
        assert others == sorted(others) and is_explored.sum() in (4, 5)
        first[bool(is_explored[0])] += 1
    assert 0.3 < first[True] / 400 < 0.6  # 4.4 of 10 places


# ---- who is young


@pytest.fixture
def group() -> Group:
    """Six old items, chosen by u and v; new items without interactions put, the last of them long ago."""
    group = Group("g")
    for item in range(OLD):
        click(group, "u" if item < 3 else "v", f"i{item}", 10 * DAY_S + item)
    click(group, "w", "i0", LATEST)
    for item in range(OLD, COUNT):
        put(group, f"i{item}", LATEST - 5 * DAY_S if item < COUNT - 1 else LATEST - 31 * DAY_S)
    return group


def click(group: Group, user: str, item: str, time: float, impression: tuple[str, ...] = ()) -> None:
    event = entries.Interaction(user, f"s-{user}", item, "click", float(time), impression=impression)
    group.apply(Logged(group.seq + 1, "g", "event", user, entries.encode(event), 0.0))


def put(group: Group, item: str, created: int | None = None) -> None:
    row = entries.RecordRow(item, {"YEAR": 1} if created is None else {"CREATION_TIMESTAMP": created})
    group.apply(Logged(group.seq + 1, "g", "item", item, entries.encode(row), 0.0))


def novelty(group: Group, days: float = 30.0) -> list[float]:
    return [round(value, 4) for value in group.exposure.novelty(len(group.items), days).items.tolist()]


def test_items_inside_the_cut_off_are_young(group: Group):
    assert novelty(group) == [0.0] * 6 + [1.0] * 5 + [0.0]
    assert novelty(group, 31.0) == [0.0] * 6 + [1.0] * 6
    assert novelty(group, 4.9) == [0.0] * 12
    assert novelty(group, 1000.0)[:3] == [round(1 / 3, 4), 0.5, 0.5]


def test_without_a_creation_time_the_oldest_interaction_counts_and_without_any_an_item_is_new(group: Group):
    put(group, "bare")
    click(group, "v", "fresh", LATEST - DAY_S)
    click(group, "v", "fresh", LATEST - 2 * DAY_S)
    put(group, "i1", LATEST)  # an old item whose row now says otherwise
    assert novelty(group)[1] == 0.5
    assert novelty(group)[12:] == [1.0, round(1 / 3, 4)]


def test_age_counts_up_to_the_latest_interaction(group: Group):
    click(group, "w", "i0", LATEST + 40 * DAY_S)
    assert novelty(group) == [0.0] * 12


def test_what_was_seen_and_not_chosen_is_explored_less(group: Group):
    click(group, "w", "i0", LATEST, impression=("i0", "i6", "i7", "nobody"))
    click(group, "w", "i6", LATEST, impression=("i6", "i7"))
    shown = entries.encode(entries.Impression(("i8", "i7")))
    group.apply(Logged(group.seq + 1, "g", "shown", "", shown, 0.0))
    assert novelty(group)[6:] == [0.25, 0.25, 0.5, 1.0, 1.0, 0.0]
    assert "nobody" not in group.items.names(np.arange(len(group.items)))


def test_what_left_is_not_young(group: Group):
    click(group, "x", "only-x", LATEST)
    group.erase(["x"])
    assert novelty(group)[-1] == 0.0
    group.apply(Logged(group.seq + 1, "g", "cleared", "ITEMS", b"", 0.0))
    assert novelty(group) == [0.0] * 13
    group.apply(Logged(group.seq + 1, "g", "cleared", "INTERACTIONS", b"", 0.0))
    assert group.exposure.impressions(12).sum() == 0


def test_snapshots_say_what_the_log_said():
    columns = {"CREATION_TIMESTAMP": [3 * DAY_S, None, None], "YEAR": [None, 2, None]}
    snapshot = snapshot_of(
        np.array([0, 1, 1], np.int32),
        np.array([0, 0, 2], np.int32),
        np.array([9, 4, 5], np.int64) * DAY_S,
        item_names=["a", "b", "c"],
        item_columns={name: column_of(Numbers, values) for name, values in columns.items()},
    )
    exposure = ItemExposure(snapshot, np.array([7], np.int64))
    assert exposure.latest == 9 * DAY_S
    assert exposure.novelty(4, 5).items.tolist() == pytest.approx([0.0, 1.0, 0.5, 0.0])
    assert exposure.novelty(3, 6).items.tolist() == pytest.approx([1 / 10, 1.0, 0.5])


# ---- answers


def ask(group: Group, model: Deployed, *filters: str, now: float = 0.0, **question: Any) -> Ranked:
    return serve.answer(
        FilteredQuestion(
            Question(**{"campaign": "c", "user": "u", "num_results": 5, **question}),
            tuple(map(compile_filter, filters)),
        ),
        model,
        group,
        as_of=7,
        now=now,
        new_id=lambda: "00000000-0000-4000-8000-000000000000",
    )


def exploring(weight: float = 1.0, **recipe: Any) -> Deployed:
    model = deployed(Asked((6.0, 5.0, 4.0, 3.0, 2.0, 1.0)))
    return replace(model, recipe=replace(model.recipe, exploration=Exploration(weight), **recipe))


def test_weight_0_explores_nothing(group: Group):
    plain = ask(group, deployed(Asked((6.0, 5.0, 4.0, 3.0, 2.0, 1.0))))
    assert ask(group, exploring(0.0)) == plain
    assert plain.items == ("i0", "i1", "i2", "i3", "i4") and plain.propensities == ()


def test_scores_sum_to_one_over_all_items_and_shrink_by_one_factor(group: Group):
    plain = ask(group, exploring(0.0), num_results=12)
    answer = ask(group, exploring(0.3), num_results=500)
    scores = dict(zip(answer.items, answer.scores, strict=True))
    assert len(scores) == 11  # the old item of which nothing is known has no place in it
    assert sum(score or 0 for score in scores.values()) == pytest.approx(1.0, abs=1e-5)
    factors = [(scores[item] or 0) / (score or 1) for item, score in zip(plain.items, plain.scores, strict=True)]
    assert factors == pytest.approx([0.9604] * 6, abs=1e-4)
    assert len({scores[f"i{item}"] for item in range(6, 11)}) == 1


def test_over_many_users_every_young_item_is_shown_as_often_as_was_said(group: Group):
    shown: Counter[str] = Counter()
    said: dict[str, float] = {}
    users = 1500
    for user in range(users):
        answer = ask(group, exploring(), user=f"n{user}")
        assert len(answer.items) == len(set(answer.items)) == 5
        shown.update(answer.items)
        said |= zip(answer.items, answer.propensities, strict=True)
    assert shown["i11"] == 0 and all(shown[f"i{item}"] for item in range(6, 11))
    for item, propensity in said.items():
        assert shown[item] / users == pytest.approx(propensity, abs=0.05)


def test_neither_what_is_filtered_nor_what_the_user_knows_is_explored(group: Group):
    click(group, "n", "i6", LATEST)
    clicked = 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'
    for spell in range(100):
        now = spell * SPELL_S
        assert set(ask(group, exploring(), clicked, now=now).items) == {"i0", "i1", "i2"}
        assert "i6" not in ask(group, exploring(), user="n", now=now).items


def test_one_user_sees_one_draw_for_an_hour_and_another_the_next(group: Group):
    answers = [ask(group, exploring(), now=hour * SPELL_S + 100 * part) for hour in range(30) for part in (0, 1)]
    assert all(first.items == second.items for first, second in zip(answers[::2], answers[1::2], strict=True))
    assert len({answer.items for answer in answers}) > 10


def test_replicas_give_equal_answers_and_one_name_has_one_list_and_propensities(group: Group):
    first, second = (ask(group, exploring(), stable_id=True) for _ in range(2))
    assert first == second
    newcomers = {ask(group, exploring(), stable_id=True, user=f"n{user}") for user in range(9)}
    assert len(newcomers) == 1  # one cached answer serves them all
    names: dict[str, Any] = {}
    for hour in range(50):
        for user in ("u", "v", "n"):
            answer = ask(group, exploring(), stable_id=True, user=user, now=hour * SPELL_S)
            said = dict(zip(answer.items, answer.propensities, strict=True))
            assert names.setdefault(answer.recommendation_id, said) == said


def test_version_2_says_what_is_explored(group: Group):
    for user, usual in (("u", None), ("newcomer", "Popular item")):
        answer = ask(group, exploring(v2=True), user=user)
        told = dict(zip(answer.items, answer.reasons, strict=True))
        assert {told[item] for item in told if int(item[1:]) >= 6} == {"Exploration"}
        assert {told[item] for item in told if int(item[1:]) < 6} == {usual}


def test_promotions_keep_their_places(group: Group):
    promoting = compile_filter('INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")')
    question = Question(campaign="c", user="u", num_results=6, promotion=Promotion(name="sale", percent=50, filter="f"))
    how: dict[str, Any] = {"as_of": 7, "new_id": lambda: "1"}
    explored_ever = False
    for hour in range(40):
        answer = serve.answer(FilteredQuestion(question, (), promoting), exploring(), group, now=hour * SPELL_S, **how)
        promoted = [item for item, name in zip(answer.items, answer.promotion_names, strict=True) if name]
        assert promoted == ["i0", "i1", "i2"] and len(set(answer.items)) == 6
        said = dict(zip(answer.items, answer.propensities, strict=True))
        assert {said[item] for item in promoted} == {1.0}
        explored_ever |= any(int(item[1:]) >= 6 for item in answer.items)
    assert explored_ever


def test_a_model_that_knows_nothing_leaves_it_to_exploration(group: Group):
    model = exploring()
    nothing = replace(model, scorer=Asked((-np.inf,) * 6))
    answer = ask(group, nothing, num_results=5)
    assert answer.items and set(answer.items) <= {f"i{item}" for item in range(6, 11)}
    assert all(score is not None and 0 < score < 1 for score in answer.scores)


def test_what_a_configuration_says_counts():
    usual = Exploration()
    assert usual.configured({}) == Exploration(0.3, 30.0)
    assert usual.configured({"explorationWeight": "0.7"}) == Exploration(0.7, 30.0)
    assert usual.configured({"explorationItemAgeCutOff": "7"}) == Exploration(0.3, 7.0)


@pytest.mark.parametrize("name", sorted(USE_CASES))
def test_two_use_cases_explore(name: str):
    usual = Exploration() if name in ("aws-ecomm-recommended-for-you", "aws-vod-top-picks") else None
    assert USE_CASES[name].recipe.exploration == usual


def test_which_recipes_explore():
    exploring = {name: recipe.exploration.weight for name, recipe in RECIPES.items() if recipe.exploration is not None}
    assert exploring.pop("aws-user-personalization-v2") < exploring.pop("aws-user-personalization") == 0.3
    assert all("hrnn" in name for name in exploring)  # the ancestors, which train its model
