"""What is added to a few items beside the opened cells, some of them more than once."""

import numpy as np
import pytest

from engine.nearest.cells import Arrays, Index, built
from engine.nearest.shortlist import RESCORED, Question, Shortlist
from engine.neighbours.sparse import Sparse, Sums, once, summed
from engine.rank.topk import top_k
from engine.recipes.base import silent

ITEMS, DIM = 4_000, 8
DRAW = np.random.default_rng(3)
VECTORS = DRAW.normal(size=(ITEMS, DIM)).astype(np.float32)
ASKED = DRAW.normal(size=(50, DIM)).astype(np.float32)


@pytest.fixture(scope="module")
def arrays() -> Arrays:
    return built(VECTORS, ASKED, 0, silent)


def test_entries_of_one_item_add_up_and_take_one_place(arrays: Arrays) -> None:
    items = np.repeat(DRAW.permutation(ITEMS)[: 2 * RESCORED], 3).astype(np.int32)
    entries = Sparse(items, DRAW.uniform(0, 4, size=len(items)).astype(np.float32))
    nobody = np.zeros(0, np.int32)
    index = Index(arrays, 0.01, 25)
    found, merged = (
        Shortlist(index, Question(ASKED[0], (each,), 0.5, 0.0, nobody, 0.0))
        for each in (entries, summed(*entries, ITEMS))
    )
    assert len(np.unique(found.items)) == len(found.items)
    assert sorted(found.items.tolist()) == sorted(merged.items.tolist())
    exact = VECTORS @ ASKED[0] + np.float32(0.5)
    entries.onto(exact)
    np.testing.assert_allclose(found.logits, exact[found.items], rtol=1e-4, atol=1e-4)
    assert np.isin(top_k(exact, 5), found.best).all()


def test_sums_of_a_few_are_those_of_all() -> None:
    sums, dense = Sums(60), np.zeros(60, np.float32)
    for _ in range(3):
        few = Sparse(DRAW.integers(40, size=30).astype(np.int32), DRAW.normal(size=30).astype(np.float32))
        sums.add(few)
        few.onto(dense)
    twice = np.array([3, 50, 3], np.int32)
    sums.add_once(twice, -2.0)
    dense[twice] -= 2
    everyone = np.arange(60, dtype=np.int32)
    assert sums.of(everyone).tolist() == dense.tolist()
    assert sums.of(everyone.reshape(6, 10)).shape == (6, 10)


def test_each_item_is_told_once() -> None:
    items = np.array([4, 1, 4, 4, 0, 1], np.int32)
    assert items[once(items, 5)].tolist() == [4, 0, 1]
    assert not len(once(items[:0], 5))
