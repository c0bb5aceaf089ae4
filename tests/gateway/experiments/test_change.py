"""Who gets which arm changes with time, by itself: when, and what becomes of whoever has one."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from gateway.config import parse
from gateway.experiments.enrol import next_change, placed
from gateway.experiments.ledger import Ledger
from gateway.plan.experiment import AllocationStep, Arm, Bandit, Experiment
from tests.gateway.experiments.test_ledger import wait_until
from tests.gateway.experiments.test_matched import PATH, config
from tests.gateway.serve.world import Clock, SmallEngine, app_over

HOUR = 3600.0
BANDIT = Bandit("ctr", HOUR, 0.01, 100)


def arms(left: float) -> tuple[Arm, ...]:
    return Arm("left", left), Arm("right", 1 - left)


def experiment(**more: object) -> Experiment:
    return Experiment("builtin", seed="page", arms=arms(0.9), **more)  # type: ignore[arg-type]


LAUNCH = (AllocationStep(arms(0.5), 50.0), AllocationStep(arms(0.0), 150.0))


@pytest.mark.parametrize(
    ("test", "now", "told"),
    [
        (experiment(), 0.0, inf),
        (experiment(start=100.0, end=200.0), 99.9, 100.0),
        (experiment(start=100.0, end=200.0), 100.0, 200.0),
        (experiment(start=100.0, end=200.0), 200.0, inf),
        (experiment(steps=((-inf, 0.0), (100.0, 0.5), (150.0, 1.0))), 100.0, 150.0),
        (experiment(steps=((-inf, 0.0), (100.0, 0.5), (150.0, 1.0))), 150.0, inf),
        (experiment(launch=LAUNCH, steps=((-inf, 0.0), (100.0, 1.0))), 0.0, 50.0),
        (experiment(launch=LAUNCH, steps=((-inf, 0.0), (100.0, 1.0))), 50.0, 100.0),
        (experiment(launch=LAUNCH), 120.0, 150.0),
        (experiment(bandit=BANDIT), 5 * HOUR - 1, 5 * HOUR),
        (experiment(bandit=BANDIT), 5 * HOUR, 6 * HOUR),
        (experiment(bandit=BANDIT, end=5.5 * HOUR), 5 * HOUR, 5.5 * HOUR),
        (experiment(bandit=BANDIT, end=5.5 * HOUR), 5.5 * HOUR, inf),
    ],
)
def test_the_next_change(test: Experiment, now: float, told: float) -> None:
    assert next_change(test, now) == told


def test_between_two_changes_everybody_draws_the_same() -> None:
    test = experiment(launch=LAUNCH)
    users = [f"u{number}" for number in range(500)]

    def drawn(now: float) -> list[str]:
        return [placed(test, user, None, test.scheduled(now)).arm.variation for user in users]

    assert drawn(0.0) == drawn(49.9) != drawn(50.0) == drawn(149.9) != drawn(150.0)
    assert set(drawn(150.0)) == {"right"}


def test_a_unit_keeps_its_arm_through_the_steps_until_the_arm_gets_nobody() -> None:
    test = experiment(launch=LAUNCH)
    told = [placed(test, "u", "left", test.scheduled(now)) for now in (0.0, 50.0, 150.0)]
    assert [(each.arm.variation, each.arm.share) for each in told] == [("left", 0.9), ("left", 0.5), ("right", 1.0)]
    assert len({each.allocation for each in told}) == 3


TOLD = "{method: builtin, metrics: {ctr: {eventType: click}}, weights: {left: 9, right: 1}, ramp: [%s]}"
RAMP = (  # a quarter of an hour after the clock's beginning, and half an hour
    "{at: '2023-11-14T22:28:20Z', weights: {left: 1, right: 1}}, {at: '2023-11-14T22:43:20Z', weights: {right: 1}}"
)


def test_a_launch_over_http(tmp_path: Path) -> None:
    """Who comes later is drawn by the step of the time, who has an arm keeps it while somebody gets it; the verdict
    compares within steps, and knows the shares of now."""
    clock, engine = Clock(), SmallEngine(tmp_path)
    with TestClient(app_over(engine, clock, config=config(TOLD % RAMP))) as client:
        seen = []
        for step in range(3):
            seen.append({user: variation(client, user) for user in users_of(range(200 * step, 200 * step + 200))})
            if step < 2:
                assert {user: variation(client, user) for user in seen[0]} == seen[0]
            features = client.get("/api/features/any").json()["features"]["shop.page.row"]["rules"]
            assert features[0]["weights"] == [[0.9, 0.1], [0.5, 0.5], [0.0, 1.0]][step]
            told = client.get("/metrics").text
            assert f'variation="left"}} {[0.9, 0.5, 0.0][step]}' in told
            clock.tick(900)
        wait_until(lambda: len(engine.experiments.exposures("shop/recommend-items/page/row")) == 600)
        assert {variation(client, user) for user in seen[0]} == {"right"}
        found = client.get("/experiments/shop/page/row").json()
    assert [each["since"] for each in found["steps"]] == [None, clock() - 1_800, clock() - 900]
    assert [each["arms"]["left"]["weight"] for each in found["steps"]] == [0.9, 0.5, 0.0]
    shares = [list(each.values()).count("left") / 200 for each in seen]
    assert shares == pytest.approx([0.9, 0.5, 0.0], abs=0.1)
    assert sum(found["units"].values()) == 600 and found["trusted"]
    ledger, (test,) = Ledger(engine.experiments), parse(config(TOLD % RAMP), environ={}).experiments
    periods = [each.period for each in ledger.units(ledger.current(test, clock()))]
    assert [periods.count(period) for period in range(3)] == [200, 200, 200]


def users_of(numbers: range) -> list[str]:
    return [f"u{number}" for number in numbers]


def variation(client: TestClient[Any], user: str) -> str:
    return client.get(f"{PATH}{user}").headers["x-recgate-variation"]
