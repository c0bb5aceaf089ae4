"""Off-policy intervals on simulated truth, and estimates against closed forms: by hand and on the Open Bandit logs."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from engine.measure.off_policy import Estimates, Shows, estimates
from tests.engine.measure.open_bandit import Log, open_bandit

NAMES = ("ips", "snips", "doubly_robust")
RUNS, ANSWERS, TASTES, ITEMS = 800, 1_000, 5, 10

world = np.random.default_rng(61)
CLICKS = world.beta(2, 6, (TASTES, ITEMS))  # by taste and item


def softmax(scores: np.ndarray) -> np.ndarray:
    chances = np.exp(scores - scores.max(axis=1, keepdims=True))
    return 0.8 * chances / chances.sum(axis=1, keepdims=True) + 0.2 / ITEMS


LOGGING, TARGET = softmax(world.normal(0, 1, (TASTES, ITEMS))), softmax(6 * CLICKS)


def one_item(draw: np.random.Generator) -> tuple[Shows, float]:
    """Each answer is one item that the logging policy drew for the user's taste."""
    taste = draw.integers(0, TASTES, ANSWERS)
    item = (draw.random((ANSWERS, 1)) > LOGGING[taste].cumsum(axis=1)).sum(axis=1).clip(max=ITEMS - 1)
    reward = (draw.random(ANSWERS) < CLICKS[taste, item]).astype(float)
    answer = np.arange(ANSWERS, dtype=np.int32)
    return Shows(
        ANSWERS,
        answer,
        item.astype(np.int32),
        LOGGING[taste, item],
        reward,
        TARGET[taste, item],
        np.repeat(answer, ITEMS),
        np.tile(np.arange(ITEMS, dtype=np.int32), ANSWERS),
        TARGET[taste].ravel(),
    ), float((TARGET * CLICKS).sum(axis=1).mean())


def lists(draw: np.random.Generator) -> tuple[Shows, float]:
    """Each answer is a list: every item is in it with its own chance, by itself."""
    taste = draw.integers(0, TASTES, ANSWERS)
    chances, wanted = np.minimum(3 * LOGGING, 0.9)[taste], np.minimum(3 * TARGET, 0.9)
    answer, item = np.nonzero(draw.random((ANSWERS, ITEMS)) < chances)
    reward = (draw.random(len(item)) < CLICKS[taste[answer], item]).astype(float)
    rows = np.arange(ANSWERS, dtype=np.int32)
    return Shows(
        ANSWERS,
        answer.astype(np.int32),
        item.astype(np.int32),
        chances[answer, item],
        reward,
        wanted[taste[answer], item],
        np.repeat(rows, ITEMS),
        np.tile(np.arange(ITEMS, dtype=np.int32), ANSWERS),
        wanted[taste].ravel(),
    ), float((wanted * CLICKS).sum(axis=1).mean())


@pytest.mark.parametrize("world", [one_item, lists])
def test_intervals_cover_the_truth_in_19_of_20_worlds(world):
    draw = np.random.default_rng(62)
    found: list[Estimates] = []
    for _ in range(RUNS):
        shows, truth = world(draw)
        found.append(estimates(shows))
    for name in NAMES:
        values = [getattr(each, name) for each in found]
        covered = np.mean([each.interval[0] <= truth <= each.interval[1] for each in values])
        bias = np.mean([each.value for each in values]) - truth
        print(f"{world.__name__}, {name}: covered {covered:.3f}; bias {bias:+.5f} of {truth:.4f}")
        assert 0.93 <= covered <= 0.97
        assert abs(bias) < 0.01 * truth


def test_by_hand():
    """Two answers of one item each. The target shows item 0 with 1/2 and item 1 with 1/2; the log showed item 0 with
    1/4 (clicked) and item 1 with 3/4 (not). Weights 2 and 2/3; rewards 1 and 0; each half expects of both items what
    the other half earned, 0 and 1."""

    def ints(*numbers: int) -> np.ndarray:
        return np.array(numbers, np.int32)

    found = estimates(
        Shows(
            2,
            ints(0, 1),
            ints(0, 1),
            np.array([0.25, 0.75]),
            np.array([1.0, 0.0]),
            np.array([0.5, 0.5]),
            ints(0, 0, 1, 1),
            ints(0, 1, 0, 1),
            np.full(4, 0.5),
        )
    )
    assert found.logged.value == 0.5 and found.covered == pytest.approx(4 / 3)
    assert found.ips == pytest.approx((1.0, 1.0))  # (2 + 0) / 2, and the error of 2 and 0
    assert found.snips.value == pytest.approx(2 / (2 + 2 / 3))
    # Answer 0 expects 0 of both items and errs by 1, which weighs 2; answer 1 expects 1 and errs by -1, weighing 2/3.
    assert found.doubly_robust == pytest.approx(((2 + 1 - 2 / 3) / 2, (2 - 1 / 3) / 2))


def shows_of(log: Log, target: np.ndarray) -> Shows:
    """One answer a row; `target` is (positions, items)."""
    n, items = len(log.item), target.shape[1]
    answer = np.arange(n, dtype=np.int32)
    return Shows(
        n,
        answer,
        log.item,
        log.propensity,
        log.click,
        target[log.position, log.item],
        np.repeat(answer, items),
        np.tile(np.arange(items, dtype=np.int32), n),
        target[log.position].ravel(),
    )


@pytest.mark.parametrize("campaign", ["all", "men", "women"])
def test_the_open_bandit_logs_by_closed_form(campaign: str):
    """What items at random would earn, from what the bandit showed: each estimate as its formula says, row by row; and
    the interval agrees with what items at random did earn."""
    log, other = open_bandit("bts", campaign), open_bandit("random", campaign)
    items = int(max(log.item.max(), other.item.max())) + 1
    found = estimates(shows_of(log, np.full((3, items), 1 / items)))
    weights = 1 / items / log.propensity
    earned = weights * log.click
    assert found.ips == pytest.approx((earned.mean(), earned.std(ddof=1) / sqrt(len(earned))), rel=1e-12)
    assert found.snips.value == pytest.approx(earned.sum() / weights.sum(), rel=1e-9)
    assert found.doubly_robust.value == pytest.approx(doubly_robust(log, weights, items), rel=1e-9)
    low, high = found.snips.interval
    error = other.click.std() / sqrt(len(other.click))
    print(f"{campaign}: random earns {other.click.mean():.4f} ± {1.96 * error:.4f}; from the bandit's log", end=" ")
    print(*(f"{name} {getattr(found, name).value:.4f} ± {1.96 * getattr(found, name).error:.4f}" for name in NAMES))
    assert low - 1.96 * error <= other.click.mean() <= high + 1.96 * error


def doubly_robust(log: Log, weights: np.ndarray, items: int) -> float:
    """By plain loops: an item's mean click in the other half's rows, mixed with two of the mean of all."""
    total = 0.0
    for half in (0, 1):
        learn, judge = range(1 - half, len(log.item), 2), range(half, len(log.item), 2)
        mean = sum(log.click[row] for row in learn) / len(learn)
        clicks, shown = [2 * mean] * items, [2.0] * items
        for row in learn:
            clicks[log.item[row]] += log.click[row]
            shown[log.item[row]] += 1
        expected = [clicked / times for clicked, times in zip(clicks, shown, strict=True)]
        base = sum(expected) / items
        total += sum(base + weights[row] * (log.click[row] - expected[log.item[row]]) for row in judge)
    return total / len(log.item)
