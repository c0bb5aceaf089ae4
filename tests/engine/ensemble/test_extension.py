"""Items that came after training: placed by what is said about them, without a change to what the model knows."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.data.snapshot import Snapshot
from engine.recipe import Model, Query, Recipe, silent
from engine.recipes import RECIPES
from engine.serving import artifacts
from engine.storage.artifact_store import FolderStore
from tests.engine.recipes.test_contract import SMALL
from tests.engine.recipes.worlds import groups

KNOWN, NEW = 24, 3
ABLE = [RECIPES["aws-user-personalization"], RECIPES["aws-user-personalization-v2"]]


def params(recipe: Recipe[Any]) -> Any:
    known = set(recipe.params.__struct_fields__)
    return recipe.parse({name: value for name, value in SMALL.items() if name in known})


def before() -> Snapshot:
    """Without the items 24, 25 and 26, of the genres of 0..7, 8..15 and 16..23."""
    later = groups()
    columns = {name: column.take(np.arange(KNOWN)) for name, column in later.item_columns.items()}
    return replace(later, item_names=later.item_names[:KNOWN], item_columns=columns)


@cache
def trained(name: str) -> Model:
    recipe = RECIPES[name]
    return recipe.train(before(), params(recipe), 1, silent)


def extended(name: str, snapshot: Snapshot | None = None) -> Model:
    recipe = RECIPES[name]
    assert recipe.extend is not None
    return recipe.extend(trained(name), groups() if snapshot is None else snapshot, params(recipe), silent)


able = pytest.mark.parametrize("name", [recipe.name for recipe in ABLE])


@able
def test_who_likes_a_genre_gets_its_new_item(name: str):
    score = RECIPES[name].ready(extended(name))
    for genre in range(3):
        history = np.arange(genre * 8, genre * 8 + 4, dtype=np.int32)
        scores = score(Query(history))
        assert len(scores) == KNOWN + NEW and np.isfinite(scores).all()
        assert np.argmax(scores[KNOWN:]) == genre
        others = np.setdiff1d(np.arange(KNOWN), np.arange(genre * 8, genre * 8 + 8))
        assert (scores[KNOWN + genre] > scores[others]).mean() > 0.9


def test_who_can_be_extended():
    able = {recipe.name for recipe in RECIPES.values() if recipe.extend is not None}
    assert able - {"aws-semantic-similarity"} == {
        "aws-user-personalization",
        "aws-user-personalization-v2",
        "aws-hrnn-coldstart",
    }


@able
def test_what_was_known_keeps_its_scores(name: str):
    history = np.arange(4, dtype=np.int32)
    old = RECIPES[name].ready(trained(name))(Query(history))
    new = RECIPES[name].ready(extended(name))(Query(history))
    np.testing.assert_array_equal(old, new[:KNOWN])


def test_who_chose_a_new_item_is_known_by_it():
    name = "aws-user-personalization-v2"
    score = RECIPES[name].ready(extended(name))
    scores = score(Query(np.array([KNOWN + 1], np.int32)))
    best = np.argsort(-scores[:KNOWN])[:5]
    assert set(best // 8) == {1}
    beyond = np.array([KNOWN + NEW], np.int32)  # an item that came later still
    np.testing.assert_array_equal(score(Query(beyond)), score(Query()))


def test_of_which_nothing_is_said_is_anywhere():
    name = "aws-user-personalization-v2"
    score = RECIPES[name].ready(extended(name, replace(groups(), item_columns={})))
    scores = np.stack([score(Query(groups().history(user)[0])) for user in range(30)])
    spread = (scores[:, KNOWN:] - scores[:, :KNOWN].mean(axis=1, keepdims=True)).std()
    assert spread > 0.1 and len({tuple(row) for row in np.argsort(scores[:, KNOWN:])}) > 1
    alone = np.array([KNOWN], np.int32)
    np.testing.assert_array_equal(score(Query(alone)), score(Query()))  # and stands for nothing else


def test_twice_is_once(tmp_path: Path):
    name = "aws-user-personalization-v2"
    recipe = RECIPES[name]
    assert recipe.extend is not None
    artifacts.save(extended(name), FolderStore(tmp_path), "m")
    twice = recipe.extend(artifacts.load(tmp_path / "m"), groups(), params(recipe), silent)
    query = Query(np.arange(4, dtype=np.int32))
    np.testing.assert_array_equal(recipe.ready(twice)(query), recipe.ready(extended(name))(query))
    assert twice.about["chosen"]["items_added"] == {"all": NEW, "described": NEW}


def test_no_new_item_changes_nothing():
    name = "aws-user-personalization-v2"
    query = Query(np.arange(4, dtype=np.int32))
    same = extended(name, before())
    np.testing.assert_array_equal(RECIPES[name].ready(same)(query), RECIPES[name].ready(trained(name))(query))


def test_an_extension_of_an_earlier_version_answers_as_it_did():
    """Such have neighbours, the nearest first, and weights; what was chosen of late is known by the nearest one."""
    name = "aws-user-personalization-v2"
    near, weight = np.array([[3, 9], [12, 4], [20, 1]], np.int32), np.array([[0.5, 0.25], [1, 0], [0, 0]], np.float32)
    arrays = {**trained(name).arrays, "extension_near": near, "extension_weight": weight}
    score = RECIPES[name].ready(replace(trained(name), arrays=arrays))
    scores = score(Query())
    mean = scores[:KNOWN].mean()
    np.testing.assert_allclose(scores[KNOWN:], (weight * (scores[near] - mean)).sum(axis=1) + mean, rtol=1e-5)
    for new, known in ((0, 3), (1, 12)):
        alone, stands_in = (score(Query(np.array([item], np.int32))) for item in (KNOWN + new, known))
        others = np.setdiff1d(np.arange(KNOWN), known)
        np.testing.assert_allclose(alone[others], stands_in[others], rtol=1e-5)
    np.testing.assert_array_equal(score(Query(np.array([KNOWN + 2], np.int32))), score(Query()))
