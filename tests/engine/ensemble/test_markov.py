"""Transitions as chances, shrunk where an item was rarely left, and as counts in models of earlier versions."""

from __future__ import annotations

import numpy as np
import pytest

from engine.ensemble.members.markov import MEMBER, READINGS, SHAPES, fit, read
from engine.recipe import Query, silent
from tests.engine.recipes.worlds import START, rows_of

# item 0 is left ten times, always for 1; item 2 is left once, for 3
LOG = rows_of(
    [*((user, place, START + place) for user in range(10) for place in (0, 1)), (10, 2, START), (10, 3, START + 1)]
)


def scores(history: list[int], **reading: float) -> np.ndarray:
    arrays = fit(LOG, SHAPES[0], 0, silent)
    return read(arrays, {"damp": 0.0, "fade": 0.65, **reading}, Query(np.array(history, np.int32)), LOG.item_count)


def test_a_transition_is_worth_its_chance_among_those_of_its_item() -> None:
    assert scores([0], shrink=5.0)[1] == pytest.approx(10 / 15)
    assert scores([2], shrink=5.0)[3] == pytest.approx(1 / 6)
    assert scores([2, 0], shrink=0.0).tolist() == pytest.approx([0, 1, 0, 0.65])


def test_models_of_earlier_versions_read_counts() -> None:
    assert scores([0])[1] == pytest.approx(10)
    arrays = fit(LOG, {}, 0, silent)
    assert read(arrays, {"damp": 0.0}, Query(np.array([2, 0], np.int32)), 4).tolist() == pytest.approx([0, 10, 0, 0.8])


def test_every_reading_prefers_what_follows() -> None:
    for reading in READINGS:
        assert int(scores([0], **reading).argmax()) == 1
    assert MEMBER.readings == READINGS
