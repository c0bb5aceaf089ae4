"""How many units and days an experiment needs, against known numbers and by trying."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest

from gateway.experiments.analysis.lift import Method, lift
from gateway.experiments.analysis.planner import PlannedTest
from tests.gateway.experiments.test_lift import bought


def test_sixteen_variances_over_the_squared_difference():
    """The rule of thumb is 15.7 of them: 2 (1.96 + 0.8416)²."""
    assert PlannedTest(1.0, 1.0, 0.1, "fixed").units_needed() == pytest.approx(2 * (1.96 + 0.8416) ** 2 * 100, rel=1e-3)


@pytest.mark.parametrize("method", ["always", "fixed"])
def test_the_units_that_it_names_have_the_power(method: Method):
    rate, effect = 0.05, 0.2
    units = PlannedTest(rate, sqrt(rate * (1 - rate)), effect, method).units_needed()
    draw = np.random.default_rng(21)
    arms, controls = (bought(units, draw.binomial(units, each, 1_000)) for each in (rate * (1 + effect), rate))
    power = np.mean([lift(arm, control, method).sure for arm, control in zip(arms, controls, strict=True)])
    print(f"{method}: {units} units an arm for a lift of 20 % of a rate of 5 %; power {power:.3f}, meant 0.8")
    assert 0.76 <= power <= 0.84


def test_days_are_those_of_the_slowest_arm():
    found = PlannedTest(1.0, 1.0, 0.1, "fixed").forecast(daily=1_000, shares=(0.4, 0.1))
    assert (found.units_per_arm, found.days, found.weeks) == (1570, 16, 3)
    assert found.detectable is not None and found.detectable < 0.1
    test = PlannedTest(1.0, 1.0, 0.1)
    assert test.forecast().days == 0
    assert replace(test, among=4).units_needed() > test.units_needed()
    assert replace(test, lift=-0.1).units_needed() == test.units_needed()


@pytest.mark.parametrize("told", [(0.0, 1.0, 0.1), (1.0, 0.0, 0.1), (1.0, 1.0, 0.0)])
def test_what_cannot_be_planned(told: tuple[float, float, float]):
    with pytest.raises(ValueError, match="must not be 0"):
        PlannedTest(*told)
