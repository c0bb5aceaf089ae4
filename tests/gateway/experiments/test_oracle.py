"""The statistics of experiments beside independent ways to the same numbers: mpmath's functions, numerical integrals,
least squares, one unit after the other."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite, sqrt

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from gateway.experiments.analysis.lift import Method, lift, p_always, reach_always
from gateway.experiments.analysis.mismatch import TRUST, mismatch
from gateway.experiments.analysis.moments import Values, adjusted, of_ratio, of_values
from gateway.experiments.analysis.periods import by_period
from gateway.experiments.analysis.student import critical, two_sided

cases = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 10**6)
METHODS: tuple[Method, ...] = ("always", "fixed", "bayesian")


def sample(seed: int) -> tuple[Values, Values]:
    """An arm's and the control's values, of a shape and a number of units that the seed draws."""
    draw = np.random.default_rng(seed)
    shape, scale, effect = draw.uniform(2, 9), draw.uniform(0.1, 10), draw.uniform(-0.2, 0.2)
    arm, control = (draw.gamma(shape, scale, draw.integers(200, 600)) for _ in range(2))
    return arm * (1 + effect), control


def student(t: float, freedom: float) -> float:
    """The chance beyond ±t, by mpmath's incomplete beta function."""
    return float(mpmath.betainc(freedom / 2, 0.5, 0, freedom / (freedom + t * t), regularized=True))


# ---- fixed: Welch's test


@cases
@given(st.floats(1e-3, 30), st.floats(1.5, 9e4))
def test_students_distribution(t: float, freedom: float):
    assert two_sided(t, freedom) == pytest.approx(student(t, freedom), rel=1e-7, abs=1e-280)


@cases
@given(st.floats(1e-6, 0.5), st.floats(1.5, 9e4))
def test_students_bound(alpha: float, freedom: float):
    assert student(critical(alpha, freedom), freedom) == pytest.approx(alpha, rel=1e-7)


@cases
@given(seeds)
def test_welchs_test(seed: int):
    arm, control = sample(seed)
    found = lift(of_values(arm).moments, of_values(control).moments, "fixed")
    a, b = (np.var(each, ddof=1) / len(each) for each in (arm, control))
    freedom = (a + b) ** 2 / (a**2 / (len(arm) - 1) + b**2 / (len(control) - 1))
    difference = arm.mean() - control.mean()
    assert found.p == pytest.approx(student(difference / sqrt(a + b), freedom), rel=1e-7)
    for bound in (found.difference_low, found.difference_high):
        assert student((bound - difference) / sqrt(a + b), freedom) == pytest.approx(0.05, rel=1e-7)


# ---- always: a test by betting


def mixture(z: float, units: int) -> float:
    """A bet against no difference after so many units, by a numerical integral: of exp(λS - λ²n/2), whose mean is 1
    while there is none, over effects λ that are normal with the variance that suits 5,000 units."""
    spread = (-2 * np.log(0.05) + np.log(-2 * np.log(0.05) + 1)) / 5_000
    steps = np.linspace(-40, 40, 40_001) / sqrt(units + 1 / spread)
    effects = steps + z / sqrt(units)
    logs = effects * z * sqrt(units) - effects**2 * units / 2 - effects**2 / (2 * spread)
    return float(np.exp(logs).sum() * (steps[1] - steps[0]) / sqrt(2 * np.pi * spread))


@cases
@given(st.floats(-7, 7), st.integers(100, 10**6))
def test_the_anytime_p_value_is_of_the_largest_bet(z: float, units: int):
    assert p_always(z, units) == pytest.approx(min(1.0, 1 / mixture(z, units)), rel=1e-6)


@cases
@given(st.integers(100, 10**6))
def test_the_anytime_bound_is_where_the_bet_pays_off(units: int):
    assert mixture(reach_always(units, 0.05), units) == pytest.approx(20, rel=1e-6)


# ---- bayesian: integrals over the posterior


@cases
@given(seeds)
def test_the_chance_to_win_and_the_loss(seed: int):
    arm, control = (of_values(each).moments for each in sample(seed))
    found = lift(arm, control, "bayesian")
    error = sqrt(arm.error**2 + control.error**2)
    effects = np.linspace(-12, 12, 100_001) * error + found.difference
    posterior = np.exp(-(((effects - found.difference) / error) ** 2) / 2)
    posterior /= posterior.sum()
    assert found.chance_to_win == pytest.approx(posterior[effects > 0].sum(), abs=1e-3)
    assert found.expected_loss == pytest.approx((posterior * np.maximum(-effects, 0)).sum(), abs=1e-6 * error)


# ---- all: the interval of the relative lift


@cases
@given(seeds, st.sampled_from(METHODS))
def test_the_interval_of_the_lift_holds_what_is_not_refuted(seed: int, method: Method):
    """A ratio r is refuted where the mean of arm - r · control is told from 0 by the same number of standard errors as
    the difference of the means."""
    arm, control = (of_values(each).moments for each in sample(seed))
    found = lift(arm, control, method)
    reach = (found.difference_high - found.difference) / sqrt(arm.error**2 + control.error**2)

    def refuted(ratio: float) -> float:
        difference = abs(arm.mean - ratio * control.mean)
        return difference - reach * sqrt(arm.error**2 + (ratio * control.error) ** 2)

    value = arm.mean / control.mean
    for bound, far in ((found.low, value - 5), (found.high, value + 5)):
        if isfinite(bound):
            assert 1 + bound == pytest.approx(root(refuted, value, far), abs=1e-9)


def root(function: Callable[[float], float], inside: float, outside: float) -> float:
    """The place between two where the function becomes positive."""
    for _ in range(60):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if function(middle) > 0 else (middle, outside)
    return inside


# ---- means that are more than means


@cases
@given(seeds)
def test_a_covariate_counts_as_in_least_squares(seed: int):
    draw = np.random.default_rng(seed)
    arm, before = draw.integers(0, 2, 800), draw.gamma(2, 2, 800)
    values = 3 + 0.2 * arm + draw.uniform(-2, 2) * before + draw.normal(0, 1, 800)
    samples = [of_values(values[arm == each]) for each in (0, 1)]
    control, treated = adjusted(samples, [before[arm == each] for each in (0, 1)])
    design = np.column_stack((np.ones(800), arm, before))
    coefficients, (squares,), *_ = np.linalg.lstsq(design, values)
    error = sqrt(squares / 797 * np.linalg.inv(design.T @ design)[1, 1])
    assert treated.mean - control.mean == pytest.approx(coefficients[1], abs=1e-9)
    assert sqrt(treated.moments.error**2 + control.moments.error**2) == pytest.approx(error, rel=0.03)


@cases
@given(seeds)
def test_a_ratio_is_as_sure_as_leaving_each_unit_out_says(seed: int):
    draw = np.random.default_rng(seed)
    shows = draw.integers(1, 30, 500).astype(float)
    clicks = draw.binomial(shows.astype(int), draw.beta(2, 8, 500)).astype(float)
    without = (clicks.sum() - clicks) / (shows.sum() - shows)
    jackknife = sqrt(499 / 500 * ((without - without.mean()) ** 2).sum())
    found = of_ratio(clicks, shows).moments
    assert (found.mean, found.error) == (
        pytest.approx(clicks.sum() / shows.sum()),
        pytest.approx(jackknife, rel=0.02),
    )


@cases
@given(seeds)
def test_periods_are_strata(seed: int):
    draw = np.random.default_rng(seed)
    period = draw.integers(0, 4, 900)
    arm = (draw.random(900) < np.array([0.1, 0.5, 0.3, 0.8])[period]).astype(int)
    values = draw.normal(period, 1 + period)
    for number, found in enumerate(by_period(values, arm, period, 2)):
        strata = [(np.mean(period == each), values[(period == each) & (arm == number)]) for each in range(4)]
        mean = sum(share * stratum.mean() for share, stratum in strata)
        variance = sum(share**2 * np.var(stratum, ddof=1) / len(stratum) for share, stratum in strata)
        assert (found.mean, found.error) == (pytest.approx(mean), pytest.approx(sqrt(variance)))


# ---- the shares of units


@cases
@given(st.lists(st.integers(0, 2), max_size=300), st.lists(st.floats(0.5, 5), min_size=3, max_size=3))
def test_a_mismatch_is_a_bet_on_each_unit(units: list[int], weights: list[float]):
    """Each unit's arm is foretold from the units before it, and the stake grows by how much better that was than the
    meant share."""
    shares, counts, stake = [each / sum(weights) for each in weights], [0, 0, 0], 1.0
    for number, unit in enumerate(units):
        stake *= (TRUST * shares[unit] + counts[unit]) / (TRUST + number) / shares[unit]
        counts[unit] += 1
    assert mismatch(counts, weights) == pytest.approx(min(1.0, 1 / stake), rel=1e-7)
