"""Probabilities that are true, and the right action first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.data.columns import Floats
from engine.data.snapshot import Snapshot, snapshot_of
from engine.errors import InvalidInput
from engine.measure.solution import solution_metrics
from engine.propensity.metrics import area_under_curve
from engine.recipe import Query, silent
from engine.recipes import next_best_action
from engine.recipes.next_best_action import RECIPE, NextBestActionParams
from tests.engine.recipes import worlds
from tests.engine.recipes.errands import DAY, START, TYPES, errands

NOW = float(START + 60 * DAY)


def query_of(snapshot: Snapshot, user: int) -> Query:
    assert snapshot.actions is not None
    items, times = snapshot.history(user)
    done = snapshot.actions
    rows = slice(done.indptr[user], done.indptr[user + 1])
    return Query(
        items,
        times,
        now=NOW,
        user=user,
        actions=done.items[rows],
        action_types=done.types[rows],
    )


def propensities(snapshot: Snapshot) -> Floats:
    """(users, actions)"""
    score = RECIPE.ready(RECIPE.train(snapshot, NextBestActionParams(), 0, silent))
    return np.array([score(query_of(snapshot, user)) for user in range(snapshot.user_count)])


def calibration_error(said: NDArray[np.float64], happened: NDArray[np.bool_], parts: int = 10) -> float:
    """Expected calibration error: the mean distance of what was said from what happened, in parts of equal width."""
    part = np.minimum((said * parts).astype(int), parts - 1)
    apart = [abs(said[part == n].mean() - happened[part == n].mean()) * (part == n).mean() for n in np.unique(part)]
    return float(sum(apart))


@pytest.mark.parametrize("bent", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_probabilities_are_calibrated(seed: int, bent: bool, capsys: pytest.CaptureFixture[str]):
    """On offers that were not in the data, made by the known truth."""
    world = errands(seed=seed, bent=bent)
    said = propensities(world.snapshot)
    assert said.min() >= 0 and said.max() <= 1
    held = ~world.offered & (said > 0)
    happened = np.random.default_rng(seed + 1000).random(said.shape) < world.truth
    error = calibration_error(said[held], happened[held])
    off = float(np.abs(said - world.truth)[held].mean())
    base = float(np.abs(world.truth.mean(axis=0) - world.truth)[held].mean())
    with capsys.disabled():
        print(f"\n  seed {seed}, {'bent' if bent else 'plain'}: calibration error {error:.4f}, off the truth {off:.3f}")
    assert error <= 0.05
    assert off < 0.6 * base


def board(users: int = 400, seed: int = 0) -> Snapshot:
    """Of actions 0..3 a user of parity p takes those of parity p; parity shows in the user's items alone."""
    draw = np.random.default_rng(seed)
    visits = [
        (user, int(item) * 2 + user % 2, START + place)
        for user in range(users)
        for place, item in enumerate(draw.permutation(10)[:5])
    ]
    who, what = np.nonzero(draw.random((users, 4)) < 0.75)
    alike = (who % 2) == (what % 2)
    deeds = snapshot_of(
        who.astype(np.int32),
        what.astype(np.int32),
        START + draw.integers(DAY, 30 * DAY, len(who)),
        item_names=[f"action-{n}" for n in range(4)],
        user_names=[str(n) for n in range(users)],
        types=np.where(alike, 0, 1).astype(np.int32),
        event_types=TYPES,
    )
    return replace(worlds.rows_of(visits, user_names=[str(n) for n in range(users)]), actions=deeds)


def test_the_right_action_is_first_on_a_checkerboard():
    snapshot = board()
    score = RECIPE.ready(RECIPE.train(snapshot, NextBestActionParams(), 0, silent))
    for user in range(100):
        items, times = snapshot.history(user)
        for query in (query_of(snapshot, user), Query(items, times)):  # with what the user did, and for a new user
            best = np.argsort(-score(query), kind="stable")
            assert set(best[:2]) == {user % 2, user % 2 + 2}


def test_the_users_columns_count():
    world = errands(seed=1)
    score = RECIPE.ready(RECIPE.train(world.snapshot, NextBestActionParams(), 0, silent))
    alone = np.array([score(Query(user=user)) for user in range(300)])
    truth = world.truth[:300]
    assert np.corrcoef(alone.ravel(), truth.ravel())[0, 1] > 0.7
    unknown = [score(Query(user=user)) for user in (-1, 10**6)]
    np.testing.assert_array_equal(*unknown)


def test_a_deed_changes_the_answer_at_once():
    world = errands(seed=2)
    score = RECIPE.ready(RECIPE.train(world.snapshot, NextBestActionParams(), 0, silent))
    some = {"actions": np.array([0, 1], np.int32)}
    willing, unwilling = (score(Query(**some, action_types=np.array([code] * 2, np.int32))) for code in (0, 1))
    assert not np.array_equal(willing, unwilling)
    odd = Query(actions=np.array([0, 99], np.int32), action_types=np.array([99, 0], np.int32))
    np.testing.assert_array_equal(score(odd), score(Query()))  # an action and an event type that came later


def few(taken: int, viewed: int, ago: int) -> Snapshot:
    """Action 0 with many deeds until today, action 1 with these, `ago` days before."""
    users = np.arange(400, dtype=np.int32)
    times = np.full(400, START + 100 * DAY)
    mine = np.arange(taken + viewed, dtype=np.int32)
    deeds = snapshot_of(
        np.concatenate((users, mine)),
        np.repeat(np.array([0, 1], np.int32), (400, len(mine))),
        np.concatenate((times, np.full(len(mine), START + (100 - ago) * DAY))),
        user_names=[str(n) for n in range(400)],
        types=np.concatenate((users % 2, np.where(mine < taken, 0, 2))).astype(np.int32),
        event_types=TYPES,
    )
    visits = worlds.rows_of([(n, n % 7, START) for n in range(400)], user_names=[str(n) for n in range(400)])
    return replace(visits, actions=deeds)


@pytest.mark.parametrize(
    ("taken", "viewed", "ago", "scored"),
    [(50, 50, 0, True), (49, 50, 0, False), (50, 49, 0, False), (80, 80, 41, True), (80, 80, 42, False)],
)
def test_an_action_needs_deeds_of_both_outcomes_in_six_weeks(taken: int, viewed: int, ago: int, scored: bool):
    scores = RECIPE.ready(RECIPE.train(few(taken, viewed, ago), NextBestActionParams(), 0, silent))(Query())
    assert scores[0] == pytest.approx(0.5, abs=0.1)
    assert (scores[1] > 0) == scored


def test_only_episodes_whose_end_is_known_teach():
    """Half of those who view take it after 10 days: the last views, still open, must not count as refusals."""
    users = np.arange(1_000, dtype=np.int32)
    viewed = START + (users % 40) * DAY
    takers = users[(users // 40) % 2 == 0]
    taken = viewed[takers] + 10 * DAY
    seen = taken <= START + 40 * DAY
    deeds = snapshot_of(
        np.concatenate((users, takers[seen])),
        np.zeros(1_000 + int(seen.sum()), np.int32),
        np.concatenate((viewed, taken[seen])),
        user_names=[str(n) for n in users],
        types=np.repeat(np.array([2, 0], np.int32), (1_000, int(seen.sum()))),
        event_types=TYPES,
    )
    visits = worlds.rows_of([(int(n), int(n) % 7, START) for n in users], user_names=[str(n) for n in users])
    score = RECIPE.ready(RECIPE.train(replace(visits, actions=deeds), NextBestActionParams(), 0, silent))
    assert score(Query())[0] == pytest.approx(0.52, abs=0.03)


def test_many_episodes_are_thinned_to_the_newest(monkeypatch: pytest.MonkeyPatch):
    """Whoever came first took it, whoever came late did not: the newest are believed."""
    monkeypatch.setattr(next_best_action, "MOST_EPISODES", 200)
    monkeypatch.setattr(next_best_action, "FEWEST", 100)
    users = np.arange(1_000, dtype=np.int32)
    deeds = snapshot_of(
        users,
        users * 0,
        START + users.astype(np.int64) * 3_000,
        user_names=[str(n) for n in users],
        types=(users > 500).astype(np.int32),
        event_types=TYPES,
    )
    visits = worlds.rows_of([(int(n), int(n) % 7, START) for n in users], user_names=[str(n) for n in users])
    model = RECIPE.train(replace(visits, actions=deeds), NextBestActionParams(action_optimization_period=7), 0, silent)
    assert model.about["chosen"]["episodes"] == 200
    assert RECIPE.ready(model)(Query())[0] < 0.2


def test_without_actions_there_is_nothing_to_train():
    with pytest.raises(InvalidInput, match="no actions"):
        RECIPE.train(worlds.groups(), NextBestActionParams(), 0, silent)


def test_metrics_tell_good_from_chance():
    good = solution_metrics(RECIPE, NextBestActionParams(), board(), 0, silent)
    assert set(good) == {
        "coverage",
        "precision",
        "recall",
        "area_under_curve",
        *(f"normalized_discounted_cumulative_gain_at_{cut}" for cut in (5, 10, 25)),
    }
    assert good["area_under_curve"] > 0.99 and good["normalized_discounted_cumulative_gain_at_5"] > 0.8
    assert good["coverage"] == 1 and good["recall"] == 1
    noise = board()
    assert noise.actions is not None
    types = np.random.default_rng(0).permutation(noise.actions.types)
    chance = solution_metrics(
        RECIPE, NextBestActionParams(), replace(noise, actions=replace(noise.actions, types=types)), 0, silent
    )
    assert 0.2 < chance["area_under_curve"] < 0.8


def test_the_area_under_the_curve_by_hand():
    scores, taken = np.array([0.1, 0.4, 0.35, 0.8, 0.4], np.float32), np.array([0, 0, 1, 1, 1], bool)
    assert area_under_curve(scores, taken) == pytest.approx((1 + 2 + 1.5) / 6)
    assert area_under_curve(scores, np.ones(5, bool)) is None
