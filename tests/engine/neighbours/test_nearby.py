"""What tells most of the next item is chosen from the data's own next items."""

import numpy as np
import pytest

from engine.neighbours import nearby as parameters
from engine.neighbours.nearby import Nearness, chosen_nearness, nearby
from engine.neighbours.pairs import Pairs, codes_of, summed_pairs
from engine.recipe import silent
from tests.engine.recipes.worlds import HOUR, START, chain, groups, rows_of


def weights(pairs: Pairs) -> dict[tuple[int, int], float]:
    return dict(zip(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True), pairs.weight.tolist(), strict=True))


def test_nearness_fades_with_the_places_between() -> None:
    snapshot = rows_of([(0, item, START + item * HOUR) for item in range(3)])
    expected = {(0, 1): 1.0, (0, 2): 0.25, (1, 2): 1.0, (1, 0): 0.3, (2, 0): 0.075, (2, 1): 0.3}
    assert weights(nearby(snapshot, Nearness(fade=2.0, before=0.3))) == pytest.approx(expected)


def test_an_item_chosen_again_counts_where_it_was_last() -> None:
    snapshot = rows_of([(0, item, START + place * HOUR) for place, item in enumerate((0, 1, 0))])
    assert weights(nearby(snapshot, Nearness(before=0.0))) == {(1, 0): 1.0}


def test_in_a_chain_only_what_follows_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Item i is always followed by i + 1, and as many came from i - 1."""
    monkeypatch.setattr(parameters, "MOST_CASES", 60)
    nearness, figures = chosen_nearness(chain(users=600, length=2), 0, silent)
    assert nearness.before < 1 and figures["ndcg_at_25"] > figures["usual_ndcg_at_25"] + 0.1


def test_where_order_says_nothing_the_usual_stays() -> None:
    nearness, _ = chosen_nearness(groups(users=300), 0, silent)
    assert nearness.before == 1.0


def test_who_chooses_an_item_again_is_one_user() -> None:
    """Up to five times in a row, but for the next items that are held back."""
    once = groups(users=120)
    rows = np.arange(len(once.items))
    again = once.take(np.repeat(rows, np.where(np.isin(rows, once.indptr[1:] - 1), 1, 1 + once.items % 5)))
    assert chosen_nearness(again, 0, silent) == chosen_nearness(once, 0, silent)


def test_too_few_next_items_choose_nothing() -> None:
    snapshot = rows_of([(user, item, START + item) for user in range(9) for item in range(3)])
    assert chosen_nearness(snapshot, 0, silent) == (Nearness(), {})


def test_sums_of_pairs_are_the_same_with_and_without_a_sort() -> None:
    draw = np.random.default_rng(0)
    for items in (5, 4_000):
        parts = [Pairs(*draw.integers(5, size=(2, 80)).astype(np.int32), draw.random(80, np.float32)) for _ in range(2)]
        expected: dict[tuple[int, int], float] = {}
        for part in parts:
            for left, right, weight in zip(part.left, part.right, part.weight, strict=True):
                key = (int(left), int(right))
                expected[key] = expected.get(key, 0.0) + float(weight)
        summed = summed_pairs(parts, items)
        assert weights(summed) == pytest.approx(expected, rel=1e-5)
        assert (np.diff(codes_of(summed, items)) > 0).all()
