"""Experiments as operators see them, and start, ramp and stop them by the configuration."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from engine import ArmAnswer, Exposure, UnitOutcome
from gateway.admin.experiments import crossing, sample_ratio
from gateway.config import parse
from gateway.experiments.analysis.verdict import Verdict
from tests.engine.shop import Shop
from tests.gateway.admin.world import CONFIG, AdminWorld

(LAYOUT_EXPERIMENT,) = parse(CONFIG, "shop.yaml", {}).experiments
PATH = "/admin/experiments"
LAYOUT = f"{PATH}/shop/home/layout"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[AdminWorld]:
    with closing(Shop(tmp_path)) as shop:
        yield AdminWorld(tmp_path, CONFIG, shop)


def expose(world: AdminWorld, arms: Sequence[tuple[str, int, int]], crossed: int = 0) -> None:
    """Units and clicks of each arm, over the last thousand seconds."""
    experiment, allocation = LAYOUT_EXPERIMENT.id, LAYOUT_EXPERIMENT.allocation
    now, store = time.time(), world.shop.engine.experiments
    exposures, clicks, answers = [], [], []
    for arm, units, clicked in arms:
        for number in range(units):
            at = now - 1000 + 1000 * number / units
            exposures.append(Exposure(experiment, f"{arm}{number}", arm, at, 0.5, allocation))
            if number < crossed:
                answers.append(
                    ArmAnswer(experiment, f"r{arm}{number}", "b" if arm == "a" else "a", f"{arm}{number}", at)
                )
            if number % units < clicked:
                clicks.append(UnitOutcome("shop", f"{arm}{number}", "Click ", 1.0, at + 1))
    store.write(exposures, {(experiment, arm): 3 * units for arm, units, _ in arms}, clicks, answers)


def test_an_experiment_that_has_not_begun_to_tell(world: AdminWorld) -> None:
    expose(world, [("a", 30, 3), ("b", 28, 4)])
    (row,) = world.get(PATH).json()["experiments"]
    assert (row["state"], row["verdict"], row["health"]) == ("running", "too early", "ok")
    assert [(arm["variation"], arm["exposed"], arm["answers"]) for arm in row["arms"]] == [("a", 30, 90), ("b", 28, 84)]
    assert "a 30, b 28" in row["words"]


def test_a_verdict_and_how_it_came_about(world: AdminWorld) -> None:
    expose(world, [("a", 1000, 100), ("b", 1000, 300)])
    body = world.get(f"{LAYOUT}?points=5").json()
    assert body["verdict"] == "better" and body["words"].startswith("b is better in click by +200")
    assert body["verdictDetail"]["units"] == {"a": 1000, "b": 1000}
    looks = body["timeline"]
    assert len(looks) == 5
    assert [sum(look["units"].values()) for look in looks] == sorted(sum(look["units"].values()) for look in looks)
    last, direct = looks[-1]["rows"][0], body["verdictDetail"]["rows"]
    lift = next(row["lift"] for row in direct if row["metric"] == "click" and row["arm"] == "b")
    assert (last["value"], last["low"], last["high"]) == (lift["value"], lift["low"], lift["high"])
    assert {check["name"]: check["level"] for check in body["checks"]} == dict.fromkeys(
        ("started", "exposed", "sample ratio", "crossed"), "ok"
    )


def test_units_that_get_lost_and_units_that_cross(world: AdminWorld) -> None:
    expose(world, [("a", 1000, 100), ("b", 700, 70)], crossed=30)
    body = world.get(LAYOUT).json()
    checks = {check["name"]: check for check in body["checks"]}
    assert (body["verdict"], body["health"]) == ("untrusted", "broken")
    assert checks["sample ratio"]["level"] == "broken" and checks["sample ratio"]["p"] < 0.001
    assert (checks["crossed"]["level"], checks["crossed"]["count"]) == ("broken", 60)
    codes = ("SampleRatio", "UnitsCrossed")
    for _ in range(100):  # the overview does not wait long for verdicts
        wrong = {each["code"]: each for each in world.get("/admin/overview").json()["wrong"]}
        if set(codes) <= set(wrong):
            break
        time.sleep(0.05)
    for code in codes:
        assert wrong[code]["severity"] == "error" and wrong[code]["about"] == "shop/recommend-items/home/layout"


@pytest.mark.parametrize(
    ("p", "level"), [(0.5, "ok"), (0.01, "ok"), (0.009, "warning"), (0.001, "warning"), (0.0009, "broken")]
)
def test_the_thresholds_of_the_sample_ratio(p: float, level: str) -> None:
    assert sample_ratio(Verdict("always", 0.05, 1, "a", {"a": 1, "b": 1}, p, True)).level == level


@pytest.mark.parametrize(("crossed", "level"), [(0, "ok"), (1, "warning"), (10, "warning"), (11, "broken")])
def test_the_threshold_of_crossing(crossed: int, level: str) -> None:
    assert crossing(crossed, 1000).level == level


def test_a_run_from_ramp_to_stop_keeps_the_comments(world: AdminWorld) -> None:
    for action, body, place in (
        ("ramp", {"traffic": 0.5, "comment": "half of them"}, "traffic"),
        ("ramp", {"weights": {"a": 3, "b": 1}}, "weights"),
        ("stop", {}, "schedule"),
    ):
        answer = world.post(f"{LAYOUT}/{action}", body)
        assert answer.status_code == 200, answer.text
        assert place in answer.json()["changes"][0]["place"]
    (row,) = world.get(PATH).json()["experiments"]
    assert (row["state"], row["traffic"], [arm["share"] for arm in row["arms"]]) == ("ended", 0.5, [0.75, 0.25])
    assert world.post(f"{LAYOUT}/start", {}).status_code == 200
    assert world.get(PATH).json()["experiments"][0]["state"] == "running"
    assert "# what everybody sees first" in world.file.read_text()
    entries = world.get("/admin/configuration/history").json()["entries"]
    assert [(each["how"], each["by"]) for each in entries] == [("experiment", "this machine")] * 4
    assert entries[-1]["comment"] == "half of them"


def test_an_experiment_is_made(world: AdminWorld) -> None:
    place = {"namespace": "shop", "action": "recommend-items", "recommender": "plain", "feature": "order"}
    definition = {"method": "builtin", "metrics": {"click": {"eventType": "Click"}}}
    assert world.post(PATH, {**place, "experiment": definition}).status_code == 201
    assert [row["feature"] for row in world.get(PATH).json()["experiments"]] == ["layout", "order"]
    again = world.post(PATH, {**place, "experiment": definition})
    assert (again.status_code, again.json()["code"]) == (409, "ExperimentExists")
    wrong = world.post(PATH, {**place, "feature": "else", "experiment": {**definition, "metric": {}}})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "ConfigurationFaulty")
    assert "metrics" in wrong.json()["faults"][0]["message"]


REFUSED = [
    ("ramp", {}, 400, "ValidationError"),
    ("ramp", {"traffic": 2}, 400, "ValidationError"),
    ("ramp", {"traffic": 0.5, "at": "2026-13-01T00:00:00Z"}, 400, "ValidationError"),
    ("ramp", {"traffic": 0.5, "at": "2020-01-01T00:00:00Z"}, 400, "ValidationError"),
    ("ramp", {"weights": {"c": 1}}, 422, "ConfigurationFaulty"),
    ("start", {"when": "now"}, 400, "ValidationError"),
]


@pytest.mark.parametrize(("action", "body", "status", "code"), REFUSED)
def test_what_is_refused_changes_nothing(world: AdminWorld, action: str, body: object, status: int, code: str) -> None:
    before = world.file.read_bytes()
    answer = world.post(f"{LAYOUT}/{action}", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert world.file.read_bytes() == before


def test_what_is_not_there(world: AdminWorld) -> None:
    for path in (f"{PATH}/shop/home/none", f"{PATH}/nowhere/home/layout"):
        assert world.get(path).status_code == 404
    assert world.get(f"{LAYOUT}?points=1").status_code == 400
    assert world.get(f"{LAYOUT}?methd=fixed").status_code == 400
