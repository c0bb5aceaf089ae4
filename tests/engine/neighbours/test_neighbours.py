"""Counted pairs, tables dense and sparse, and vectors of descriptions."""

from dataclasses import replace

import numpy as np
import pytest

from engine.neighbours import cooccurrence as cooccurrence_module, pairs as pairs_module, table as table_module
from engine.neighbours.cooccurrence import cooccurrence, gram, most_popular
from engine.neighbours.likeness import alike, described
from engine.neighbours.pairs import Pairs, distinct, following, from_end, together
from engine.neighbours.table import mix, mix_sparse, table_of, table_of_rows
from engine.recipe import silent
from tests.engine.recipes.worlds import START, groups, rows_of

LOG = rows_of(
    [(0, 0, START), (0, 1, START + 1), (0, 2, START + 2), (1, 0, START), (1, 1, START + 1), (1, 0, START + 2)]
)


def as_dict(pairs: Pairs) -> dict[tuple[int, int], float]:
    return dict(zip(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True), pairs.weight.tolist(), strict=True))


def test_following_counts_by_lag_and_never_across_users() -> None:
    assert as_dict(following(LOG, [1.0, 0.5])) == {(0, 1): 2.0, (1, 2): 1.0, (0, 2): 0.5, (1, 0): 1.0, (0, 0): 0.5}


def test_together_counts_users_both_ways() -> None:
    rows = distinct(LOG)
    pairs = together(LOG.users[rows], LOG.items[rows], longest=10, item_count=3)
    assert as_dict(pairs) == {(0, 1): 2, (1, 0): 2, (0, 2): 1, (2, 0): 1, (1, 2): 1, (2, 1): 1}
    assert as_dict(cooccurrence(LOG)[0]) == as_dict(pairs)


def test_a_full_buffer_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = as_dict(following(groups(), [1.0] * 5))
    monkeypatch.setattr(pairs_module, "BUFFER", 10)
    assert as_dict(following(groups(), [1.0] * 5)) == whole


def test_from_end() -> None:
    assert from_end(np.array([0, 0, 0, 2, 5, 5], np.int32)).tolist() == [2, 1, 0, 0, 1, 0]


def test_gram_of_some_items() -> None:
    np.testing.assert_array_equal(gram(LOG, np.array([0, 2], np.int32)), [[2, 1], [1, 1]])
    assert most_popular(LOG, 2).tolist() == [0, 1]


def test_gram_by_pairs_is_gram_by_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    data = groups()
    data = replace(data, weights=np.random.default_rng(0).random(len(data.items), np.float32))
    items = np.arange(1, data.item_count, dtype=np.int32)
    grams = []
    for pair in (0, 1_000_000):
        monkeypatch.setattr(cooccurrence_module, "PAIR", pair)
        grams.append(gram(data, items))
    np.testing.assert_allclose(grams[0], grams[1], rtol=1e-5)
    assert grams[0].any()


@pytest.mark.parametrize("dense", [True, False])
def test_mix_adds_weighted_rows(dense: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_module, "DENSE", 10 if dense else 0)
    pairs = Pairs(np.array([0, 0, 2], np.int32), np.array([1, 2, 0], np.int32), np.array([1, 2, 3], np.float32))
    table = table_of(pairs, 3)
    assert ("dense" in table) == dense
    mixed = mix(table, np.array([0, 2, 1]), np.array([1, 0.5, 9], np.float32), 3)
    np.testing.assert_array_equal(mixed, [1.5, 1, 2])


@pytest.mark.parametrize("kept", [30, 2])  # rows of any length, and full ones beside empty ones
def test_a_few_rows_of_a_sparse_table_tell_each_neighbour_once(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_module, "DENSE", 0)
    draw = np.random.default_rng(0)
    left, right = np.divmod(draw.choice(900, 300, replace=False).astype(np.int32), 30)
    pairs = Pairs(left[left != 7], right[left != 7], draw.random(int((left != 7).sum()), np.float32))
    table = table_of(pairs, 30, kept)
    assert (set(np.diff(table["indptr"]).tolist()) == {0, 2}) == (kept == 2)
    for history in ([3, 7, 3, 29], [7], []):
        items, weights = np.array(history, np.int32), draw.random(len(history), np.float32)
        few, dense = mix_sparse(table, items, weights), np.zeros(30, np.float32)
        assert few is not None and len(np.unique(few.items)) == len(few.items)
        few.onto(dense)
        np.testing.assert_allclose(dense, mix(table, items, weights, 30), atol=1e-6)


def test_a_sparse_table_keeps_the_strongest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_module, "DENSE", 0)
    block = np.array([[0, 1, -3, 2], [5, 0, 0, 0], [0, 0, 0, 0], [1, 2, 3, 0]], np.float32)
    table = table_of_rows(lambda part: block[part], np.array([1, 2, 4, 5], np.int32), 7, most=2)
    ones = np.ones(1, np.float32)
    np.testing.assert_array_equal(mix(table, np.array([1]), ones, 7), [0, 0, 0, 0, -3, 2, 0])
    np.testing.assert_array_equal(mix(table, np.array([5]), ones, 7), [0, 0, 2, 0, 3, 0, 0])
    np.testing.assert_array_equal(mix(table, np.array([0]), ones, 7), np.zeros(7))


def test_descriptions_find_their_like() -> None:
    vectors, columns = described(groups().item_columns, groups().item_count, silent)
    assert columns == ["GENRE", "SHELF", "PLOT"]
    pairs = alike(vectors, silent)
    strongest = {item: pairs.right[pairs.left == item][pairs.weight[pairs.left == item].argmax()] for item in range(27)}
    genre = [item // 8 for item in range(24)] + [0, 1, 2]
    assert all(genre[item] == genre[other] for item, other in strongest.items())


def test_nothing_said_is_like_nothing() -> None:
    vectors, columns = described(LOG.item_columns, LOG.item_count, silent)
    assert not columns
    assert not len(alike(vectors, silent).left)
