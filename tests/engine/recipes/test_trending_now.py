from dataclasses import dataclass

import msgspec
import numpy as np
import pytest

from engine.data.columns import Ints, Longs
from engine.data.snapshot import Snapshot
from engine.recipe import Floats, Query, silent
from engine.recipes import RECIPES
from tests.engine.recipes.worlds import HOUR, START, rows_of

RECIPE = RECIPES["aws-trending-now"]
OLD = START - 100 * HOUR


@dataclass(frozen=True)
class Streamed:
    items: list[int]
    times: list[int]

    def recent(self) -> tuple[Ints, Longs]:
        return np.array(self.items, np.int32), np.array(self.times, np.int64)


def world() -> Snapshot:
    """Item 0 is popular of old, 1 is steady (2 then 2), 2 grows (1 then 4), 3 falls (5 then 1)."""
    old = [(user, 0, OLD) for user in range(9)] + [(9, 1, OLD), (10, 1, OLD), (9, 2, OLD)]
    before, now = START - 3 * HOUR, START
    lately = [(1, before, 2), (1, now, 2), (2, before, 1), (2, now, 4), (3, before, 5), (3, now, 1)]
    return rows_of(old + [(11 + k, item, time) for item, time, times in lately for k in range(times)])


def scores(query: Query, **hyperparameters: str) -> Floats:
    return RECIPE.ready(RECIPE.train(world(), RECIPE.parse(hyperparameters), 0, silent))(query)


def test_growth_first_then_popularity() -> None:
    np.testing.assert_array_equal(np.argsort(-scores(Query())), [2, 0, 3, 1])


def test_streamed_events_count_even_of_unknown_items() -> None:
    answer = scores(Query(stream=Streamed([6] * 5, [START + 60] * 5)))
    assert answer.shape == (7,)
    np.testing.assert_array_equal(np.argsort(-answer)[:2], [6, 2])


def test_the_clock_is_the_latest_event() -> None:
    """Ten hours later one event of item 1 arrives: what was growing is history."""
    answer = scores(Query(stream=Streamed([1], [START + 10 * HOUR]), now=START + 1e9))
    np.testing.assert_array_equal(np.argsort(-answer, kind="stable"), [1, 0, 2, 3])


def test_a_day_joins_what_two_hours_tell_apart() -> None:
    answer = scores(Query(), trend_discovery_frequency="1 day")
    np.testing.assert_array_equal(np.argsort(-answer), [3, 2, 1, 0])


def test_nothing_of_the_last_two_intervals_leaves_popularity() -> None:
    old = rows_of([(0, 1, OLD), (1, 1, OLD), (0, 0, OLD)])
    model = RECIPE.train(old, RECIPE.parse({}), 0, silent)
    assert RECIPE.ready(model)(Query(stream=Streamed([], []))).argmax() == 1


@pytest.mark.parametrize("frequency", ["2 days", "30", ""])
def test_other_frequencies_are_refused(frequency: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="trend_discovery_frequency"):
        RECIPE.parse({"trend_discovery_frequency": frequency})
