"""What every recipe promises, over tiny worlds. A new recipe is picked up unasked."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from engine.data.columns import Floats
from engine.data.snapshot import Snapshot
from engine.recipe import Model, Query, Recipe, scored, silent
from engine.recipes import RECIPES
from tests.engine.recipes import worlds
from tests.engine.recipes.errands import errands

ALL = list(RECIPES.values())
SMALL = {"sequence_most_epochs": "8", "sequence_dimension": "16", "hidden_dimension": "32"}
OF_ITEMS = [recipe for recipe in ALL if recipe.kind not in ("USER_SEGMENTATION", "PERSONALIZED_ACTIONS")]
OF_ACTIONS = [recipe for recipe in ALL if recipe.kind == "PERSONALIZED_ACTIONS"]
OF_USERS = [recipe for recipe in ALL if recipe.kind == "USER_SEGMENTATION"]
PERSONALISED = [recipe for recipe in ALL if recipe.kind in ("USER_PERSONALIZATION", "PERSONALIZED_RANKING")]
WORLDS = {name: getattr(worlds, name) for name in ("checkerboard", "chain", "groups", "grocery")}
WORLDS["errands"] = lambda: errands(users=400, actions=4, share=0.8).snapshot

DISTINCT = list({id(recipe.train): recipe for recipe in ALL}.values())  # several may share one way to train

every = pytest.mark.parametrize("recipe", ALL, ids=lambda recipe: recipe.name)
distinct = pytest.mark.parametrize("recipe", DISTINCT, ids=lambda recipe: recipe.name)
of_items = pytest.mark.parametrize("recipe", OF_ITEMS, ids=lambda recipe: recipe.name)
of_users = pytest.mark.parametrize("recipe", OF_USERS, ids=lambda recipe: recipe.name)
personalised = pytest.mark.parametrize("recipe", PERSONALISED, ids=lambda recipe: recipe.name)


def params_of(recipe: Recipe[Any], **hyperparameters: str) -> Any:
    small = {name: value for name, value in SMALL.items() if name in recipe.params.__struct_fields__}
    return recipe.parse(small | hyperparameters)


def home(recipe: Recipe[Any]) -> str:
    """A world that has what the recipe needs."""
    return "errands" if recipe in OF_ACTIONS else "groups"


def candidates(recipe: Recipe[Any], snapshot: Snapshot) -> int:
    if recipe in OF_USERS:
        return snapshot.user_count
    scored = snapshot.actions if recipe in OF_ACTIONS else snapshot
    assert scored is not None
    return scored.item_count


def trained(name: str, world: str) -> tuple[Snapshot, Model]:
    """Once a world and a way to train: ranking shares the model of recommending."""
    return _trained(next(recipe.name for recipe in ALL if recipe.train is RECIPES[name].train), world)


@cache
def _trained(name: str, world: str) -> tuple[Snapshot, Model]:
    snapshot, recipe = WORLDS[world](), RECIPES[name]
    return snapshot, recipe.train(snapshot, params_of(recipe), 1, silent)


def same(scores: Floats, others: Floats) -> None:
    """Equal but for the last bits, which depend on how memory happens to be aligned."""
    np.testing.assert_allclose(scores, others, rtol=1e-4, atol=1e-4)


def asked(snapshot: Snapshot) -> Query:
    items, times = snapshot.history(0)
    alike = np.arange(snapshot.item_count) // 8 == items[-1] // 8
    return Query(items, times, item=int(items[-1]), now=float(times[-1]), attributes=alike)


@every
def test_scores_every_candidate_with_finite_numbers_or_minus_infinity(recipe: Recipe[Any]) -> None:
    snapshot, model = trained(recipe.name, home(recipe))
    scores = recipe.ready(model)(asked(snapshot))
    assert scores.shape == (candidates(recipe, snapshot),)
    assert scores.dtype == np.float32
    assert not np.isnan(scores).any()
    assert not np.isposinf(scores).any()


@distinct
def test_same_seed_same_scores(recipe: Recipe[Any]) -> None:
    snapshot, model = trained(recipe.name, home(recipe))
    again = recipe.train(snapshot, params_of(recipe), 1, silent)
    same(recipe.ready(again)(asked(snapshot)), recipe.ready(model)(asked(snapshot)))


@every
def test_survives_storage_without_pickle(recipe: Recipe[Any], tmp_path: Path) -> None:
    snapshot, model = trained(recipe.name, home(recipe))
    for name, array in model.arrays.items():
        np.save(tmp_path / f"{name}.npy", array, allow_pickle=False)
    stored = {name: np.load(tmp_path / f"{name}.npy", allow_pickle=False, mmap_mode="r") for name in model.arrays}
    copy = Model(stored, json.loads(json.dumps(model.about)))
    assert "chosen" in copy.about
    same(recipe.ready(copy)(asked(snapshot)), recipe.ready(model)(asked(snapshot)))


@every
@pytest.mark.parametrize("known", [True, False])
def test_ids_beyond_the_model_are_passed_over(recipe: Recipe[Any], known: bool) -> None:
    snapshot, model = trained(recipe.name, home(recipe))
    beyond = np.array([9_999, 10_000], np.int32)
    history = snapshot.history(0)[0] if known else beyond[:0]
    with_them = Query(np.concatenate((beyond, history)), item=10_001)
    score = recipe.ready(model)
    np.testing.assert_array_equal(score(with_them), score(Query(history)))


@of_items
def test_answers_an_empty_history(recipe: Recipe[Any]) -> None:
    _, model = trained(recipe.name, home(recipe))
    scores = recipe.ready(model)(Query())
    assert np.isfinite(scores[:24]).all()
    assert scores[24:].max() < scores[:24].max()  # nobody touched these


@every
def test_does_not_change_what_it_is_asked_with(recipe: Recipe[Any]) -> None:
    snapshot, model = trained(recipe.name, home(recipe))
    score, query = recipe.ready(model), asked(snapshot)
    first = score(query).copy()
    np.testing.assert_array_equal(score(query), first)


@every
def test_trains_on_nothing(recipe: Recipe[Any]) -> None:
    snapshot = worlds.rows_of([(0, 0, worlds.START)])
    snapshot = replace(snapshot, actions=snapshot.take(np.zeros(1, np.bool_)))
    model = recipe.train(snapshot, params_of(recipe), 0, silent)
    assert recipe.ready(model)(Query()).shape == (1,)


@every
def test_can_be_stopped(recipe: Recipe[Any]) -> None:
    class StoppedError(Exception):
        pass

    def stop(fraction: float, message: str) -> None:
        assert 0 <= fraction <= 1
        assert message
        raise StoppedError

    with pytest.raises(StoppedError):
        recipe.train(WORLDS[home(recipe)](), params_of(recipe), 0, stop)


@every
def test_refuses_unknown_hyperparameters(recipe: Recipe[Any]) -> None:
    with pytest.raises(msgspec.ValidationError, match="no_such"):
        recipe.parse({"no_such": "1"})


@every
def test_hidden_hyperparameters_exist(recipe: Recipe[Any]) -> None:
    assert recipe.hidden <= set(recipe.params.__struct_fields__)
    assert recipe.description


@of_users
def test_finds_the_users_of_a_group(recipe: Recipe[Any]) -> None:
    """User u keeps to the items of group u % 3; asked for another group's item, or its category, other users come."""
    snapshot, model = trained(recipe.name, "groups")
    score = recipe.ready(model)
    for item in range(24):
        genre = np.arange(snapshot.item_count) // 8 == item // 8
        question = Query(attributes=genre) if recipe.by_attributes else Query(item=item)
        assert set(np.argsort(-score(question), kind="stable")[:20] % 3) == {item // 8}


@of_users
def test_asked_for_nothing_known_the_most_active_users_come_first(recipe: Recipe[Any]) -> None:
    rows = [(user, item, worlds.START + item) for user in range(6) for item in range(2 + user)]
    snapshot = worlds.rows_of(rows, user_names=[f"user-{user}" for user in range(7)])
    score = recipe.ready(recipe.train(snapshot, params_of(recipe), 0, silent))
    for question in (Query(), Query(item=99), Query(attributes=np.zeros(8, np.bool_))):
        assert np.argsort(-score(question)).tolist() == [5, 4, 3, 2, 1, 0, 6]
        assert np.isneginf(score(question)[6])  # never seen: in no segment
    assert np.isneginf(score(Query(item=1))[6])


@of_users
def test_attributes_may_be_of_a_larger_catalogue(recipe: Recipe[Any]) -> None:
    snapshot, model = trained(recipe.name, "groups")
    mask = np.arange(snapshot.item_count) < 8
    larger = np.concatenate((mask, np.ones(5, np.bool_)))
    score = recipe.ready(model)
    np.testing.assert_array_equal(score(Query(attributes=larger)), score(Query(attributes=mask)))


@personalised
def test_finds_the_item_withheld_on_a_checkerboard(recipe: Recipe[Any]) -> None:
    snapshot, model = trained(recipe.name, "checkerboard")
    score = recipe.ready(model)
    for user in range(snapshot.user_count):
        items, times = snapshot.history(user)
        scores = score(Query(items, times)).copy()
        scores[items] = -np.inf
        assert scores.argmax() == user


@personalised
def test_follows_a_chain(recipe: Recipe[Any]) -> None:
    _, model = trained(recipe.name, "chain")
    score = recipe.ready(model)
    best = [int(score(Query(np.arange(i - 2, i + 1, dtype=np.int32))).argmax()) for i in range(4, 28)]
    assert best == list(range(5, 29))


@personalised
def test_a_seen_item_keeps_a_finite_score(recipe: Recipe[Any]) -> None:
    snapshot, model = trained(recipe.name, "checkerboard")
    assert np.isfinite(recipe.ready(model)(asked(snapshot))).all()


@personalised
def test_repeats_what_people_buy_again(recipe: Recipe[Any]) -> None:
    snapshot, model = trained(recipe.name, "grocery")
    score = recipe.ready(model)
    assert model.about["chosen"]["protocol"] == "seen items kept"
    for user in range(snapshot.user_count):
        items, times = snapshot.history(user)
        favourites = np.argsort(-np.bincount(items, minlength=snapshot.item_count), kind="stable")[:3]
        assert set(np.argsort(-score(Query(items, times)))[:6]) >= set(favourites)


@personalised
def test_says_what_it_tried_and_kept(recipe: Recipe[Any]) -> None:
    _, model = trained(recipe.name, "checkerboard")
    chosen = model.about["chosen"]
    assert set(chosen["blends"]) == {"active", "returning", "new"}
    assert len(chosen["tried_ndcg_at_10"]) > 5
    assert chosen["protocol"] == "seen items removed"


@personalised
def test_what_is_promised_is_promised_of_the_sequence_model_too(recipe: Recipe[Any]) -> None:
    """It is part of the model that most of these tests ask."""
    _, model = trained(recipe.name, home(recipe))
    assert any(name.startswith("sequence") for name in model.about["chosen"]["blends"]["active"]["weights"])


@personalised
def test_trains_again_with_what_it_chose(recipe: Recipe[Any]) -> None:
    snapshot, model = trained(recipe.name, "chain")
    assert recipe.again is not None
    again = recipe.again(model, snapshot, params_of(recipe), 1, silent)
    same(recipe.ready(again)(asked(snapshot)), recipe.ready(model)(asked(snapshot)))


@every
def test_many_are_scored_as_each_alone(recipe: Recipe[Any]) -> None:
    """To the bit: what a batch holds beside a question must not show in its answer."""
    snapshot, model = trained(recipe.name, home(recipe))
    first = asked(snapshot)
    histories = [snapshot.history(user) for user in (0, 1, 2, 3, 1)]
    queries = [first, *(Query(items, times, item=0, user=5, now=first.now) for items, times in histories), Query()]
    queries += [replace(first, now=first.now + 86_400.0), replace(first, history=np.array([9_999, 0], np.int32))]
    if recipe.by_attributes:
        queries = [replace(query, attributes=first.attributes) for query in queries]
    together = scored(recipe.ready(model), queries)
    alone = recipe.ready(model)
    for query, scores in zip(queries, together, strict=True):
        assert np.array_equal(scores, alone(query))
