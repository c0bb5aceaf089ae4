"""The user's own frequency, by visits."""

from __future__ import annotations

import numpy as np
import pytest

from engine.ensemble.members.own import MEMBER, read, visits_since
from engine.recipe import Query

ITEMS = 6
QUERY = Query(np.array([3, 1, 2, 1], np.int32), np.array([10, 20, 20, 30]))  # 1 and 2 in one visit, 1 again


@pytest.mark.parametrize(
    ("times", "count", "since"),
    [([10, 20, 20, 30], 4, [2, 1, 1, 0]), ([10, 20, 20, 30], 3, [1, 1, 0]), ([], 3, [2, 1, 0]), ([], 0, [])],
)
def test_a_visit_is_a_moment_or_else_an_event(times: list[int], count: int, since: list[int]) -> None:
    assert visits_since(np.array(times, np.int64), count).tolist() == since


def test_what_was_chosen_together_counts_the_same_and_a_visit_less_with_each_later_one() -> None:
    counts = np.expm1(read({}, {"decay": 0.5}, QUERY, ITEMS))
    assert counts.tolist() == pytest.approx([0, 1.5, 0.5, 0.25, 0, 0])


def test_models_of_earlier_versions_fade_an_event_at_a_time() -> None:
    assert np.expm1(read({}, {"power": 1.0}, QUERY, ITEMS)).tolist() == pytest.approx([0, 4 / 3, 0.5, 0.25, 0, 0])


@pytest.mark.parametrize("reading", MEMBER.readings)
def test_a_few_items_are_read_as_all_are(reading: dict[str, float]) -> None:
    assert MEMBER.sparse is not None
    scores = np.zeros(ITEMS, np.float32)
    few = MEMBER.sparse({}, reading, QUERY, ITEMS)
    assert few is not None and len(np.unique(few.items)) == len(few.items)
    few.onto(scores)
    assert scores == pytest.approx(MEMBER.read({}, reading, QUERY, ITEMS))
