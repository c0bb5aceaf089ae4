"""Off-policy estimates on logs made by the engine's own exploration, in a world whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.data.exposure import Novelty
from engine.measure.off_policy import LEAST_EFFECTIVE, Estimates, Shows, estimates
from engine.rank.explore import Exploration, chances, explored, explorer
from engine.rank.topk import top_k

ITEMS, PLACES, ANSWERS = 16, 6, 100
SCORES = np.concatenate((np.linspace(4, 1, 10), np.full(6, -np.inf))).astype(np.float32)
NOVELTY = np.concatenate((np.zeros(4), np.ones(12))).astype(np.float32)
EVERYWHERE = np.ones(ITEMS, np.bool_)
CLICKS = np.random.default_rng(3).uniform(0.02, 0.5, ITEMS)  # how often each item is clicked where it is shown

# The target shows three items for certain and six young ones at times: all of them could have been shown.
TARGET = np.zeros(ITEMS)
TARGET[:3], TARGET[10:] = 1.0, 0.5
TRUTH = float((TARGET * CLICKS).sum())


def logs(seed: int, answers: int = ANSWERS) -> Shows:
    draw = np.random.default_rng(seed)
    answer, item, propensity = [], [], []
    best, novelty = top_k(SCORES, PLACES), Novelty.of(NOVELTY)
    for number in range(answers):
        drawing = explorer(Exploration(1.0), novelty, f"{seed} {number}")
        assert drawing is not None
        shown = explored(drawing, best, EVERYWHERE, PLACES)
        answer += [number] * len(shown.items)
        item += shown.items.tolist()
        propensity += shown.propensities.tolist()
    rows = np.array(item, np.int32)
    wanted = np.flatnonzero(TARGET).astype(np.int32)
    return Shows(
        answers,
        np.array(answer, np.int32),
        rows,
        np.array(propensity),
        (draw.random(len(rows)) < CLICKS[rows]).astype(np.float64),
        TARGET[rows],
        np.repeat(np.arange(answers, dtype=np.int32), len(wanted)),
        np.tile(wanted, answers),
        np.tile(TARGET[wanted], answers),
    )


@pytest.fixture(scope="module")
def many() -> list[Estimates]:
    return [estimates(logs(seed)) for seed in range(80)]


@pytest.mark.parametrize("name", ["ips", "snips", "doubly_robust"])
def test_the_interval_covers_the_truth(many: list[Estimates], name: str):
    found = [getattr(each, name) for each in many]
    covered = np.mean([each.interval[0] <= TRUTH <= each.interval[1] for each in found])
    off = np.mean([each.value for each in found]) - TRUTH
    print(f"{name}: covered {covered:.3f}, off by {off:+.4f} of {TRUTH:.3f}, error {found[0].error:.4f}")
    assert 0.89 <= covered <= 0.995
    assert abs(off) < 3 * np.std([each.value for each in found]) / np.sqrt(len(found)) + 0.01
    said, seen = np.mean([each.error for each in found]), np.std([each.value for each in found])
    assert said == pytest.approx(seen, rel=0.25)


def test_doubly_robust_knows_more(many: list[Estimates]):
    errors = {name: np.mean([getattr(each, name).error for each in many]) for name in ("ips", "snips", "doubly_robust")}
    assert errors["doubly_robust"] < errors["ips"] and errors["snips"] < errors["ips"]


def test_the_policy_that_answered_is_worth_what_it_earned():
    shows = logs(0, 50)
    same = replace(shows, target=shows.propensity)
    found = estimates(same)
    assert found.ips == found.logged
    assert found.gain == (0.0, 0.0)


def test_all_that_could_be_shown_is_covered_and_what_could_not_is_missed(many: list[Estimates]):
    assert np.mean([each.covered for each in many]) == pytest.approx(1.0, abs=0.02)
    shows = logs(0, 50)
    beyond = replace(
        shows,
        target_answer=np.concatenate((shows.target_answer, np.arange(50, dtype=np.int32))),
        target_item=np.concatenate((shows.target_item, np.full(50, 15, np.int32))),
        target_chance=np.concatenate((shows.target_chance, np.full(50, 6.0))),
    )
    assert estimates(beyond).covered < 0.6


def test_the_gain_of_a_better_policy_is_seen():
    """The target shows the best young item always, in place of the last: about its clicks more than that one's."""
    answers = 3000
    shows = logs(1, answers)
    best = 10 + int(np.argmax(CLICKS[10:]))
    drawing = explorer(Exploration(1.0), Novelty.of(NOVELTY), "")
    assert drawing is not None
    pool = chances(drawing, top_k(SCORES, PLACES), EVERYWHERE, PLACES)
    assert pool.chances.sum() == pytest.approx(0.44 * PLACES)
    target = np.zeros(ITEMS)
    target[[0, 1, 2, best]] = 1.0
    wanted = np.flatnonzero(target).astype(np.int32)
    found = estimates(
        replace(
            shows,
            target=target[shows.item],
            target_answer=np.repeat(np.arange(answers, dtype=np.int32), len(wanted)),
            target_item=np.tile(wanted, answers),
            target_chance=np.ones(len(wanted) * answers),
        )
    )
    low, high = found.doubly_robust.interval
    assert low <= (target * CLICKS).sum() <= high


def test_no_answers_no_estimate():
    none = np.zeros(0, np.int32)
    with pytest.raises(ValueError, match="no answers"):
        estimates(Shows(0, none, none, none, none, none, none, none, none))


def below(shows: Shows, covered: float) -> Shows:
    """With a target that shows items more which these answers never could have."""
    more = TARGET.sum() * (1 / covered - 1)
    answers = np.arange(shows.answers, dtype=np.int32)
    return replace(
        shows,
        target_answer=np.concatenate((shows.target_answer, answers)),
        target_item=np.concatenate((shows.target_item, np.full(shows.answers, 15, np.int32))),
        target_chance=np.concatenate((shows.target_chance, np.full(shows.answers, more))),
    )


def test_estimates_that_can_be_relied_on_bring_no_warning():
    found = estimates(logs(0, 400))
    assert found.trusted and found.warnings == () and found.gain is not None
    assert LEAST_EFFECTIVE < found.effective <= 400


def test_little_that_is_covered_is_warned_of_and_gives_no_gain():
    found = estimates(below(logs(0, 400), 0.24))
    assert found.covered == pytest.approx(0.24, abs=0.03)
    assert not found.trusted and found.gain is None
    low, contradiction = found.warnings
    assert "Only 2" in low and "explorationWeight" in low and "experiment" in low
    assert "contradict each other" in contradiction


def test_answers_of_which_a_few_decide_are_warned_of():
    shows = logs(0, 400)
    once = np.where(shows.answer == 7, 400.0, 0.1)
    found = estimates(replace(shows, target=shows.target * once, target_chance=shows.target_chance * 1.1))
    assert any("a few of them decide" in each for each in found.warnings) and found.gain is None
    assert any("a few of them decide" in each for each in estimates(logs(0, LEAST_EFFECTIVE // 2)).warnings)


def test_more_than_all_is_covered():
    shows = logs(0, 400)
    found = estimates(replace(shows, target_chance=shows.target_chance / 2))
    assert "where 100% is due" in found.warnings[0]


def test_without_a_reward_there_is_nothing_to_estimate():
    shows = logs(0, 400)
    found = estimates(replace(shows, reward=np.zeros_like(shows.reward)))
    assert found.ips.value == 0.0 and found.gain is None
    assert found.warnings[0].startswith("No event names one of the answers") and len(found.warnings) == 1
