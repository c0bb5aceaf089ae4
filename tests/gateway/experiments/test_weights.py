"""A bandit through the real ledger: one process finds the weights, all agree, nothing is lost by a kill."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from engine.experiments.store import Allocation, ArmAllocation, ExperimentStore, Exposure, UnitOutcome
from engine.storage.sql import Database, sqlite_url
from gateway.config import parse
from gateway.experiments.analysis.rows import UnitRow
from gateway.experiments.enrol import placed
from gateway.experiments.judge import judge
from gateway.experiments.ledger import Ledger
from gateway.experiments.weights import Weights
from gateway.plan.experiment import Experiment
from tests.gateway.experiments.test_matched import config
from tests.gateway.serve.world import Clock

SAID = "{method: bandit, period: 1h, minimumWeight: 0.05, burnIn: 50, metrics: {ctr: {eventType: click}}%s}"
HOUR = 3600.0
START = 480_000 * HOUR


def bandit(more: str = "") -> Experiment:
    (found,) = parse(config(SAID % more), environ={}).experiments
    return found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ExperimentStore]:
    database = Database(sqlite_url(tmp_path))
    yield ExperimentStore(database)
    database.close()


class Process(SimpleNamespace):
    """One of several with a database, a clock and a moment of its own."""

    def __init__(self, store: ExperimentStore, test: Experiment, clock: Callable[[], float], lot: float = 0.0) -> None:
        self.asked = 0
        self.ledger = Ledger(store, clock)
        self.weights = Weights(store, self.rows, clock, lot)
        self.weights.prepare([test])

    def rows(self, experiment: Experiment) -> list[UnitRow]:
        self.asked += 1
        return self.ledger.units(experiment)

    def shares(self, test: Experiment, now: float) -> tuple[float, ...]:
        return self.weights.in_force(test, now).shares


def came(
    store: ExperimentStore, test: Experiment, process: Process, now: float, units: range, rates: dict[str, float]
) -> int:
    """These units come now, each shown what the weights in force draw, and click at the arm's rate; returns how many
    were shown the left arm."""
    draw = np.random.default_rng(int(now))
    allocation = process.weights.in_force(test, now)
    arms = {unit: placed(test, unit, None, allocation).arm for unit in (f"u{number}" for number in units)}
    luck = dict(zip(arms, draw.random(len(arms)), strict=True))
    told = [Exposure(test.id, unit, arm.variation, now, arm.share, allocation.name) for unit, arm in arms.items()]
    deeds = [
        UnitOutcome(test.scope, unit, "click ", 1.0, now + 1)
        for unit, arm in arms.items()
        if luck[unit] < rates[arm.variation]
    ]
    store.write(told, {}, deeds)
    return sum(arm.variation == "left" for arm in arms.values())


def test_the_better_arm_gets_nearly_all_and_the_estimates_stay_right(store: ExperimentStore) -> None:
    """While the days get better. What is lost to the better arm is beside an even split's, and each period's shares are
    those that were in force in it."""
    test, clock = bandit(), Clock(START + 10)
    process, first, lost = Process(store, test, clock), 0, 0.0
    assert process.shares(test, clock()) == (0.5, 0.5)
    for period in range(12):
        better = 1 + period / 12
        left = came(
            store, test, process, clock(), range(first, first + 500), {"left": 0.1 * better, "right": 0.2 * better}
        )
        first, lost = first + 500, lost + left * 0.1 * better
        clock.now = START + (period + 1) * HOUR - 100
        process.weights.look()
        clock.now = START + (period + 1) * HOUR + 10
    told = store.allocations(test.id)
    assert [each.since for each in told] == [START + (period + 1) * HOUR for period in range(12)]
    assert min(earned.weight for each in told for earned in each.arms.values()) >= 0.05
    assert told[-1].arms["right"].weight == 0.95
    even = sum(250 * 0.1 * (1 + period / 12) for period in range(12))
    print(f"lost: {lost:.0f} clicks, an even split {even:.0f}")
    assert lost < 0.4 * even
    current = test.under(process.weights.in_force(test, clock()))
    found = judge(current, process.ledger.units(current))
    truth = np.mean([1 + period / 12 for period in range(12)])
    for row, rate in zip(found.rows, (0.1 * truth, 0.2 * truth), strict=True):
        assert abs(row.mean - rate) < 3.5 * row.error
    assert found.rows[1].said == "better" and found.trusted


def test_one_process_finds_the_weights_and_all_answer_by_them_when_the_period_begins(store: ExperimentStore) -> None:
    test, clock = bandit(), Clock(START)
    processes = [Process(store, test, clock, lot) for lot in (0.9, 0.1, 0.5)]
    came(store, test, processes[0], START, range(400), {"left": 0.1, "right": 0.4})
    for second in range(3_400, 3_601):
        clock.now = START + second
        for each in processes:
            each.weights.look()
        if second < 3_600:
            assert {each.shares(test, clock()) for each in processes} == {(0.5, 0.5)}
    assert [each.asked for each in processes] == [0, 1, 0]
    (told,) = {each.shares(test, clock()) for each in processes}
    assert told == (0.05, 0.95)
    assert Process(store, test, clock).shares(test, clock()) == told  # restarted
    assert Process(store, test, clock).shares(test, START + 1) == (0.5, 0.5)  # an event of the past


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_process_that_dies_between_finding_and_writing_is_stood_in_for(
    tmp_path: Path, store: ExperimentStore
) -> None:
    test, clock = bandit(), Clock(START)
    other = Process(store, test, clock, lot=0.9)
    came(store, test, other, START, range(400), {"left": 0.1, "right": 0.4})
    clock.now = START + HOUR - 119
    child = os.fork()
    if child == 0:  # its own connection, and no way back into the tests
        try:
            own = ExperimentStore(Database(sqlite_url(tmp_path)))
            doomed = Weights(own, lambda _: os._exit(9), clock, 0.0)
            doomed.prepare([test])
            doomed.look()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    other.weights.look()
    assert (other.asked, store.allocations(test.id)) == (0, [])  # not its turn yet
    clock.now = START + HOUR - 90
    other.weights.look()
    assert other.asked == 1 and len(store.allocations(test.id)) == 1
    clock.now = START + HOUR
    assert other.shares(test, clock()) == (0.05, 0.95)


def test_who_comes_late_writes_nothing_and_the_weights_stay(store: ExperimentStore) -> None:
    test, clock = bandit(), Clock(START)
    slow = Process(store, test, clock)
    came(store, test, slow, START, range(400), {"left": 0.1, "right": 0.4})
    take = slow.rows

    def slowly(experiment: Experiment) -> list[UnitRow]:
        clock.tick(90)
        return take(experiment)

    weights = Weights(store, slowly, clock, 0.0)
    weights.prepare([test])
    clock.now = START + HOUR - 110
    weights.look()
    assert store.allocations(test.id) == []
    clock.now = START + HOUR - 59.9
    slow.weights.look()
    assert (slow.asked, store.allocations(test.id)) == (1, [])
    clock.now = START + HOUR + 1
    assert weights.in_force(test, clock()) == test.configured


def test_clocks_astray(store: ExperimentStore) -> None:
    """One that is fast by a day writes for tomorrow, and moves nobody's weights of today; one that is slow by less than
    a minute finds the same weights as the others, and all it tells is kept with the weight that it drew by."""
    test, clock = bandit(), Clock(START)
    right, slow = Process(store, test, clock, 0.5), Process(store, test, lambda: clock() - 50, 0.0)
    fast = Process(store, test, lambda: clock() + 24 * HOUR, 0.0)
    came(store, test, right, START, range(400), {"left": 0.1, "right": 0.4})
    for second in range(3_450, 3_600, 5):
        clock.now = START + second
        for each in (fast, slow, right):
            each.weights.look()
    assert [each.since for each in store.allocations(test.id)] == [START + HOUR, START + 25 * HOUR]
    assert (right.asked, slow.asked, fast.asked) == (1, 0, 1)
    for now in (START + 3_599, START + 3_600):
        assert right.shares(test, now) == slow.shares(test, now) == fast.shares(test, now)
    assert right.shares(test, START + 3_600) == (0.05, 0.95)


def test_whoever_writes_first_decides(store: ExperimentStore) -> None:
    def row(left: float) -> Allocation:
        arms = {"left": ArmAllocation(left, 9, 0.5, None), "right": ArmAllocation(1 - left, 9, 0.5, 0.1)}
        return Allocation("e", START, START - 60, arms)

    assert [store.allocate(row(left), lambda: True) for left in (0.25, 0.75)] == [True, False]
    assert store.allocations("e") == [row(0.25)]
    seq, rows = store.allocations_after(0)
    assert rows == [row(0.25)] and store.allocations_after(seq) == (seq, [])


def test_a_variation_more_begins_anew(store: ExperimentStore) -> None:
    test, clock = bandit(), Clock(START)
    arms = {
        "left": ArmAllocation(0.2, 9, 0.5, 0.1),
        "right": ArmAllocation(0.8, 9, 0.5, 0.1),
        "third": ArmAllocation(0.0, 0, 0.0, None),
    }
    store.allocate(Allocation(test.id, START, START - 60, arms), lambda: True)
    assert Process(store, test, clock).shares(test, START) == (0.5, 0.5)


def test_nothing_is_found_before_the_start_and_after_the_end(store: ExperimentStore) -> None:
    test = bandit(", schedule: {start: '2024-10-04T01:00:00Z', end: '2024-10-04T03:00:00Z'}")
    assert test.start == START + HOUR
    for now, count in ((START + HOUR - 100, 0), (START + 2 * HOUR - 100, 1), (START + 4 * HOUR - 100, 1)):
        Process(store, test, Clock(now)).weights.look()
        assert len(store.allocations(test.id)) == count
