"""Lifts and their intervals: properties, values known from elsewhere, and 2,000 experiments without an effect."""

from __future__ import annotations

from dataclasses import astuple
from math import inf, sqrt

import numpy as np
import pytest
from hypothesis import given, strategies as st

from gateway.experiments.analysis.lift import Lift, Method, lift, p_always, reach_always
from gateway.experiments.analysis.moments import Moments, adjusted, of_ratio, of_values
from gateway.experiments.analysis.student import critical, two_sided

EXPERIMENTS = 1_000
STEPS = np.array([100] * 10 + [600] * 30)  # units that an arm gains from look to look: a ramp, then all the traffic
UNITS, LOOKS = STEPS.cumsum().tolist(), len(STEPS)
METHODS: tuple[Method, ...] = ("always", "fixed", "bayesian")

arms = st.builds(
    Moments,
    units=st.integers(100, 10**6),
    mean=st.floats(0.01, 100),
    variance=st.floats(0.01, 100),
    events=st.integers(50, 1000),
)


@given(arms, arms, st.sampled_from(METHODS))
def test_intervals_contain_the_estimate_and_agree_with_each_other(arm: Moments, control: Moments, method: Method):
    found = lift(arm, control, method)
    assert found.low <= found.value + 1e-9 and found.value <= found.high + 1e-9
    assert found.difference_low < found.difference < found.difference_high
    if found.low > -inf and abs(found.low) > 1e-9 and abs(found.high) > 1e-9:
        assert found.sure == (found.low > 0 or found.high < 0)
    if found.p is not None and abs(found.p - 0.05) > 1e-6:
        assert found.sure == (found.p < 0.05)


@given(arms, arms, st.sampled_from(METHODS))
def test_swapped_arms_give_the_reciprocal_interval(arm: Moments, control: Moments, method: Method):
    one, other = lift(arm, control, method), lift(control, arm, method)
    assert (one.p, one.difference_low) == pytest.approx((other.p, -other.difference_high))
    if one.low > -1 and one.high < inf and other.low > -1 and other.high < inf:
        assert 1 + one.low == pytest.approx(1 / (1 + other.high), rel=1e-5)
        assert 1 + one.high == pytest.approx(1 / (1 + other.low), rel=1e-5)


@given(arms, arms, st.sampled_from(METHODS))
def test_intervals_shrink_with_units_and_widen_with_comparisons(arm: Moments, control: Moments, method: Method):
    def width(found: Lift) -> float:
        return found.difference_high - found.difference_low

    more = [Moments(each.units * 4, each.mean, each.variance, each.events) for each in (arm, control)]
    assert width(lift(*more, method)) < width(lift(arm, control, method))
    assert width(lift(arm, control, method, among=5)) > width(lift(arm, control, method))


def test_the_confidence_sequence_is_the_published_one():
    """The formula as GrowthBook writes it, of 4,000 and of 40,000 units."""
    rho = sqrt((-2 * np.log(0.05) + np.log(-2 * np.log(0.05) + 1)) / 5000)
    for n in (4_000, 40_000):
        half = np.sqrt(2 * (n * rho**2 + 1) / (n**2 * rho**2) * np.log(np.sqrt(n * rho**2 + 1) / 0.05))
        assert reach_always(n, 0.05) == pytest.approx(half * sqrt(n))
        assert p_always(reach_always(n, 0.05), n) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("t", "freedom"), [(12.706, 1), (2.571, 5), (2.228, 10), (2.042, 30), (1.980, 120), (1.96, inf)]
)
def test_students_table(t: float, freedom: float):
    assert two_sided(t, freedom) == pytest.approx(0.05, abs=1e-4)
    assert critical(0.05, freedom) == pytest.approx(t, abs=1e-3)


def test_what_is_too_little_says_nothing():
    few, many = Moments(99, 0.5, 0.2, 90), Moments(1000, 0.1, 0.1, 100)
    for pair in ((few, many), (many, few), (Moments(1000, 0.0, 0.0, 0), Moments(1000, 0.001, 0.001, 1))):
        found = lift(*pair)
        assert (found.enough, found.sure, found.p, found.low, found.high) == (False, False, 1.0, -inf, inf)
    assert lift(Moments(1000, 0.0, 0.0, 0), many).sure  # an arm that lost all its events


def test_bayes_of_a_lift_of_one_standard_error():
    control, arm = Moments(10_000, 1.0, 5_000.0, 5000), Moments(10_000, 2.0, 5_000.0, 5000)
    found = lift(arm, control, "bayesian")
    assert found.chance_to_win == pytest.approx(0.8413, abs=1e-4)
    assert found.expected_loss == pytest.approx(0.0833, abs=1e-4)  # the unit normal loss at 1
    assert found.p is None


def looks(draw: np.random.Generator, kind: str, units: np.ndarray) -> np.ndarray:
    """(experiments, looks, 2 arms, 4): cumulated buyers and sums of the first three powers, no effect anywhere."""
    shape = (EXPERIMENTS, LOOKS, 2)
    buyers = draw.binomial(units, 0.05, shape)
    if kind == "conversion":
        return np.stack((buyers,) * 4, axis=-1).astype(float).cumsum(axis=1)
    spent = draw.lognormal(3, 1, buyers.sum())
    look = np.repeat(np.arange(buyers.size), buyers.ravel())
    sums = [np.bincount(look, spent**power, buyers.size).reshape(shape) for power in (1, 2, 3)]
    return np.stack((buyers, *sums), axis=-1).cumsum(axis=1)


def moments(units: np.ndarray, sums: np.ndarray) -> list[Moments]:
    """Of (n,) units' (n, 4) buyers and sums of the first three powers (as `of_values` finds them of each unit's
    value)."""
    mean, second, third = (sums[:, 1:] / units[:, None]).T
    spread = second - mean**2
    cubed = third - 3 * mean * second + 2 * mean**3
    skewness = np.divide(cubed, spread**1.5, out=np.zeros(len(sums)), where=spread > 0)
    columns = (units, mean, spread * units / (units - 1), sums[:, 0].astype(int), skewness)
    return [Moments(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def bought(units: np.ndarray | int, buyers: np.ndarray) -> list[Moments]:
    """Of (n,) units and how many of them did something once."""
    return moments(np.broadcast_to(units, buyers.shape), np.stack((buyers,) * 4, axis=-1).astype(float))


def test_moments_of_sums_are_those_of_values():
    values = np.random.default_rng(10).exponential(3, 500)
    sums = np.array([[500, *((values**power).sum() for power in (1, 2, 3))]])
    (found,), same = moments(np.array([500]), sums), of_values(values).moments
    assert astuple(found) == pytest.approx(astuple(same))


@pytest.mark.parametrize(("kind", "shares"), [("conversion", (1, 1)), ("revenue", (1, 1)), ("revenue", (1.8, 0.2))])
def test_without_an_effect_looking_forty_times_alarms_seldom(kind: str, shares: tuple[float, float]):
    units = np.rint(STEPS[:, None] * shares).astype(int)
    told, alarms = units.cumsum(axis=0), np.zeros(2)
    for experiment in looks(np.random.default_rng(11), kind, units):
        seen = np.zeros(2, bool)
        controls, arms = (moments(told[:, arm], experiment[:, arm]) for arm in (0, 1))
        for control, arm in zip(controls, arms, strict=True):
            naive = abs(arm.mean - control.mean) > 1.96 * sqrt(arm.error**2 + control.error**2)
            seen |= lift(arm, control).sure, naive
            if seen.all():
                break
        alarms += seen
    default, naive = alarms / EXPERIMENTS
    print(f"{kind}, {shares}: of {EXPERIMENTS} A/A experiments, 40 looks: {default:.3f} alarm, t-tests {naive:.3f}")
    assert default <= 0.05
    assert naive > 0.30


def test_a_lift_of_a_fifth_is_found():
    """5 % buy, 6 % of the arm with the effect; 19,000 units an arm."""
    draw = np.random.default_rng(12)
    runs = 1_000
    control, arm = (draw.binomial(STEPS, rate, (runs, LOOKS)).cumsum(axis=1) for rate in (0.05, 0.06))
    first = []
    for pair in zip(arm, control, strict=True):
        looks_of_both = zip(*(bought(np.array(UNITS), each) for each in pair), strict=True)
        if found := next((a for a, b in looks_of_both if lift(a, b).sure), None):
            first.append(2 * found.units)
    power, median = len(first) / runs, int(np.median(first))
    print(f"power at a lift of 20 %: {power:.3f}, found after {median} of {2 * UNITS[-1]} units in the median")
    assert power > 0.85 and median < 30_000


@pytest.mark.parametrize("method", METHODS)
def test_the_interval_of_the_lift_covers_the_truth(method: Method):
    draw = np.random.default_rng(13)
    runs, units = 2_000, 4_000
    held = []
    controls, arms = (bought(units, draw.binomial(units, rate, runs)) for rate in (0.10, 0.12))
    for control, arm in zip(controls, arms, strict=True):
        found = lift(arm, control, method)
        held.append(found.low <= 0.2 <= found.high)
    print(f"{method}: the interval of the lift held the truth in {np.mean(held):.3f}")
    assert 0.935 <= np.mean(held) <= 0.965 or (method == "always" and np.mean(held) > 0.95)


def test_ratios_of_units_that_are_not_alike():
    """Clicks per show; users see 1 to 100 and differ in taste. The delta method covers; counting shows as units would
    not."""
    draw = np.random.default_rng(14)
    held, naive = [], []
    for _ in range(600):
        shows = draw.integers(1, 100, 400)
        clicks = draw.binomial(shows, draw.beta(2, 8, 400))
        found = of_ratio(clicks.astype(float), shows.astype(float)).moments
        held.append(abs(found.mean - 0.2) < 1.96 * found.error)
        naive.append(abs(found.mean - 0.2) < 1.96 * sqrt(found.mean * (1 - found.mean) / shows.sum()))
    print(f"clicks per show: covered {np.mean(held):.3f}, with shows as units {np.mean(naive):.3f}")
    assert np.mean(held) > 0.93 and np.mean(naive) < 0.6


def test_what_a_covariate_foretold_is_taken_out():
    draw = np.random.default_rng(15)
    before = [draw.gamma(2, 2, 5_000) for _ in range(2)]
    after = [
        of_values(each + effect + draw.normal(0, 1, 5_000)) for each, effect in zip(before, (0.0, 0.1), strict=True)
    ]
    plain = lift(after[1].moments, after[0].moments)
    control, arm = (each.moments for each in adjusted(after, before))
    found = lift(arm, control)
    assert found.difference == pytest.approx(0.1, abs=0.05)
    assert arm.variance < 0.15 * after[1].moments.variance
    assert found.sure and found.difference_high - found.difference_low < plain.difference_high - plain.difference_low
    constant = [np.ones(5_000)] * 2
    assert adjusted(after, constant) == after
