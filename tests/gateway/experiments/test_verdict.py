"""Verdicts of whole experiments: what is said of goals and guardrails, and when nothing may be said."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import msgspec
import numpy as np
import pytest

from gateway.experiments.analysis.moments import Moments
from gateway.experiments.analysis.self_check import false_alarms
from gateway.experiments.analysis.verdict import Design, MetricDefinition, Units, Verdict, verdict
from tests.engine.measure.movielens import movielens

ARMS = ("plain", "bold", "mild")


def units(n: int = 30_000, seed: int = 41) -> Units:
    """Bold doubles purchases and halves clicks."""
    draw = np.random.default_rng(seed)
    arm = draw.integers(0, 3, n)
    clicks = draw.poisson(np.array([2.0, 1.0, 2.0])[arm]).astype(float)
    bought = draw.binomial(1, np.array([0.05, 0.10, 0.05])[arm])
    return Units(
        arm,
        np.sort(draw.uniform(0, 1e6, n)),
        {"clicks": clicks, "revenue": bought * draw.gamma(2, 10, n)},
    )


METRICS = (
    MetricDefinition("revenue"),
    MetricDefinition("clicks", guardrail=True),
    MetricDefinition("returns", increase=False),
)
DESIGN = Design(ARMS, (1, 1, 1), METRICS)


def said(found: Verdict) -> dict[tuple[str, str], str | None]:
    return {(row.metric, row.arm): row.said for row in found.rows}


def test_goals_and_guardrails():
    found = verdict(units(), DESIGN)
    assert found.trusted and found.among == 4 and sum(found.units.values()) == 30_000
    assert said(found) == {
        ("revenue", "plain"): None,
        ("revenue", "bold"): "better",
        ("revenue", "mild"): "open",
        ("clicks", "plain"): None,
        ("clicks", "bold"): "harmed",
        ("clicks", "mild"): "open",
        ("returns", "plain"): None,
        ("returns", "bold"): "too early",
        ("returns", "mild"): "too early",
    }
    fewer = verdict(units(), Design(ARMS, (1, 1, 1), [replace(METRICS[0], increase=False)]))
    assert said(fewer)["revenue", "bold"] == "worse"


def test_a_guardrail_is_safe_when_more_than_its_margin_is_ruled_out():
    wide = MetricDefinition("clicks", guardrail=True, margin=0.1)
    assert said(verdict(units(), Design(ARMS, (1, 1, 1), [wide])))["clicks", "mild"] == "safe"
    latency = [Moments(10_000, mean, 400.0, 10_000) for mean in (50.0, 50.1, 58.0)]
    slow = MetricDefinition("latency_ms", increase=False, guardrail=True, margin=0.05)
    found = said(verdict(units(), Design(ARMS, (1, 1, 1), [slow]), readings={"latency_ms": latency}))
    assert (found["latency_ms", "bold"], found["latency_ms", "mild"]) == ("safe", "harmed")


def test_arms_without_their_shares_are_not_trusted():
    assert not verdict(units(), DESIGN._replace(shares=(2, 1, 1))).trusted


def test_names_and_order_of_the_arms_change_nothing():
    told = units()
    one = verdict(told, DESIGN)
    moved = np.array([0, 2, 1])[told.variation]
    other = verdict(replace(told, variation=moved), Design(("plain", "mild", "bold"), (1, 1, 1), METRICS))
    assert {(row.metric, row.arm): row for row in one.rows} == {(row.metric, row.arm): row for row in other.rows}


def test_it_is_json():
    found = msgspec.json.decode(msgspec.json.encode(verdict(units(300), DESIGN)))
    assert found["rows"][1]["lift"]["low"] is None  # no bound


def test_a_ratio_of_two_metrics():
    found = verdict(units(), Design(ARMS, (1, 1, 1), [MetricDefinition("revenue", per="clicks")]))
    plain, bold, _ = found.rows
    assert (plain.mean, bold.mean) == (pytest.approx(0.5, rel=0.1), pytest.approx(2.0, rel=0.1))
    assert bold.said == "better"


def test_nobody_yet():
    none = Units(np.zeros(0, np.int64), np.zeros(0), {})
    found = verdict(none, DESIGN)
    assert found.trusted and {row.said for row in found.rows} == {None, "too early"}
    with pytest.raises(ValueError, match="each arm"):
        verdict(none, DESIGN._replace(shares=(1, 1)))


def test_what_users_liked_before_foretells_movielens():
    """Users of MovieLens-100K: how well each liked the later half of his films (mean rating), foretold by the earlier
    half, which stands for what was there before the exposure. 0.2 is put on a random half of the users."""
    snapshot = movielens()
    user, people = snapshot.users, snapshot.user_count
    earlier = np.arange(len(user)) - snapshot.indptr[user] < np.diff(snapshot.indptr)[user] / 2
    before, after = (
        np.bincount(user[rows], snapshot.values[rows], people) / np.bincount(user[rows], minlength=people)
        for rows in (earlier, ~earlier)
    )
    arm = np.random.default_rng(43).integers(0, 2, people)
    after = after + 0.2 * arm
    told = Units(arm, np.zeros(people), {"liked": after}, before)
    plain = verdict(replace(told, covariate=None), Design(("a", "b"), (1, 1), [MetricDefinition("liked")])).rows[1]
    cuped = verdict(told, Design(("a", "b"), (1, 1), [MetricDefinition("liked")])).rows[1]
    shrunk = (cuped.error / plain.error) ** 2
    print(f"CUPED on MovieLens: variance {1 - shrunk:.1%} lower, as if {1 / shrunk:.2f} times the users had come")
    assert shrunk < 0.85 and cuped.variance_kept == pytest.approx(shrunk)
    assert cuped.lift is not None and abs(cuped.lift.difference - 0.2) < 2.5 * cuped.error


def test_splits_of_one_arm_alarm_seldom():
    values = np.random.default_rng(44).lognormal(0, 1, 4_000)
    default, fixed = (false_alarms(values, method, splits=200, looks=10) for method in ("always", "fixed"))
    print(f"splits of one arm, 10 looks: false alarms {default:.3f}, with a fixed horizon {fixed:.3f}")
    assert default <= 0.05 < fixed
    assert 0.01 < false_alarms(values, "fixed", splits=300) < 0.1


def test_two_proportions_by_hand():
    """300 and 345 of 5,000: z = 1.83, p = 0.067 (two-sided)."""
    arm = np.repeat([0, 1], 5_000)
    bought = np.concatenate([np.arange(5_000) < 300, np.arange(5_000) < 345]).astype(float)
    told = Units(arm, np.zeros(10_000), {"bought": bought})
    row = verdict(told, Design(("a", "b"), (1, 1), [MetricDefinition("bought")]), method="fixed").rows[1]
    assert row.lift is not None and row.lift.value == pytest.approx(0.15)
    error = sqrt(0.06 * 0.94 / 4_999 + 0.069 * 0.931 / 4_999)
    assert row.lift.difference_high == pytest.approx(0.009 + 1.96 * error, abs=1e-5)
    assert row.lift.p == pytest.approx(0.0667, abs=5e-4)
