"""Weights of Thompson sampling."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.experiments.bandit import weights


def test_the_better_gets_more_and_nobody_less_than_the_minimum():
    found = weights([30, 60, 45], [970, 940, 955], minimum=0.05)
    assert found[1] > found[2] > found[0] >= 0.05
    assert sum(found) == pytest.approx(1)


def test_nothing_known_is_an_even_split():
    assert weights([0, 0, 0, 0], [0, 0, 0, 0]) == pytest.approx([0.25] * 4, abs=0.02)


def test_two_arms_agree_with_the_integral():
    """P(Beta(2, 1) > Beta(1, 1)) is 2/3."""
    assert weights([1, 0], [0, 0], minimum=0, draws=200_000) == pytest.approx([2 / 3, 1 / 3], abs=0.005)


def test_the_same_arguments_give_the_same_weights():
    assert weights([5, 9], [90, 91], seed=4) == weights([5, 9], [90, 91], seed=4)
    assert weights([5, 9], [90, 91], seed=4) != weights([5, 9], [90, 91], seed=5)


@pytest.mark.parametrize(
    ("successes", "failures", "minimum", "told"),
    [
        ([1, -1], [1, 1], 0.01, "0 and more"),
        ([1, float("nan")], [1, 1], 0.01, "0 and more"),
        ([1], [1, 1], 0.01, "one number a variation"),
        ([], [], 0.01, "one number a variation"),
        ([1, 1], [1, 1], 0.6, "minimum"),
        ([1, 1], [1, 1], -0.1, "minimum"),
    ],
)
def test_what_cannot_be(successes: list[float], failures: list[float], minimum: float, told: str):
    with pytest.raises(ValueError, match=told):
        weights(successes, failures, minimum)


def test_regret_beside_an_even_split_and_the_best_arm():
    """Five arms of 3 % to 5 %, 40 periods of 1,000 users: what was lost to the best arm, over 50 runs."""
    rates = np.array([0.03, 0.035, 0.04, 0.045, 0.05])
    draw = np.random.default_rng(8)
    lost = []
    for run in range(50):
        won, shown = np.zeros(5), np.zeros(5)
        total = 0.0
        for _ in range(40):
            units = draw.multinomial(1_000, weights(won.tolist(), (shown - won).tolist(), draws=2_000, seed=run))
            won, shown = won + draw.binomial(units, rates), shown + units
            total += float(units @ (rates.max() - rates))
        lost.append(total)
    even = 40_000 * float(rates.max() - rates.mean())
    print(f"regret of 40,000 users: {np.mean(lost):.0f} conversions; an even split {even:.0f}, the best arm 0")
    assert np.mean(lost) < 0.4 * even
