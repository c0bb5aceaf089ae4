"""Chances of a next visit, in a world whose visits are counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from engine.ensemble.members import visit
from engine.ensemble.members.visit import DAY, MEMBER, fit, read, shapes
from engine.recipe import Query, silent
from tests.engine.recipes.worlds import START, chain, rows_of

ITEMS = 4
# of two visits ten days ago, both with item 0, one had it twice and item 1; of two today one had item 2, one item 3
ROWS = [(0, 0, 0), (0, 0, 0), (0, 1, 0), (1, 0, 0), (0, 2, 10), (1, 3, 10)]
LOG = rows_of([(user, item, START + day * DAY) for user, item, day in ROWS])
PLAIN = {"decay": 1.0, "recent": 1.0}


def scores(query: Query, days: float = 10.0, **reading: float) -> np.ndarray:
    return read(fit(LOG, {"days": days}, 0, silent), {**PLAIN, **reading}, query, ITEMS)


def test_an_item_has_its_share_of_the_visits_old_ones_counting_less() -> None:
    assert scores(Query(), 10.0).tolist() == pytest.approx([1 / 3, 1 / 6, 1 / 3, 1 / 3])
    assert scores(Query(), 0.1).tolist() == pytest.approx([0, 0, 0.5, 0.5], abs=1e-6)
    assert scores(Query(), 1e6, recent=2.0).tolist() == pytest.approx([1, 0.5, 0.5, 0.5], abs=1e-4)


def test_the_users_own_share_of_visits_comes_on_top() -> None:
    history, times = np.array([1, 2, 1], np.int32), np.array([10, 10, 20])  # two visits, and one unseen
    assert scores(Query(history, times), recent=0.0).tolist() == pytest.approx([0, 2 / 3, 1 / 3, 0])
    faded = scores(Query(history, times), recent=0.0, decay=0.5)
    assert faded.tolist() == pytest.approx([0, 1.5 / 2.5, 0.5 / 2.5, 0])


def test_only_the_most_frequent_items_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visit, "MOST", 1)
    assert scores(Query(), 1e6).tolist() == pytest.approx([0.5, 0, 0, 0], abs=1e-4)


def test_it_is_tried_where_items_are_chosen_again() -> None:
    assert shapes(LOG) and not shapes(chain(size=20, users=3, length=8))


@pytest.mark.parametrize("reading", MEMBER.readings)
def test_a_few_items_are_read_as_all_are(reading: dict[str, float]) -> None:
    arrays, query = fit(LOG, {"days": 4.0}, 0, silent), Query(np.array([3, 1, 3], np.int32))
    assert MEMBER.sparse is not None
    few = MEMBER.sparse(arrays, reading, query, ITEMS)
    assert few is not None and len(np.unique(few.items)) == len(few.items)
    total = np.zeros(ITEMS, np.float32)
    few.onto(total)
    assert total == pytest.approx(MEMBER.read(arrays, reading, query, ITEMS))
