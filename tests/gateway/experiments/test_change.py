"""Who gets which arm changes with time, by itself: when, and what becomes of whoever has one."""

from __future__ import annotations

from math import inf

import pytest

from gateway.experiments.enrol import arm_of, next_change, placed
from gateway.experiments.setup import Arm, Bandit, Experiment, Weighing

HOUR = 3600.0
BANDIT = Bandit("ctr", HOUR, 0.01, 100)


def arms(left: float) -> tuple[Arm, ...]:
    return Arm("left", left), Arm("right", 1 - left)


def experiment(**more: object) -> Experiment:
    return Experiment("builtin", seed="page", arms=arms(0.9), **more)  # type: ignore[arg-type]


LAUNCH = (Weighing(arms(0.5), 50.0), Weighing(arms(0.0), 150.0))


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
        return [arm_of(test, user, None, test.scheduled(now)).variation for user in users]

    assert drawn(0.0) == drawn(49.9) != drawn(50.0) == drawn(149.9) != drawn(150.0)
    assert set(drawn(150.0)) == {"right"}


def test_a_unit_keeps_its_arm_through_the_steps_until_the_arm_gets_nobody() -> None:
    test = experiment(launch=LAUNCH)
    told = [placed(test, "u", "left", test.scheduled(now)) for now in (0.0, 50.0, 150.0)]
    assert [(each.arm.variation, each.arm.share) for each in told] == [("left", 0.9), ("left", 0.5), ("right", 1.0)]
    assert len({each.weighing for each in told}) == 3
