"""What measurements of lists count, without their servers."""

import numpy as np
import pytest

from engine.data.columns import NO_IDS
from engine.data.snapshot import snapshot_of
from gateway.cli.movielens import PARTS
from loadtests import first_events, parity, updates

ROWS = [
    (str(user), f"i{(user + step) % 9}", str(100 * step + user), "watch", "5") for user in range(6) for step in range(8)
]


@pytest.mark.parametrize(("items", "value"), [("wxyz", 1.0), ("xwyz", 1 / np.log2(3)), ("xyz", 0.0)])
def test_a_list_gains_by_the_place_of_what_was_wanted(items: str, value: float):
    assert parity.gain(list(items), "w") == pytest.approx(value)
    assert parity.gain([*"abcdefghij", "w"], "w") == 0  # the eleventh


def test_everybody_is_new_once():
    parts = list(first_events.parts_of(ROWS, 3))
    assert sorted(new.name for _, newcomers in parts for new in newcomers) == list("012345")
    for others, newcomers in parts:
        assert not {row[0] for row in others} & {new.name for new in newcomers} and len(others) == 32
        assert all(len(new.items) == max(first_events.EVENTS) + 1 for new in newcomers)
    assert parts[1][1][0].items == [f"i{1 + step}" for step in range(6)]


def test_what_came_later_brings_its_items():
    items = [(f"i{item}",) for item in range(9)]
    data = parity.Films(
        [(PARTS[0], [row for row in ROWS if row[1] != "i8" or int(row[2]) > 500]), (PARTS[1], items)], {}
    )
    halves = updates.Halves.of(data, 500)
    assert all(int(row[2]) < 500 for row in halves.before[0]) and all(int(row[2]) >= 500 for row in halves.after[0])
    assert halves.after[1] == [("i8",)] and len(halves.before[1]) == 8


def test_a_list_in_another_order_is_not_the_evaluators():
    snapshot = snapshot_of(
        np.zeros(1, np.int32), np.zeros(1, np.int32), np.ones(1, np.int64), item_names=list("abcdefg")
    )
    evaluator = parity.Evaluator(snapshot, lambda query: np.arange(7, 0, -1, dtype=np.float32) * (query.now or 1))
    assert evaluator.case("nobody", 1.0).history is NO_IDS

    def served(items: str) -> parity.Served:
        return parity.Served(parity.Visitor("0", "known"), True, "REST", list(items), 1.0, 2.0)

    assert evaluator.items("0", 1.0, remove_seen=True) == list("bcdefg")
    for items, agrees in (("abcdefg", False), ("bcdefg", True), ("bcdef", True), ("bdcefg", False), ("bcde", False)):
        assert evaluator.agrees(served(items), length=6) is agrees  # one may have been explored, not two
