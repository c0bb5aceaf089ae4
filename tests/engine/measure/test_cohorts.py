"""The curve on a tiny world, and the hit rates of caches that can be reckoned by hand."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from engine.evaluation.cohorts import CohortStudy, Curve, Traffic, cohort_curve, hit_rate
from engine.evaluation.plot import save_curve
from tests.engine.recipes.worlds import groups

SMALL = {"sequence_epochs": "0"}
QUIET = Traffic(users=1_000, requests=20_000, lists=100)


@pytest.fixture(scope="module")
def curve() -> Curve:
    """Three tastes: one list for all loses much, one for each taste little, and so where it was made of others."""
    ticks = iter([0.0, 10.0, 10.5])
    return cohort_curve(groups(), lambda: next(ticks), CohortStudy(hyperparameters=SMALL, counts=(1, 3), traffic=QUIET))


def test_more_cohorts_lose_less(curve: Curve) -> None:
    one, three, own = curve.rows
    assert [row.cohorts for row in curve.rows] == [1, 3, None]
    assert one.ndcg_at_10 < three.ndcg_at_10 <= own.ndcg_at_10 + 0.05
    assert one.of_others is not None and three.of_others is not None and one.of_others < three.of_others
    assert one.lost == pytest.approx(own.ndcg_at_10 - one.ndcg_at_10) and own.lost == 0
    assert one.lost_interval[0] <= one.lost <= one.lost_interval[1]
    assert one.as_cached <= one.ndcg_at_10  # what is known takes places


def test_more_lists_are_found_less_often(curve: Curve) -> None:
    rates = [row.hit_rate for row in curve.rows]
    assert rates == sorted(rates, reverse=True) and rates[-1] < 0.8 < rates[1]


def test_the_curve_says_what_it_cost_and_can_be_stored_and_drawn(curve: Curve, tmp_path: Path) -> None:
    assert (curve.training_s, curve.cohorts_s) == (10.0, 0.5)
    assert msgspec.json.decode(curve.to_json(), type=Curve) == curve
    save_curve(curve, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 1_000


@pytest.mark.parametrize(
    ("traffic", "shares", "rate"),
    [
        # one list, fresh for 60 s of 10 requests each: one request of 600 makes it
        (Traffic(users=10, requests=120_000, per_second=10), [1.0], 1 - 1 / 600),
        # never fresh
        (Traffic(users=10, requests=1_000, max_age_s=0), [0.5, 0.5], 0.0),
        # two lists in turn in a cache for one: a hit where the same comes twice
        (Traffic(users=10_000, requests=50_000, lists=1, exponent=0, max_age_s=1e9), [0.5, 0.5], 0.5),
        # a list a user, all alike active, room for a tenth
        (Traffic(users=1_000, requests=50_000, lists=100, exponent=0, max_age_s=1e9), None, 0.1),
    ],
)
def test_hit_rates(traffic: Traffic, shares: list[float] | None, rate: float) -> None:
    found = hit_rate(traffic, None if shares is None else np.array(shares), 0)
    assert found == pytest.approx(rate, abs=0.02)
