"""Cells hold every item once, and those that promise most are opened."""

import numpy as np
import pytest

from engine.nearest import cells
from engine.nearest.cells import A_CELL, SAMPLE, Arrays, Index, built
from engine.rank.topk import top_k
from engine.recipe import silent

ITEMS, DIM = 6_000, 12
DRAW = np.random.default_rng(0)
MIDDLES = DRAW.normal(size=(30, DIM))
VECTORS = (MIDDLES[np.arange(ITEMS) % 30] + 0.3 * DRAW.normal(size=(ITEMS, DIM))).astype(np.float32)
ASKED = (MIDDLES[np.arange(200) % 30] + 0.3 * DRAW.normal(size=(200, DIM))).astype(np.float32)


@pytest.fixture(scope="module")
def arrays() -> Arrays:
    return built(VECTORS, ASKED[:100], 0, silent)


def test_every_item_is_in_one_cell(arrays: Arrays) -> None:
    assert sorted(arrays["order"].tolist()) == list(range(ITEMS))
    assert (arrays["order"][arrays["place"]] == np.arange(ITEMS)).all()
    assert (arrays["rows"][arrays["place"]] == VECTORS).all()
    assert len(arrays["middles"]) == ITEMS // A_CELL
    assert (arrays["cell"][arrays["order"]] == np.repeat(np.arange(ITEMS // A_CELL), np.diff(arrays["starts"]))).all()


def test_opened_whole_it_is_the_exact_product(arrays: Arrays) -> None:
    opened = Index(arrays, 1.0, 25).open(ASKED[150])
    assert sorted(opened.items.tolist()) == list(range(ITEMS)) and opened.cells.all()
    np.testing.assert_allclose(opened.products, VECTORS[opened.items] @ ASKED[150], rtol=1e-4, atol=1e-4)
    assert not Index(arrays, 1.0, 25).shut(opened, ASKED[150])[1].any()


def test_a_small_share_holds_the_best(arrays: Arrays) -> None:
    index = Index(arrays, 0.08, 25)
    found = []
    for question in ASKED[100:]:
        opened = index.open(question)
        assert len(opened.items) <= 0.08 * ITEMS + np.diff(arrays["starts"]).max()
        found.append(np.isin(top_k(VECTORS @ question, 25), opened.items).mean())
    assert np.mean(found) > 0.97


def test_cells_in_groups_find_the_best_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "FLAT", 100)
    many = np.concatenate([VECTORS + 0.05 * DRAW.normal(size=VECTORS.shape).astype(np.float32) for _ in range(3)])
    arrays = built(many, ASKED[:100], 0, silent)
    assert sorted(arrays["order"].tolist()) == list(range(len(many)))
    assert (
        arrays["cell"][arrays["order"]] == np.repeat(np.arange(len(arrays["middles"])), np.diff(arrays["starts"]))
    ).all()
    index = Index(arrays, 0.08, 25)
    found = [np.isin(top_k(many @ question, 25), index.open(question).items).mean() for question in ASKED[100:]]
    assert np.mean(found) > 0.97


def test_samples_stand_for_what_stayed_shut(arrays: Arrays) -> None:
    index, sums = Index(arrays, 0.05, 25), []
    for question in ASKED[100:]:
        opened = index.open(question)
        products, weights = index.shut(opened, question)
        assert weights.sum() == pytest.approx(ITEMS - len(opened.items)) and len(products) == SAMPLE * len(opened.cells)
        whole = VECTORS @ question
        sums.append((opened.products.sum() + products @ weights - whole.sum()) / np.abs(whole).sum())
    assert np.abs(sums).mean() < 0.05


def test_cells_that_hold_no_items_are_passed_over(arrays: Arrays) -> None:
    empty = np.arange(len(arrays["middles"]) - 1, 0, -4)
    starts = np.insert(arrays["starts"], empty, arrays["starts"][empty])
    middles = np.insert(arrays["middles"], empty, np.float32(9), axis=0)  # they would promise most
    holed = {
        **arrays,
        "starts": starts,
        "middles": middles,
        "spread": np.insert(arrays["spread"], empty, 9),
        "cell": np.repeat(np.arange(len(middles), dtype=np.int32), np.diff(starts))[arrays["place"]],
        "sample": np.insert(arrays["sample"], np.repeat(SAMPLE * empty, SAMPLE), np.float32(9), axis=0),
    }
    for question in ASKED[100:110]:
        whole, found = (Index(each, 0.1, 25) for each in (arrays, holed))
        opened = found.open(question)
        assert opened.items.tolist() == whole.open(question).items.tolist()
        assert opened.cells[holed["cell"][opened.items]].all() and not opened.cells[np.diff(starts) == 0].any()
        for one, other in zip(found.shut(opened, question), whole.shut(whole.open(question), question), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6)


def test_the_same_seed_makes_the_same_cells(arrays: Arrays) -> None:
    again = built(VECTORS, ASKED[:100], 0, silent)
    assert all((again[name] == array).all() for name, array in arrays.items())
