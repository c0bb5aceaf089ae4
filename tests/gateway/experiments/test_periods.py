"""A bandit's estimates on arms of known truth, while the days get better."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.experiments.analysis.moments import Moments
from gateway.experiments.analysis.periods import by_period
from gateway.experiments.bandit import weights

RATES = np.array([0.05, 0.055, 0.07])
DAYS = 1 + np.linspace(0, 1, 12)  # the last day has twice the first one's conversions


def run(draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, arms and periods of 12 days of 1,500 users, whom Thompson sampling shares out each morning."""
    won, shown = np.zeros(3), np.zeros(3)
    values, arms = [], []
    for day in DAYS:
        mean = (won + 1) / (shown + 2)
        error = np.sqrt(mean * (1 - mean) / (shown + 3))
        shares = weights(mean.tolist(), error.tolist(), 0.05, draws=1_000, seed=int(draw.integers(2**31)))
        arm = draw.choice(3, 1_500, p=shares)
        value = (draw.random(1_500) < RATES[arm] * day).astype(float)
        won += np.bincount(arm, value, 3)
        shown += np.bincount(arm, minlength=3)
        values.append(value)
        arms.append(arm)
    return np.concatenate(values), np.concatenate(arms), np.repeat(np.arange(12), 1_500)


def test_estimates_stay_unbiased_while_weights_and_days_change():
    draw, truth = np.random.default_rng(31), RATES * DAYS.mean()
    estimates, held, naive = [], [], []
    for _ in range(300):
        values, arms, periods = run(draw)
        found = by_period(values, arms, periods, 3)
        estimates.append([each.mean for each in found])
        held.append([abs(each.mean - true) < 1.96 * each.error for each, true in zip(found, truth, strict=True)])
        naive.append(np.bincount(arms, values) / np.bincount(arms))
    bias, bias_naive = np.mean(estimates, axis=0) - truth, np.mean(naive, axis=0) - truth
    print(f"truth {truth}, bias by period {bias}, of plain means {bias_naive}; covered {np.mean(held, axis=0)}")
    noise = np.std(estimates, axis=0) / np.sqrt(len(estimates))
    assert (np.abs(bias) < 3.5 * noise).all()
    assert (np.abs(bias_naive) > np.abs(bias)).all() and np.abs(bias_naive).max() > 0.05 * truth.max()
    assert np.mean(held) > 0.92


def test_one_period_is_the_plain_mean():
    values, arms = np.array([1.0, 0.0, 2.0, 4.0, 3.0]), np.array([0, 0, 1, 1, 1])
    found = by_period(values, arms, np.zeros(5, int), 2)
    assert [(each.units, each.mean, each.events) for each in found] == [(2, 0.5, 1), (3, 3.0, 3)]
    assert [each.variance for each in found] == pytest.approx([0.5, 1.0])


def test_a_period_without_an_arm_joins_the_next():
    values = np.arange(10.0)
    arms = np.array([0, 0, 0, 1, 1, 0, 0, 1, 1, 0])
    found = by_period(values, arms, np.array([0, 0, 1, 1, 1, 1, 2, 2, 2, 3]), 2)
    assert [each.units for each in found] == [6, 4]
    assert all(np.isfinite(each.error) for each in found)


def test_an_arm_without_units_keeps_nobody_from_an_estimate():
    values = np.arange(10.0)
    some, none = by_period(values, np.zeros(10, int), np.arange(10) // 5, 2)
    assert (some.units, some.mean, none) == (10, 4.5, Moments(0, 0.0, np.inf, 0))
    assert by_period(values[:0], np.zeros(0, int), np.zeros(0, int), 2) == [Moments(0, 0.0, np.inf, 0)] * 2
