"""What is added to a few items beside the opened cells, to some of them by several parts."""

import numpy as np
import pytest

from engine.nearest.cells import Arrays, Index, built
from engine.nearest.shortlist import RESCORED, IndexQuery, Shortlist
from engine.neighbours.sparse import Sparse, Sums, once, summed
from engine.rank.topk import top_k
from engine.recipe import silent

ITEMS, DIM = 4_000, 8
DRAW = np.random.default_rng(3)
VECTORS = DRAW.normal(size=(ITEMS, DIM)).astype(np.float32)
ASKED = DRAW.normal(size=(50, DIM)).astype(np.float32)


@pytest.fixture(scope="module")
def arrays() -> Arrays:
    return built(VECTORS, ASKED, 0, silent)


def test_what_several_say_of_one_item_adds_up_and_takes_one_place(arrays: Arrays) -> None:
    items = np.repeat(DRAW.permutation(ITEMS)[: 2 * RESCORED], 3).astype(np.int32)
    entries = Sparse(items, DRAW.uniform(0, 4, size=len(items)).astype(np.float32))
    nobody = np.zeros(0, np.int32)
    index = Index(arrays, 0.01, 25)
    found, merged = (
        Shortlist(index, IndexQuery(ASKED[0], parts, 0.5, 0.0, nobody, 0.0))
        for parts in (tuple(Sparse(*(each[at::3] for each in entries)) for at in range(3)), (summed(*entries, ITEMS),))
    )
    assert len(np.unique(found.items)) == len(found.items)
    assert sorted(found.items.tolist()) == sorted(merged.items.tolist())
    exact = VECTORS @ ASKED[0] + np.float32(0.5)
    entries.onto(exact)
    np.testing.assert_allclose(found.logits, exact[found.items], rtol=1e-4, atol=1e-4)
    assert np.isin(top_k(exact, 5), found.best).all()


def test_sums_of_a_few_are_those_of_all() -> None:
    parts = [
        Sparse(DRAW.permutation(40)[:30].astype(np.int32), DRAW.normal(size=30).astype(np.float32)) for _ in range(3)
    ]
    dense, everyone = np.zeros(60, np.float32), np.arange(60, dtype=np.int32)
    for few in parts:
        few.onto(dense)
    sums = Sums(parts, 60)
    assert sums.of(everyone).tolist() == dense.tolist() and len(np.unique(sums.few.items)) == len(sums.few.items)
    assert sums.of(everyone.reshape(6, 10)).shape == (6, 10)
    assert not Sums((), 60).of(everyone.reshape(6, 10)).any()


def test_memory_that_others_left_behind_says_nothing() -> None:
    few = Sparse(np.array([7, 3], np.int32), np.array([0.5, 2.0], np.float32))
    sums = Sums((few,), 60)
    for left in (0, 1, 2, -1, 59, 2**31 - 1):
        sums._place_of[np.isin(np.arange(60), few.items, invert=True)] = left
        assert np.flatnonzero(sums.of(np.arange(60, dtype=np.int32))).tolist() == [3, 7]


def test_who_is_known_already_is_penalised_once(arrays: Arrays) -> None:
    items = np.arange(0, ITEMS, 2, dtype=np.int32)
    entries, twice = Sparse(items, np.ones(len(items), np.float32)), np.array([4, 11, 4], np.int32)
    plain, found = (
        Shortlist(Index(arrays, 0.05, 25), IndexQuery(ASKED[1], (entries,), 0.5, 0.0, each, 2.0))
        for each in (twice[:0], twice)
    )
    asked = np.array([4, 11, 5, 6], np.int32)
    np.testing.assert_allclose(plain.logits_of(asked) - found.logits_of(asked), [2, 2, 0, 0], atol=1e-5)
    assert sorted(found.best.tolist(), key=lambda item: (-found.logits_of(np.array([item]))[0], item)) == list(
        found.best
    )


def test_each_item_is_told_once() -> None:
    items = np.array([4, 1, 4, 4, 0, 1], np.int32)
    assert items[once(items, 5)].tolist() == [4, 0, 1]
    assert not len(once(items[:0], 5))
