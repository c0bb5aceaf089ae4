"""The alarm that arms do not have their shares: loud where a fiftieth is lost, silent where none is."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.experiments.analysis.mismatch import ALARM, mismatch


def test_a_lost_fiftieth_is_found_among_twenty_thousand():
    assert mismatch([10_400, 9_600], [1, 1]) < ALARM
    draws = np.random.default_rng(5).binomial(20_000, 0.52, 500)
    found = np.mean([mismatch([n, 20_000 - n], [50, 50]) < ALARM for n in draws])
    print(f"52/48 of 20,000 units raises the alarm in {found:.3f} of experiments")
    assert found > 0.9


def test_even_arms_seldom_raise_it_though_one_looks_forty_times():
    steps = np.random.default_rng(6).binomial(500, 0.5, (2_000, 40)).cumsum(axis=1)
    alarms = [
        any(mismatch([n, 500 * (k + 1) - n], [1, 1]) < ALARM for k, n in enumerate(each)) for each in steps.tolist()
    ]
    print(f"50/50 with 40 looks raises the alarm in {np.mean(alarms):.4f} of experiments")
    assert np.mean(alarms) <= 0.01


def test_order_and_scale_of_the_arms_do_not_matter():
    one = mismatch([510, 300, 190], [5, 3, 2])
    assert mismatch([190, 510, 300], [20, 50, 30]) == pytest.approx(one)
    assert mismatch([500, 300, 200], [5, 3, 2]) == 1.0 == mismatch([0, 0], [1, 1])


def test_arms_without_weight():
    assert mismatch([500, 500, 0], [1, 1, 0]) == 1.0
    assert mismatch([500, 500, 1], [1, 1, 0]) == 0.0
    with pytest.raises(ValueError, match="weights"):
        mismatch([1, 1], [0, 0])
