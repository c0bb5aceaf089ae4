"""Cohorts over worlds in which the right ones are known."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pytest

from engine.cohorts.clusters import centres, nearest, unit
from engine.cohorts.cohorts import EVERYONE, CohortLists, cohorts_of
from engine.cohorts.training import COUNTS, MEMBERS, with_cohorts
from engine.data.snapshot import Snapshot
from engine.rank.topk import top_k
from engine.recipe import Model, Query, silent
from engine.recipes import RECIPES
from tests.engine.recipes.worlds import checkerboard

RECIPE = RECIPES["aws-user-personalization-v2"]
PARAMS = RECIPE.parse({"sequence_epochs": "0"})
SIZE = 40


@pytest.fixture(scope="module")
def world() -> Snapshot:
    """Even users like even items, odd users odd ones."""
    return checkerboard(SIZE)


@pytest.fixture(scope="module")
def model(world: Snapshot) -> Model:
    return RECIPE.train(world, PARAMS, 0, silent)


def divided(model: Model, world: Snapshot, count: int = 2, seed: int = 0) -> CohortLists:
    scorer = RECIPE.ready(model)
    made = with_cohorts(model, scorer, world, seed, silent, (count,))
    return cohorts_of(made, RECIPE.ready(made), "home/1")[count]


def test_two_tastes_are_two_cohorts_and_everyone_is_in_the_right_one(model: Model, world: Snapshot):
    cohorts = divided(model, world)
    names = [cohorts.name_of(world.history(user)[0]) for user in range(SIZE)]
    assert len(set(names)) == 2 and EVERYONE not in names
    assert names == [names[user % 2] for user in range(SIZE)]


def test_a_list_is_of_its_cohorts_taste(model: Model, world: Snapshot):
    cohorts = divided(model, world)
    for user in (0, 1):
        number = cohorts.number_of(cohorts.name_of(world.history(user)[0]))
        assert number is not None
        best = top_k(cohorts.scores(number), SIZE // 2)
        assert {int(item) % 2 for item in best} == {user}


def test_a_list_is_the_mean_of_its_members_shares(model: Model, world: Snapshot):
    cohorts, scorer = divided(model, world), RECIPE.ready(model)
    number = cohorts.number_of(cohorts.name_of(world.history(0)[0]))
    assert number is not None
    scores = np.array([scorer(Query(*world.history(user))) for user in range(0, SIZE, 2)], np.float64)
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert np.exp(cohorts.scores(number)) == pytest.approx(shares.mean(axis=0), rel=1e-3, abs=1e-7)


def test_a_history_that_training_never_saw_has_a_cohort_and_none_has_that_of_everyone(model: Model, world: Snapshot):
    cohorts = divided(model, world)
    even, odd = (cohorts.name_of(world.history(user)[0]) for user in (0, 1))
    assert cohorts.name_of(np.array([4], np.int32)) == even
    assert cohorts.name_of(np.array([4, 5, 7, 9], np.int32)) == odd  # moved by what it did last
    assert cohorts.name_of(np.zeros(0, np.int32)) == EVERYONE
    assert cohorts.name_of(np.array([SIZE + 3], np.int32)) == EVERYONE  # an item that the model does not know


def test_the_same_seed_gives_the_same_cohorts(model: Model, world: Snapshot):
    scorer = RECIPE.ready(model)
    one, two = (with_cohorts(model, scorer, world, 3, silent) for _ in range(2))
    assert one.about == two.about and list(one.arrays) == list(two.arrays)
    assert all(np.array_equal(one.arrays[name], two.arrays[name]) for name in one.arrays)


def test_no_list_is_of_a_few_alone(model: Model, world: Snapshot):
    """Lists are public."""
    made = with_cohorts(model, RECIPE.ready(model), world, 0, silent)
    for count in COUNTS:
        cohorts = cohorts_of(made, RECIPE.ready(model), "home/1")[count]
        names = [cohorts.name_of(world.history(user)[0]) for user in range(SIZE)]
        assert len(cohorts.centres) == len(set(names)) > 1 and min(Counter(names).values()) >= MEMBERS
    few = world.take(world.users < MEMBERS - 1)
    assert with_cohorts(model, RECIPE.ready(model), few, 0, silent) is model


def test_no_more_cohorts_than_tastes(world: Snapshot, model: Model):
    vectors = unit(np.repeat(np.eye(3, dtype=np.float32), 10, axis=0))
    assert len(centres(vectors, 16, 0)) == 3
    assert len(divided(model, world, 256).centres) <= SIZE / MEMBERS


@pytest.mark.parametrize("seed", range(5))
def test_groups_that_lie_apart_are_found(seed: int):
    draw = np.random.default_rng(seed)
    middles = unit(draw.standard_normal((8, 32)).astype(np.float32))
    vectors = unit(np.repeat(middles, 50, axis=0) + draw.standard_normal((400, 32)).astype(np.float32) * 0.03)
    groups = nearest(vectors, centres(vectors, 8, seed)).reshape(8, 50)
    assert len(np.unique(groups)) == 8 and (groups == groups[:, :1]).all()


def test_long_catalogues_keep_the_head_of_a_list(model: Model, world: Snapshot, monkeypatch: pytest.MonkeyPatch):
    """What is not listed follows in the order for people without a history, and all shares sum to 1."""
    whole = divided(model, world)
    monkeypatch.setattr("engine.cohorts.training.LISTED", 12)
    short = divided(model, world)
    number = whole.number_of(whole.name_of(world.history(0)[0]))
    assert number is not None
    order = top_k(short.scores(number), SIZE)
    assert list(order[:12]) == list(top_k(whole.scores(number), 12))
    rest = short.base[order[12:]]
    assert (np.diff(rest) <= 1e-6).all() or np.exp(short.scores(number)[order[12:]]).max() < 1e-6
    assert len(order) == SIZE and np.exp(short.scores(number)).sum() == pytest.approx(1, abs=1e-3)


def test_names_are_of_one_model(model: Model, world: Snapshot):
    scorer = RECIPE.ready(model)
    made = with_cohorts(model, scorer, world, 0, silent, (2, 4))
    old, new = (cohorts_of(made, scorer, name) for name in ("home/1", "home/2"))
    name = old[2].name_of(world.history(0)[0])
    assert old[2].number_of(name) is not None
    assert [each.number_of(name) for each in (new[2], old[4])] == [None, None]
    for other in ("c0", "c3-" + old[2].tag, "c00001-" + old[2].tag, "c1", "", "c1-" + old[2].tag.upper() + "\n"):
        assert old[2].number_of(other) is None


def test_finding_a_cohort_takes_microseconds(model: Model, world: Snapshot):
    cohorts, history = divided(model, world, 16), world.history(0)[0]
    began = time.perf_counter()
    for _ in range(100):
        cohorts.name_of(history)
    assert (time.perf_counter() - began) / 100 < 0.002
