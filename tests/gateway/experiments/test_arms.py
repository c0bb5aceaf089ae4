"""How arms answer: counted by every process, added up in the database, and an alarm where an arm harms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from litestar.testing import TestClient

from engine.experiments.store import ExperimentStore
from engine.storage.sql import Database, sqlite_url
from gateway.errors import UpstreamTimeout
from gateway.experiments.arms import BATCH_S, ArmCounters
from gateway.experiments.enrol import Enrolment
from gateway.experiments.judge import judge
from gateway.plan.experiment import Experiment
from tests.gateway.experiments.test_ledger import experiment
from tests.gateway.experiments.test_matched import EXPERIMENT, PATH, config
from tests.gateway.serve.world import Clock, SmallEngine, app_over


@pytest.fixture
def store(tmp_path: Path) -> ExperimentStore:
    return ExperimentStore(Database(sqlite_url(tmp_path)))


def body(items: Any) -> bytes:
    return msgspec.json.encode({"itemList": [{"itemId": f"i{item}"} for item in items]})


def load(store: ExperimentStore, test: Experiment, slower: float = 1.0, failing: float = 0.0, fewer: int = 1) -> None:
    """Two processes for four minutes: ten answers of each arm a second, most from the cache, and all slow at times."""
    draw = np.random.default_rng(5)
    for _ in range(2):
        clock = Clock()
        arms = ArmCounters(store.readings, clock)
        for _ in range(480):
            clock.tick(BATCH_S)
            slow = draw.choice([1.0, 5.0])
            for variation, worse, fails, part in (("left", 1.0, 0.02, 1), ("right", slower, 0.02 + failing, fewer)):
                errors = draw.binomial(5, fails)
                arms.served(test.id, variation, "hit", 0.04 * slow * worse, count=4)
                arms.served(test.id, variation, "error", 0.01 * slow * worse * errors, count=int(errors))
                enrolment = Enrolment(test, f"u{draw.integers(500)}", test.by_variation[variation])
                items = draw.integers(0, 400 // part, 10)
                arms.served(test.id, variation, "miss", 0.01 * slow * worse)
                arms.listed(enrolment, body(items))
            arms.save()
        arms.save(now=True)


@pytest.mark.parametrize(
    ("change", "alarms"),
    [
        ({}, set()),
        ({"slower": 1.03}, set()),  # certain after a while, and nothing to speak of
        ({"slower": 1.5}, {"answer latency: right"}),
        ({"failing": 0.1}, {"answer errors: right"}),
        ({"fewer": 4}, {"item coverage: right", "item diversity: right"}),
    ],
)
def test_an_arm_that_answers_worse_raises_an_alarm(
    store: ExperimentStore, change: dict[str, Any], alarms: set[str]
) -> None:
    test = experiment()
    load(store, test, **change)
    found = judge(test, [], readings=ArmCounters(store.readings).readings(test))
    assert set(found.alarms) == alarms
    means = {(row.metric, row.arm): row.mean for row in found.rows}
    assert means["cache hits", "left"] == pytest.approx(4 / 5.1, rel=0.02)
    assert means["answer errors", "left"] == pytest.approx(0.1 / 5.1, rel=0.2)
    assert means["item coverage", "left"] == pytest.approx(400, rel=0.1)


def test_processes_add_up(store: ExperimentStore) -> None:
    test, clock = experiment(), Clock()
    workers = [ArmCounters(store.readings, clock) for _ in range(3)]
    for number in range(3):
        clock.tick(10)
        for arms in workers:
            arms.served(test.id, "left", "hit", 0.5, count=10)
            arms.served(test.id, "left", "error", 0.1)
            arms.served(test.id, "right", "shared", 0.5)
            if number:
                arms.save()
    for arms in workers:
        arms.save(now=True)
    left = store.readings.serving_sums(test.id)["left"]
    assert (left.batches, left.answers, left.errors, left.hits, round(left.seconds, 4)) == (6, 99, 9, 90, 5.4)


def test_what_can_t_be_written_waits(store: ExperimentStore, monkeypatch: pytest.MonkeyPatch) -> None:
    test, arms, add = experiment(), ArmCounters(store.readings, Clock()), store.readings.add

    def broken(*_: object) -> None:
        raise OSError("disk full")

    arms.served(test.id, "left", "hit", 0.5)
    monkeypatch.setattr(store.readings, "add", broken)
    arms.save(now=True)
    monkeypatch.setattr(store.readings, "add", add)
    arms.save(now=True)
    arms.save(now=True)
    assert store.readings.serving_sums(test.id)["left"].answers == 1


def test_answers_hits_and_failures_over_http(tmp_path: Path) -> None:
    engine, test = SmallEngine(tmp_path), experiment(EXPERIMENT)
    with TestClient(app_over(engine, config=config())) as client:
        for _ in range(3):
            for number in range(20):
                client.get(f"{PATH}u{number}")
        client.get(f"{PATH}u1?syntheticUser=1")
        client.get(f"{PATH}u1?numResults=none")  # the caller's own fault
        engine.broken = UpstreamTimeout("down")
        failed = [client.get(f"{PATH}u{number}?numResults=3").status_code for number in range(20)]
    assert set(failed) == {504}
    served = engine.experiments.readings.serving_sums(test.id)
    shown = engine.experiments.answer_counts(test.id)
    assert sum(each.errors for each in served.values()) == 20
    for variation, each in served.items():
        assert each.answers - each.errors == shown[variation]
        assert each.hits == shown[variation] - 1 and each.seconds > 0  # one list for all who are without history
    assert all(parts[0].lists == 1 for parts in engine.experiments.readings.list_counts(test.id).values())
