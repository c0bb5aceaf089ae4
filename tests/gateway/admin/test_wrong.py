"""What is wrong now, in plain words."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import structs

from gateway.admin.experiments import CheckView, ExperimentSummary
from gateway.admin.samples import NumbersSample
from gateway.admin.traffic import between
from gateway.admin.wrong import ServerState, problems
from gateway.config import Fault

FINE = ServerState(totals={}, recent=None, checks={"database": "ok"}, faults=(), failed=(), silent_workers=())


def minute(**counts: float) -> Any:
    totals = {f"recgate_{name}": {(): [value]} for name, value in counts.items()}
    return between(NumbersSample(60.0, totals), NumbersSample(0.0, {}), 0.0, None)


JOB: Any = SimpleNamespace(id=7, kind="training", arn="a:solution/x", message="too few users")
LOST = CheckView(name="sample ratio", level="broken", words="Units get lost.", p=1e-9)
OFF = CheckView(name="started", level="warning", words="Nobody takes part: its traffic is 0.")
EXPERIMENT = ExperimentSummary(
    namespace="shop",
    action="a",
    recommender="home",
    id="shop/a/home/row@2",
    feature="row",
    method="builtin",
    unit="user",
    description="",
    state="running",
    start=None,
    end=None,
    traffic=1.0,
    arms=[],
    metrics=[],
    guardrails=[],
    verdict="open",
    words="",
    health="ok",
    checks=[],
)


def experiment_with(**members: Any) -> ExperimentSummary:
    return structs.replace(EXPERIMENT, **members)


CASES: list[tuple[dict[str, Any], list[str], str]] = [
    ({}, [], ""),
    ({"checks": {"database": "the database does not answer"}}, ["error DatabaseDown"], "does not answer"),
    ({"checks": {"model home": "missing: …"}}, ["error ModelMissing"], "recgate train home"),
    ({"checks": {"model home": "an earlier model answers: …"}}, ["warning ModelLate"], "home"),
    ({"faults": [Fault("version", "must be a text", 3)]}, ["error ConfigurationFaulty"], "line 3"),
    ({"failed": [JOB] * 5}, ["warning JobFailed"] * 4, "too few users"),
    ({"recent": minute(answers_refused=4)}, ["error Overloaded"], "4 requests"),
    ({"recent": minute(events_refused=1)}, ["error Overloaded"], "1 request "),
    ({"totals": {"recgate_event_lag_seconds": {(): [9.0]}}}, ["warning EventsLate"], "9.0 s"),
    ({"totals": {"recgate_outbox_oldest_seconds": {("shop/http/x",): [99.0]}}}, ["warning TargetBehind"], "99 s"),
    ({"totals": {"recgate_outbox_dead": {("shop/http/x",): [1.0]}}}, ["warning DeadLetters"], "1 message"),
    ({"totals": {"recgate_jobs_processor_share": {(): [0.01]}}}, ["warning JobsStarve"], "1.0%"),
    ({"experiments": [EXPERIMENT]}, [], ""),
    (
        {"experiments": [experiment_with(verdict="harmed", words="Errors.")]},
        ["error GuardrailHarmed"],
        "stop shop/a/home/row",
    ),
    ({"experiments": [experiment_with(checks=[LOST])]}, ["error SampleRatio"], "get lost"),
    ({"experiments": [experiment_with(state="ended", verdict="harmed", checks=[LOST])]}, [], ""),
    (
        {"experiments": [experiment_with(state="off", checks=[OFF])]},
        ["warning ExperimentOff"],
        "ramp shop/a/home/row --traffic",
    ),
    ({"silent_workers": ["worker-2"]}, ["warning ProcessSilent"], "worker-2"),
    (
        {
            "totals": {
                "recgate_cache_bytes": {(): [99.0]},
                "recgate_cache_ceiling_bytes": {(): [100.0]},
                "recgate_cache_evictions": {(): [3.0]},
            }
        },
        ["note CacheFull"],
        "cache.megabytes",
    ),
]


@pytest.mark.parametrize(("changes", "codes", "words"), CASES)
def test_each_thing_that_is_wrong_is_told_once(changes: dict[str, Any], codes: list[str], words: str) -> None:
    told = problems(replace(FINE, **changes))
    assert [f"{each.severity} {each.code}" for each in told] == codes
    assert all(each.what and each.do and each.view for each in told)
    assert words in " ".join(each.what + each.do for each in told)


def test_the_worst_comes_first() -> None:
    state = replace(FINE, silent_workers=["worker-1"], checks={"database": "no"}, failed=[JOB])
    assert [each.severity for each in problems(state)] == ["error", "warning", "warning"]
