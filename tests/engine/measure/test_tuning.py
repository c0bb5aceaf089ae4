"""Trials: within what is asked, started from the defaults, the same for a seed, ended when they bring nothing."""

from __future__ import annotations

import numpy as np
import pytest

from engine import RECIPES
from engine.data.snapshot import Snapshot
from engine.measure import tuning
from engine.measure.split import user_split
from engine.measure.tuning import METRIC, Dimension, SearchBudget, TuningTask, best_of, best_recipe, tuned
from engine.recipe import Progress, silent
from tests.engine.recipes.worlds import checkerboard, groups

SIMS = RECIPES["aws-sims"]
DISCOUNT = Dimension("popularity_discount_factor", 0.0, 1.0)
COUNT = Dimension("min_cointeraction_count", 0, 10, whole=True)


@pytest.fixture(scope="module")
def trials() -> TuningTask:
    return TuningTask.of(checkerboard(60), 1)


def test_a_trial_costs_what_it_says(trials: TuningTask):
    said: list[str] = []
    done = tuned(SIMS, [DISCOUNT, COUNT], {}, SearchBudget(4), trials, lambda fraction, message: said.append(message))
    assert len(done) == 4
    assert done[0].settings == {"popularity_discount_factor": "0.5", "min_cointeraction_count": "3"}  # the defaults
    for trial in done:
        assert 0 <= float(trial.settings["popularity_discount_factor"]) <= 1
        assert 0 <= int(trial.settings["min_cointeraction_count"]) <= 10
        assert trial.score == trials.measured(SIMS, trial.settings, silent)
    assert best_of(done).score == max(trial.score for trial in done) >= done[0].score
    assert any(message.startswith(f"trial 3 of 4, best {METRIC}") for message in said)


def test_the_same_seed_tries_the_same(trials: TuningTask):
    first, second = (tuned(SIMS, [DISCOUNT, COUNT], {}, SearchBudget(4), trials, silent) for _ in range(2))
    assert first == second


def test_a_narrow_range_starts_inside_it(trials: TuningTask):
    narrow = [Dimension("min_cointeraction_count", 5, 6, whole=True), Dimension("popularity_discount_factor", 0.8, 0.9)]
    for trial in tuned(SIMS, narrow, {}, SearchBudget(3), trials, silent):
        assert trial.settings["min_cointeraction_count"] in ("5", "6")
        assert 0.8 <= float(trial.settings["popularity_discount_factor"]) <= 0.9


def test_what_is_given_stays(trials: TuningTask):
    done = tuned(SIMS, [DISCOUNT], {"min_cointeraction_count": "0"}, SearchBudget(1), trials, silent)
    assert done[0].score == trials.measured(SIMS, {**done[0].settings, "min_cointeraction_count": "0"}, silent)


def test_trials_that_bring_nothing_end(trials: TuningTask, monkeypatch: pytest.MonkeyPatch):
    trained: list[object] = []
    monkeypatch.setattr(TuningTask, "measured", lambda *_: trained.append(1) or 0.5)
    done = tuned(SIMS, [DISCOUNT], {}, SearchBudget(40), trials, silent)
    assert len(done) == len(trained) == 1 + tuning.PATIENCE


def test_what_was_tried_is_not_trained_again(trials: TuningTask, monkeypatch: pytest.MonkeyPatch):
    trained: list[object] = []
    monkeypatch.setattr(TuningTask, "measured", lambda *_: trained.append(1) or float(len(trained)))
    done = tuned(SIMS, [Dimension("min_cointeraction_count", 0, 1, whole=True)], {}, SearchBudget(6), trials, silent)
    assert len(done) <= 6 + 1 and len(trained) == 2


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("minutes", "trials_made"), [(0.1, 1), (3.5, 3), (100, 5)])
def test_a_search_ends_in_time_and_keeps_the_best(
    trials: TuningTask, monkeypatch: pytest.MonkeyPatch, minutes: float, trials_made: int
):
    """A trial takes a minute; the second is the best. The next one would be over too late, or there are no more."""
    clock, fractions = Clock(), list[float]()

    def measured(self: TuningTask, recipe: object, settings: object, progress: Progress) -> float:
        shares = [progress(0.0, "begun")]
        clock.now += 60
        shares.append(progress(0.5, "half"))
        assert shares[0] == 0 and shares[1] is not None and 60 / (60 * minutes) <= shares[1]  # what is left is its own
        return 0.7 if clock.now == 120 else 0.5

    def progress(fraction: float, message: str) -> None:
        fractions.append(fraction)

    monkeypatch.setattr(TuningTask, "measured", measured)
    budget = SearchBudget(5, 60 * minutes, clock)
    done = tuned(SIMS, [DISCOUNT], {}, budget, trials, progress)
    assert len(done) == trials_made and best_of(done).score == (0.7 if trials_made > 1 else 0.5)
    assert [trial.seconds for trial in done] == [60] * trials_made
    assert fractions == sorted(fractions) and fractions[-1] == 1


def test_the_users_who_test_the_version_are_not_seen():
    world = groups(users=80)
    tested = np.setdiff1d(np.arange(80), user_split(world, 1).train.users)
    trials = TuningTask.of(world, 1)
    assert len(tested) == 8 and not np.isin(trials.split.train.users, tested).any()
    assert len(trials.split.cases) == 7  # of the other 72


def test_large_data_is_tried_on_some_of_its_users(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tuning, "MOST_ROWS", 100)
    trials = TuningTask.of(groups(users=80), 1)
    assert 50 < len(trials.split.train.items) <= 100


def test_too_few_users():
    with pytest.raises(ValueError, match="too few users"):
        TuningTask.of(one_user(), 1)


def one_user() -> Snapshot:
    world = groups(users=3)
    return world.take(world.users == 0)


def test_the_better_recipe_is_taken():
    able = [RECIPES[name] for name in ("aws-popularity-count", "aws-sims")]
    done = best_recipe(able, TuningTask.of(groups(users=80), 1), silent)
    assert [trial.what for trial in done] == ["aws-sims", "aws-popularity-count"]
    assert done[0].score > done[1].score
