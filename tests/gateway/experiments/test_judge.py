"""A configured experiment, judged by rows as a ledger has them."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.experiments.analysis.moments import Moments
from gateway.experiments.analysis.rows import UnitRow
from gateway.experiments.judge import GuardrailReading, judge
from gateway.plan.experiment import Arm, Experiment, ExperimentMetric

EXPERIMENT = Experiment(
    "builtin",
    {
        "revenue": ExperimentMetric("purchase", value_key="eventValue"),
        "returns": ExperimentMetric("return", direction="decrease"),
    },
    arms=(Arm("plain", 0.5), Arm("bold", 0.5), Arm("resting", 0.0)),
)


def rows(units: int = 8_000) -> list[UnitRow]:
    """Bold sells half as much again, and half as much again comes back."""
    draw = np.random.default_rng(81)
    told = []
    for number in range(units):
        bold = number % 2
        bought, back = draw.binomial(2, 0.1 + 0.05 * bold), draw.binomial(1, 0.1 + 0.05 * bold)
        metrics = {"revenue": (float(bought), 20.0 * bought)} | ({"returns": (1.0, 1.0)} if back else {})
        told.append(UnitRow(f"u{number}", ("plain", "bold")[bold], float(number), metrics if bought or back else {}))
    return told


def test_metrics_are_judged_in_the_direction_that_is_meant():
    found = judge(EXPERIMENT, rows())
    said = {(row.metric, row.arm): row.said for row in found.rows}
    assert found.control == "plain" and found.trusted and found.units == {"plain": 4000, "bold": 4000, "resting": 0}
    assert (said["revenue", "bold"], said["returns", "bold"]) == ("better", "worse")
    assert said["revenue", "resting"] == "too early"


def test_weights_that_changed_on_the_way():
    """Bold got a tenth of the first, poorer half: together it has not its share and looks better than it is."""
    draw = np.random.default_rng(82)
    told = []
    for number in range(20_000):
        period = int(number < 10_000)
        bold = draw.random() < (0.1 if period else 0.5)
        bought = draw.binomial(1, 0.1 if period else 0.3)
        told.append(UnitRow(str(number), ("plain", "bold")[bold], 0.0, {"revenue": (bought, bought)}, None, period))
    found = judge(EXPERIMENT, told)
    row = next(each for each in found.rows if (each.metric, each.arm) == ("revenue", "bold"))
    assert found.trusted and row.said == "open" and row.mean == pytest.approx(0.2, abs=0.02)
    blind = judge(EXPERIMENT, [each._replace(period=None) for each in told])
    row = next(each for each in blind.rows if (each.metric, each.arm) == ("revenue", "bold"))
    assert not blind.trusted and row.said == "better"


def test_readings_are_guardrails():
    latency = GuardrailReading([Moments(4_000, mean, 100.0, 4_000) for mean in (20.0, 30.0, 20.0)])
    hits = GuardrailReading([Moments(4_000, mean, 0.2, 3_000) for mean in (0.8, 0.81, 0.8)], increase=True)
    found = judge(EXPERIMENT, rows(200), readings={"latency": latency, "hits": hits})
    said = {(row.metric, row.arm): row.said for row in found.rows if row.guardrail}
    assert (said["latency", "bold"], said["hits", "bold"]) == ("harmed", "safe")
    assert found.alarms == ["latency: bold"]
    slower = GuardrailReading([Moments(4_000, mean, 0.01, 4_000) for mean in (20.0, 20.5, 20.0)])
    assert not judge(EXPERIMENT, rows(200), readings={"latency": slower}).alarms  # certain, and nothing to speak of
    failing = GuardrailReading([Moments(4_000, mean, mean, round(4_000 * mean)) for mean in (0.0, 0.1, 0.0)])
    assert judge(EXPERIMENT, rows(200), readings={"errors": failing}).alarms == ["errors: bold"]
    with pytest.raises(ValueError, match="each arm"):
        judge(EXPERIMENT, rows(200), readings={"latency": GuardrailReading(latency.arms[:2])})


def test_rows_that_cannot_be():
    with pytest.raises(ValueError, match="'other' is none of plain, bold"):
        judge(EXPERIMENT, [UnitRow("u", "other")])
    with pytest.raises(ValueError, match="1 of 2 units have none"):
        judge(EXPERIMENT, [UnitRow("u", "plain", covariate=1.0), UnitRow("v", "bold")])
