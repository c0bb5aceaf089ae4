"""Weights of Thompson sampling, and what they are found from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gateway.experiments.analysis.rows import UnitRow
from gateway.experiments.bandit import earnings, next_allocation, weights
from gateway.plan.experiment import Arm, Bandit, Experiment, ExperimentMetric

BANDIT = Bandit("ctr", 3600.0, 0.01, 100)
EXPERIMENT = Experiment(
    "bandit", {"ctr": ExperimentMetric("click")}, arms=(Arm("a", 0.5), Arm("b", 0.3), Arm("c", 0.2)), bandit=BANDIT
)


def test_the_better_gets_more_and_nobody_less_than_the_minimum():
    found = weights([0.03, 0.06, 0.045], [0.006, 0.007, 0.007], minimum=0.05)
    assert found[1] > found[2] > found[0] >= 0.05
    assert sum(found) == pytest.approx(1)
    assert weights([0.03, 0.06, 0.045], [0.006, 0.007, 0.007], 0.05, increase=False)[0] > 0.8


def test_equals_get_equal_parts():
    assert weights([2.0] * 4, [0.5] * 4) == pytest.approx([0.25] * 4, abs=0.02)


def test_two_arms_agree_with_the_integral():
    """P(N(1, 1) > N(0, 1)) is Phi(1 / sqrt(2))."""
    assert weights([1, 0], [1, 1], minimum=0, draws=200_000) == pytest.approx([0.76025, 0.23975], abs=0.005)


def test_the_same_arguments_give_the_same_weights():
    told = [0.05, 0.06], [0.01, 0.01]
    assert weights(*told, seed=4) == weights(*told, seed=4) != weights(*told, seed=5)


def test_weights_are_what_a_draw_of_ten_thousandths_can_tell():
    for minimum in (0, 0.00013, 0.01, 1 / 3):
        found = weights([0.3, 0.31, 0.2], [0.01, 0.02, 0.005], minimum)
        assert [round(10_000 * each, 6) % 1 for each in found] == [0, 0, 0] or minimum == 1 / 3
        assert min(found) >= minimum and sum(found) == pytest.approx(1)


@pytest.mark.parametrize(
    ("means", "errors", "minimum", "told"),
    [
        ([1, 1], [1, -1], 0.01, "0 and more"),
        ([1, float("nan")], [1, 1], 0.01, "finite"),
        ([1, 1], [1, float("inf")], 0.01, "finite"),
        ([1], [1, 1], 0.01, "one number a variation"),
        ([], [], 0.01, "one number a variation"),
        ([1, 1], [1, 1], 0.6, "minimum"),
        ([1, 1], [1, 1], -0.1, "minimum"),
    ],
)
def test_what_cannot_be(means: list[float], errors: list[float], minimum: float, told: str):
    with pytest.raises(ValueError, match=told):
        weights(means, errors, minimum)


def rows(arm: str, count: int, clicks: int, period: int | None = None) -> list[UnitRow]:
    told = [{"ctr": (1.0, 1.0)} if number < clicks else {} for number in range(count)]
    return [UnitRow(f"{arm}{period}{number}", arm, 0.0, each, None, period) for number, each in enumerate(told)]


def test_the_configured_weights_hold_until_every_arm_has_had_its_burn_in():
    early = next_allocation(EXPERIMENT, BANDIT, [*rows("a", 500, 50), *rows("b", 500, 100), *rows("c", 99, 30)])
    assert [each.weight for each in early.values()] == [0.5, 0.3, 0.2]
    assert [each.units for each in early.values()] == [500, 500, 99]
    found = next_allocation(EXPERIMENT, BANDIT, [*rows("a", 500, 50), *rows("b", 500, 100), *rows("c", 100, 30)])
    assert found["c"].weight > found["b"].weight > found["a"].weight == 0.01
    assert next_allocation(EXPERIMENT, BANDIT, [])["a"] == (0.5, 0, 0.0, None)
    nothing = next_allocation(EXPERIMENT, BANDIT, [*rows("a", 500, 0), *rows("b", 500, 0), *rows("c", 500, 0)])
    assert [each.weight for each in nothing.values()] == [0.5, 0.3, 0.2]


def test_less_is_better_where_the_metric_says_so():
    told = [*rows("a", 500, 50), *rows("b", 500, 100), *rows("c", 500, 130)]
    turned = replace(EXPERIMENT, metrics={"ctr": ExperimentMetric("click", direction="decrease")})
    assert next_allocation(turned, BANDIT, told)["a"].weight > 0.97
    assert next_allocation(EXPERIMENT, BANDIT, told)["c"].weight > 0.9


def test_an_arm_without_a_weight_gets_none_and_keeps_nobody_waiting():
    two = replace(EXPERIMENT, arms=(Arm("a", 0.5), Arm("b", 0.5), Arm("c", 0.0)))
    found = next_allocation(two, BANDIT, [*rows("a", 200, 20), *rows("b", 200, 40), *rows("c", 3, 3)])
    assert found["c"] == (0.0, 0, 0.0, None)
    assert found["b"].weight > 0.9


def test_an_arm_that_has_earned_nothing_is_not_written_off():
    found = next_allocation(EXPERIMENT, BANDIT, [*rows("a", 200, 4), *rows("b", 200, 5), *rows("c", 100, 0)])
    assert found["c"].error == pytest.approx(0.0133, abs=0.001)
    assert found["c"].weight > 0.03


def test_days_of_which_an_arm_had_most_units_do_not_make_it_better():
    """Simpson's paradox: `b` is better on either day, and worse over both together."""
    told = [
        *rows("a", 900, 360, 0), *rows("b", 100, 45, 0), *rows("a", 100, 5, 1), *rows("b", 900, 90, 1),
    ]  # fmt: skip
    a, b = earnings("ctr", told, ["a", "b"])
    assert (a.mean, b.mean) == pytest.approx((0.225, 0.275))


def test_regret_beside_an_even_split_and_the_best_arm():
    """Five arms of 3 % to 5 %, 40 periods of 1,000 users: what was lost to the best arm, over 50 runs."""
    rates = np.array([0.03, 0.035, 0.04, 0.045, 0.05])
    draw = np.random.default_rng(8)
    lost = []
    for run in range(50):
        won, shown = np.zeros(5), np.zeros(5)
        total = 0.0
        for _ in range(40):
            mean = (won + 1) / (shown + 2)
            shares = weights(mean.tolist(), np.sqrt(mean * (1 - mean) / (shown + 3)).tolist(), draws=2_000, seed=run)
            units = draw.multinomial(1_000, shares)
            won, shown = won + draw.binomial(units, rates), shown + units
            total += float(units @ (rates.max() - rates))
        lost.append(total)
    even = 40_000 * float(rates.max() - rates.mean())
    print(f"regret of 40,000 users: {np.mean(lost):.0f} conversions; an even split {even:.0f}, the best arm 0")
    assert np.mean(lost) < 0.4 * even
