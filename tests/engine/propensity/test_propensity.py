"""The parts of a propensity, on cases small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest

from engine.data.columns import Numbers, Tags
from engine.propensity.calibration import calibrated, fitted, rising, sigmoid
from engine.propensity.outcomes import (
    NOT_TAKEN,
    OTHER,
    TAKEN,
    VIEWED,
    ActionOutcomes,
    OfferMoments,
    OutcomeCounts,
    episodes_of,
    kind_of,
)
from engine.propensity.users import Visits, item_vectors, user_features
from tests.engine.recipes.worlds import checkerboard

DAY = 86_400


def deeds(*rows: tuple[int, int, int, int]) -> ActionOutcomes:
    """(user, action, day, kind)"""
    users, actions, days, kinds = np.array(rows, np.int64).T
    return ActionOutcomes(users.astype(np.int32), actions.astype(np.int32), days * DAY, kinds.astype(np.int32))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Taken", TAKEN),
        ("TAKEN", TAKEN),
        ("Not Taken", NOT_TAKEN),
        ("NOT_TAKEN", NOT_TAKEN),
        ("notTaken", NOT_TAKEN),
        ("viewed", VIEWED),
        ("clicked", OTHER),
        ("", OTHER),
    ],
)
def test_event_types(name: str, kind: int):
    assert kind_of(name) == kind


def test_episodes():
    done = deeds(
        (0, 0, 0, VIEWED),
        (0, 0, 13, TAKEN),  # within 14 days
        (0, 0, 14, VIEWED),  # a new episode
        (0, 0, 30, TAKEN),  # and another: its first deed is the taking
        (0, 1, 5, NOT_TAKEN),
        (1, 0, 29, VIEWED),
    )
    episodes = episodes_of(done, 14 * DAY)
    known = episodes.settled(14 * DAY, 2, 2)
    found = {
        (int(user), int(action), int(time) // DAY): (bool(taken), int(after) // DAY, bool(over))
        for user, action, time, taken, after, over in zip(
            *episodes.begun, episodes.taken, episodes.after, known, strict=True
        )
    }
    assert found == {
        (0, 0, 0): (True, 13, True),
        (0, 0, 14): (False, 0, True),
        (0, 0, 30): (True, 0, False),
        (0, 1, 5): (False, 0, True),
        (1, 0, 29): (False, 0, False),
    }
    sooner = episodes_of(deeds(*((user, 0, user // 2, TAKEN if user % 2 else VIEWED) for user in range(60))), 14 * DAY)
    assert sooner.settled(14 * DAY, 1, 10).all()  # whoever takes it does so at once
    assert sooner.settled(14 * DAY, 1, 1_000).sum() == 32
    assert len(episodes_of(deeds((0, 0, 0, TAKEN)), DAY).taken) == 1


def test_episodes_against_a_slow_account():
    draw = np.random.default_rng(3)
    rows = sorted({(int(u), int(a), int(d)) for u, a, d in draw.integers((0, 0, 0), (4, 3, 200), (300, 3))})
    kinds = draw.integers(0, 4, len(rows))
    expected = []
    begun: dict[tuple[int, int], int] = {}
    for (user, action, day), kind in zip(rows, kinds, strict=True):
        start = begun.get((user, action))
        if start is None or day >= start + 10:
            start = begun[user, action] = day
            expected.append([user, action, day, False])
        last = next(each for each in reversed(expected) if each[:2] == [user, action])
        last[3] = last[3] or kind == TAKEN
    done = deeds(*((*row, int(kind)) for row, kind in zip(rows, kinds, strict=True)))
    order = draw.permutation(len(rows))
    found = episodes_of(ActionOutcomes(*(column[order] for column in done)), 10 * DAY)
    got = [[int(u), int(a), int(t) // DAY, bool(y)] for u, a, t, y in zip(*found.begun, found.taken, strict=True)]
    assert sorted(got) == sorted(expected)


def test_tallies_see_only_what_was_before():
    done = deeds((0, 0, 1, VIEWED), (0, 0, 2, TAKEN), (0, 1, 3, NOT_TAKEN), (1, 0, 1, TAKEN))
    at = OfferMoments(np.array([0, 0, 0, 0, 1, 2]), np.array([0, 0, 1, 1, 1, 0]), np.array([0, 2, 3, 9, 9, 9]) * DAY)
    leaning, count, taken, refused, viewed, inclined = OutcomeCounts(done, 2).at(at).T
    np.testing.assert_allclose(np.expm1(count), [0, 1, 2, 3, 1, 0], atol=1e-9)
    np.testing.assert_allclose(np.expm1(taken), [0, 0, 0, 0, 0, 0], atol=1e-9)
    np.testing.assert_allclose(np.expm1(viewed), [0, 1, 0, 0, 0, 0], atol=1e-9)
    np.testing.assert_allclose(np.expm1(refused), [0, 0, 0, 1, 0, 0], atol=1e-9)
    np.testing.assert_allclose(leaning, np.log([1, 0.5 / 1.5, 1.5 / 1.5, 1.5 / 2.5, 1.5 / 0.5, 1]), atol=1e-9)
    np.testing.assert_allclose(inclined, np.log([1, 0.5 / 1.5, 1, 0.5 / 1.5, 1, 1]), atol=1e-9)


def test_visits_see_the_latest_before():
    vectors = np.eye(16, dtype=np.float32)[:3]
    visits = Visits(
        np.array([0, 0, 0, 2], np.int32), np.array([0, 1, 9, 2], np.int32), np.array([1, 2, 3, 1]) * DAY, vectors
    )
    found = visits.at(np.array([0, 0, 0, 1, 2]), np.array([1, 2, 9, 9, 9]) * DAY)
    assert found[:, :3].tolist() == [[0, 0, 0], [1, 0, 0], [0.5, 0.5, 0], [0, 0, 0], [0, 0, 1]]
    np.testing.assert_allclose(np.expm1(found[:, -1]), [0, 1, 2, 0, 1])


def test_items_of_one_taste_are_near_each_other():
    snapshot = checkerboard()
    vectors = item_vectors(snapshot, 0)
    even, odd = vectors[::2], vectors[1::2]
    assert vectors.shape == (40, 16)
    assert abs((even @ odd.T).mean()) < 0.05 * abs((even @ even.T).mean())


def test_columns_become_features():
    columns = {
        "AGE": Numbers(np.array([20.0, 30.0, 40.0, np.nan])),
        "SAME": Numbers(np.array([1, 1, 1, 1])),
        "TIER": Tags(np.array([0, 1, 3, 3, 4], np.int64), np.array([0, 0, 1, 1], np.int32), ["gold", "tin"]),
    }
    age, low, high, *tiers = user_features(columns, 4).T.tolist()
    np.testing.assert_allclose(age, [-1.2247449, 0, 1.2247449, 0], rtol=1e-6)
    assert (low, high) == ([1, 0, 0, 0], [0, 0, 1, 0])
    assert sorted(tiers) == [[0, 1, 0, 1], [1, 1, 0, 0]]
    assert user_features({}, 3).shape == (3, 0)
    draw = np.random.default_rng(0)
    many = {f"N{n}": Numbers(draw.normal(size=50)) for n in range(40)}
    assert user_features(many, 50).shape == (50, 64)


def test_regression_finds_the_weights_and_keeps_to_its_centre():
    draw = np.random.default_rng(0)
    rows = np.column_stack((draw.normal(size=(20_000, 2)), np.ones(20_000)))
    taken = draw.random(20_000) < sigmoid(rows @ np.array([1.0, -2.0, 0.5]))
    np.testing.assert_allclose(fitted(rows, taken, np.zeros(3), np.ones(3)), [1, -2, 0.5], atol=0.08)
    centre = np.array([3.0, 3.0, 3.0])
    np.testing.assert_allclose(fitted(rows, taken, centre, np.full(3, 1e9)), centre, atol=0.01)
    alone = np.column_stack((np.ones(5), np.ones(5)))
    assert np.isfinite(fitted(alone, np.ones(5, np.bool_), np.zeros(2), np.full(2, 0.1))).all()


def test_never_falling():
    values, weights = np.array([0.1, 0.5, 0.3, 0.2, 0.9, 0.8]), np.array([1.0, 1, 1, 2, 1, 3])
    np.testing.assert_allclose(rising(values, weights), [0.1, 0.3, 0.3, 0.3, 0.825, 0.825])


@pytest.mark.parametrize("rows", [300, 20_000])
@pytest.mark.parametrize("bend", [lambda s: sigmoid(2 * s - 1), lambda s: 0.5 + 0.4 * np.sign(s) * (np.abs(s) > 0.5)])
def test_calibration(rows: int, bend: object):
    draw = np.random.default_rng(1)
    scores = draw.normal(size=rows)
    truth = bend(scores)  # type: ignore[operator]
    made = calibrated(scores, draw.random(rows) < truth)
    assert bool(made.knots) == (rows > 2_000)
    line = np.linspace(-6, 6, 500)
    assert (np.diff(made(line)) > 0).all() and made(line).min() > 0 and made(line).max() < 1
    if rows > 2_000:
        assert np.abs(made(scores) - truth).mean() < 0.05


@pytest.mark.parametrize("sign", [0, -1])
def test_scores_that_say_nothing_become_the_rate(sign: int):
    scores = np.random.default_rng(0).normal(size=1_000)
    taken = sigmoid(3 * sign * scores + 1) > np.random.default_rng(1).random(1_000)
    made = calibrated(0.01 * scores - 0.5, taken)
    assert made(0.01 * scores - 0.5).mean() == pytest.approx(taken.mean(), abs=0.01)
    assert made.slope > 0
