import numpy as np
import pytest

from engine.measure.split import (
    leave_last_out,
    new_users_split,
    newest_split,
    repeat_share,
    tied_share,
    time_split,
    user_split,
)
from tests.engine.recipes.worlds import START, checkerboard, grocery, rows_of

LOG = rows_of(
    [(0, 5, START), (0, 6, START + 1), (0, 7, START + 1), (1, 5, START + 2), (2, 6, START), (2, 5, START + 9)]
)


def test_leave_last_out_hides_one_row_a_user_who_has_two() -> None:
    split = leave_last_out(LOG)
    assert [(case.history.tolist(), case.truth.tolist()) for case in split.cases] == [([5, 6], [7]), ([6], [5])]
    assert split.train.items.tolist() == [5, 6, 5, 6]
    assert split.train.indptr.tolist() == [0, 2, 3, 4]


def test_the_time_of_the_answer_is_not_in_the_question() -> None:
    for split in (leave_last_out(LOG), time_split(LOG, share=0.5), user_split(checkerboard(), 0)):
        for case in split.cases:
            assert not len(case.times) or case.now >= case.times[-1]
    assert [case.now for case in leave_last_out(LOG).cases] == [START + 1, START]


def test_leave_last_basket_out_hides_all_rows_of_the_last_time() -> None:
    case = leave_last_out(LOG, baskets=True).cases[0]
    assert (case.history.tolist(), case.truth.tolist()) == ([5], [6, 7])


def test_several_last_rows_become_several_cases_with_growing_histories() -> None:
    split = leave_last_out(LOG, last=2)
    assert [(case.history.tolist(), case.truth.tolist()) for case in split.cases] == [([5], [6]), ([5, 6], [7])]


def test_time_split_trains_on_the_past_and_asks_for_the_next() -> None:
    split = time_split(LOG, share=0.5)  # the moment is START + 1
    asked = [(case.history.tolist(), case.truth.tolist(), case.now) for case in split.cases]
    assert asked == [([5], [6], START + 1), ([], [5], START + 1), ([6], [5], START + 1)]
    assert split.train.times.max() < START + 1


@pytest.mark.parametrize("baskets", [False, True])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_new_users_are_those_of_the_time_split_without_a_history(share: float, baskets: bool) -> None:
    late = [(user, (user + k) % 7, START + (3 * user + k) // 2) for user in range(20) for k in range(6)]
    log = rows_of(late, user_names=[str(user) for user in range(22)])  # two have no row
    whole, new = (split(log, share=share, baskets=baskets) for split in (time_split, new_users_split))
    asked = [(case.user, case.truth.tolist(), case.now) for case in whole.cases if not len(case.history)]
    assert [(case.user, case.truth.tolist(), case.now) for case in new.cases] == asked != []
    np.testing.assert_array_equal(new.train.items, whole.train.items)
    assert new_users_split(log.take(np.zeros(len(log.items), bool))).cases == []


def test_user_split_is_the_services() -> None:
    snapshot = checkerboard(40)
    split = user_split(snapshot, seed=0)
    assert len(split.cases) == 4
    for case in split.cases:
        assert (len(case.history), len(case.truth)) in {(18, 1), (18, 2), (17, 2)}
    assert len(split.train.items) + sum(len(c.history) + len(c.truth) for c in split.cases) == len(snapshot.items)


def test_user_split_repeats_for_a_seed() -> None:
    first, again, other = (user_split(checkerboard(40), seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.train.items, again.train.items)
    assert not np.array_equal(first.train.users, other.train.users)


@pytest.mark.parametrize(("world", "tied", "repeated"), [(checkerboard(), 0.0, 0.0), (grocery(), 0.77, 0.8)])
def test_shares_tell_groceries_from_films(world: object, tied: float, repeated: float) -> None:
    assert tied_share(world) == pytest.approx(tied, abs=0.05)  # type: ignore[arg-type]
    assert repeat_share(leave_last_out(world, baskets=True).cases) == pytest.approx(repeated, abs=0.1)  # type: ignore[arg-type]


def test_newest_split_hides_a_fifth_of_every_user() -> None:
    rows = [(user, item, START + item) for user, count in enumerate((1, 2, 4, 5, 10)) for item in range(count)]
    train, hidden = newest_split(rows_of(rows))
    assert np.diff(hidden.indptr).tolist() == [0, 1, 1, 1, 2]
    assert hidden.items.tolist() == [1, 3, 4, 8, 9]
    assert np.diff(train.indptr).tolist() == [1, 1, 3, 4, 8]
