"""optimizationObjective: what is worth more moves up, by as much as the sensitivity says, and relevance stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.data.columns import Numbers, Texts
from engine.data.snapshot import STRENGTHS, Objective, Snapshot, snapshot_of
from engine.ensemble.plan import Options
from engine.ensemble.scorer import Ensemble
from engine.ensemble.training import plan_of, refit, train
from engine.measure.metrics import LONGEST, METRICS, Outcome, reward_metrics
from engine.measure.solution import outcome_of
from engine.measure.split import EvaluationCase, Split, user_split
from engine.recipe import silent
from tests.engine.recipes.worlds import START

ITEMS, TASTES, LENGTH = 120, 4, 12
LEVELS = ("OFF", "LOW", "MEDIUM", "HIGH")
NDCG = "normalized_discounted_cumulative_gain_at_10"
PRICES = np.random.default_rng(5).lognormal(2, 1, ITEMS).astype(np.float32)


def tastes(users: int = 280) -> Snapshot:
    """Four tastes of 30 items each, some of which are liked more often; prices have nothing to do with it."""
    draw = np.random.default_rng(0)
    chance = 1 / (np.arange(ITEMS // TASTES) + 2)
    chosen = [draw.choice(len(chance), LENGTH, replace=False, p=chance / chance.sum()) for _ in range(users)]
    items = np.concatenate([picked * TASTES + user % TASTES for user, picked in enumerate(chosen)])
    owners = np.repeat(np.arange(users, dtype=np.int32), LENGTH)
    times = START + 60 * np.tile(np.arange(LENGTH), users)
    return snapshot_of(owners, items.astype(np.int32), times, item_names=[str(i) for i in range(ITEMS)])


@pytest.fixture(scope="module")
def split() -> Split:
    return user_split(tastes(), 0, share=0.3)


@pytest.fixture(scope="module")
def outcomes(split: Split) -> dict[str, Outcome]:
    """By sensitivity: the extremes of a training each, those between of the plan of one."""
    snapshots = {level: replace(split.train, objective=Objective(PRICES, level)) for level in LEVELS}
    models = {level: train(snapshots[level], Options(epochs=0), 0, silent) for level in ("OFF", "HIGH")}
    plan = plan_of(models["OFF"])
    models |= {level: refit(plan, snapshots[level], 0, silent) for level in ("LOW", "MEDIUM")}
    return {level: outcome_of(Ensemble(models[level]), split.cases, snapshots[level]) for level in LEVELS}


def test_more_sensitivity_more_reward_at_little_cost(outcomes: dict[str, Outcome]) -> None:
    rewards = [np.mean([PRICES[shown[:10]].mean() for shown in outcomes[level].lists]) for level in LEVELS]
    assert np.all(np.diff(rewards) > 0), rewards
    assert rewards[-1] > 1.15 * rewards[0]
    ndcg = [METRICS[NDCG](outcomes[level]) for level in LEVELS]
    assert min(ndcg) > 0.8 * ndcg[0], ndcg
    assert ndcg[1] > 0.95 * ndcg[0], ndcg


def test_off_changes_nothing_but_measures(split: Split, outcomes: dict[str, Outcome]) -> None:
    plain = outcome_of(Ensemble(train(split.train, Options(epochs=0), 0, silent)), split.cases, split.train)
    for mine, others in zip(plain.lists, outcomes["OFF"].lists, strict=True):
        np.testing.assert_array_equal(mine, others)
    assert reward_metrics(plain) == {}
    assert 0 < reward_metrics(outcomes["OFF"])["average_rewards_at_k"] <= 1
    later = replace(outcomes["OFF"], ranks=[ranks + LONGEST for ranks in outcomes["OFF"].ranks])
    assert reward_metrics(later)["average_rewards_at_k"] == 0


def test_the_bonus_by_hand() -> None:
    """Shares of what is worth less, equals in the middle; an unknown worth neither helps nor harms."""
    objective = Objective.of(Numbers(np.array([1.0, 1000.0, np.nan, 1.0])), 5, "HIGH")
    np.testing.assert_allclose(objective.bonus(), [-1 / 3, 2 / 3, 0, -1 / 3, 0], atol=1e-6)
    np.testing.assert_array_equal(Objective.of(None, 2, "HIGH").bonus(), [0, 0])
    np.testing.assert_array_equal(Objective.of(Texts.of(["a"]), 1, "HIGH").bonus(), [0])
    assert sorted(STRENGTHS, key=STRENGTHS.__getitem__) == list(LEVELS)


def test_the_metric_by_hand() -> None:
    """Of 30 + 10 taken, the 30 were among the first 25; who took nothing of worth does not count."""
    none = np.zeros(0, np.int32)
    cases = [EvaluationCase(none, none, np.array(truth, np.int32), 0.0) for truth in ([0, 1], [2])]
    ranks = [np.array([3.0, 25.0]), np.array([0.0])]
    rewards = Objective(np.array([30, 10, 0, np.nan], np.float32), "LOW").gained()
    assert reward_metrics(Outcome(ranks, [none, none], 4, cases, rewards)) == {"average_rewards_at_k": 0.75}
    np.testing.assert_array_equal(Objective(np.array([-2, np.nan, 3], np.float32), "LOW").gained(), [0, 2, 5])
