from dataclasses import dataclass

import msgspec
import numpy as np
import pytest

from engine.data.columns import Ints, Longs
from engine.data.snapshot import Snapshot
from engine.recipe import Floats, Model, Query, silent
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
    """Ten hours later one event of item 1 arrives: what was growing is history. Items 2 and 3 have as many users each;
    those of item 3 came later."""
    answer = scores(Query(stream=Streamed([1], [START + 10 * HOUR]), now=START + 1e9))
    np.testing.assert_array_equal(np.argsort(-answer, kind="stable"), [1, 0, 3, 2])


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


def test_growth_by_chance_is_none() -> None:
    """Of sixty items each gains or loses one or two users, as chance has it; item 60 is popular, item 61 bursts."""
    draw = np.random.default_rng(0)
    counts = [(item, HOUR * 3, int(n)) for item, n in enumerate(draw.poisson(3, 60))]
    counts += [(item, 0, int(n)) for item, n in enumerate(draw.poisson(3, 60))]
    counts += [(60, 100 * HOUR, 80), (61, 0, 12)]
    rows = [(item, START - ago, n) for item, ago, n in counts]
    users = iter(range(10_000))
    snapshot = rows_of([(next(users), item, time) for item, time, n in rows for _ in range(n)])
    answer = RECIPE.ready(RECIPE.train(snapshot, RECIPE.parse({}), 0, silent))(Query())
    best = np.argsort(-answer)
    assert best[0] == 61 and 60 in best[:4]


def test_popularity_fades_as_fast_as_the_data_say() -> None:
    """Every week another item is what everybody chooses: of what was popular before last week nothing is left."""
    weeks = [
        (week * 100 + user, week % 10 if user % 4 else 10 + user % 7, START + (week * 7 + user % 7) * 24 * HOUR)
        for week in range(40)
        for user in range(100)
    ]
    model = RECIPE.train(rows_of(weeks), RECIPE.parse({"trend_discovery_frequency": "1 day"}), 0, silent)
    assert model.about["chosen"]["half_life_days"] is not None


def test_where_people_choose_seldom_what_was_new_long_ago_counts_too() -> None:
    """Every ten days all choose one item, half of them for the second time in a row; item numbers say nothing."""
    names = np.random.default_rng(0).permutation(200).tolist()
    rows = [
        (turn * 20 + user, names[turn - user % 2], START + turn * 10 * 24 * HOUR)
        for turn in range(1, 60)
        for user in range(20)
    ]
    model = RECIPE.train(rows_of(rows), RECIPE.parse({}), 0, silent)
    assert model.about["chosen"]["half_life_days"] == 1.0


def test_models_of_earlier_versions_answer_by_users_and_growth() -> None:
    """Such keep how many users an item had, which does not fade."""
    arrays = {
        "users": np.array([9, 4, 1], np.float32),
        "items": np.array([2, 2, 2, 2, 2, 2], np.int32),
        "times": np.arange(START - 5, START + 1),
    }
    score = RECIPE.ready(Model(arrays, {"interval": 2 * HOUR, "chosen": {"interval_seconds": 2 * HOUR}}))
    np.testing.assert_array_equal(np.argsort(-score(Query())), [2, 0, 1])
    later = score(Query(stream=Streamed([1] * 3, [START + 100 * HOUR] * 3)))
    np.testing.assert_array_equal(np.argsort(-later), [1, 0, 2])
