"""A blend taken apart says what it says column by column."""

import numpy as np
import pytest

from engine.data.columns import Tags
from engine.ensemble.choice import mixture
from engine.ensemble.fits import Fits, fitted, reader
from engine.ensemble.member import ScorerColumn
from engine.ensemble.mixture import Mixture, all_onto
from engine.neighbours.sparse import summed
from engine.neighbours.table import DENSE
from engine.nn.loop import weights_of
from engine.nn.transformer import Transformer, TransformerShape
from engine.recipe import Query, silent
from tests.engine.recipes.worlds import START, rows_of

ITEMS = DENSE + 100
COLUMNS = (
    ScorerColumn("popularity", {}, {}),
    ScorerColumn("recent", {}, {"days": 7.0}),
    ScorerColumn("knn", {}, {"power": 0.5}),
    ScorerColumn("markov", {}, {"damp": 0.3}),
    ScorerColumn("regression", {"ridge": 100.0}, {"damp": 0.3}),
    ScorerColumn("ease", {"ridge": 300.0}, {"power": 1.0}),
    ScorerColumn("own", {}, {"power": 0.3}),
    ScorerColumn("content", {}, {"power": 0.5}),
    ScorerColumn("sequence", {"dim": 16.0}, {}),
)
WEIGHTS = (0.1, 0.05, 0.15, 0.1, 0.2, 0.1, 0.1, 0.05, 0.15)


@pytest.fixture(scope="module")
def fits() -> Fits:
    import torch

    draw = np.random.default_rng(0)
    rows = [
        (user, int(item), START + 60 * at)
        for user in range(300)
        for at, item in enumerate(draw.zipf(1.2, 12) * (user % 7 + 1) % ITEMS)
    ]
    genres = Tags(np.arange(ITEMS + 1), draw.integers(5, size=ITEMS).astype(np.int32), list("abcde"))
    snapshot = rows_of(rows, item_names=[str(i) for i in range(ITEMS)], item_columns={"GENRE": genres})
    network = Transformer(TransformerShape(ITEMS, 10, 16), torch.Generator().manual_seed(0))
    with torch.no_grad():
        network.items.mul_(20)
        network.bias.copy_(torch.randn(ITEMS, generator=network.generator))
    drawn = {COLUMNS[-1].fit: weights_of(network)}
    return {**fitted(COLUMNS[:-1], snapshot, 0, silent), **drawn}


@pytest.mark.parametrize("history", [[], [5], [1, 2, 3, 2, 1, 4, 2], list(range(0, 2000, 7))])
def test_the_parts_of_a_blend_add_up(fits: Fits, history: list[int]) -> None:
    query = Query(np.array(history, np.int32))
    whole = mixture(COLUMNS, [reader(column, fits[column.fit], ITEMS) for column in COLUMNS], WEIGHTS)(query)
    blend = Mixture(COLUMNS, fits, WEIGHTS, 3.0, ITEMS)
    before = blend.base.copy()
    np.testing.assert_allclose(all_onto(blend.base, blend.sums_of((query,)))[0], 3.0 * whole, atol=2e-4)
    assert (blend.base == before).all()


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.member)
def test_every_part_alone(fits: Fits, column: ScorerColumn) -> None:
    query = Query(np.array([7, 3, 7, 9], np.int32))
    alone = reader(column, fits[column.fit], ITEMS)(query)
    blend = Mixture((column,), fits, (1.0,), 1.0, ITEMS)
    floor = 1.01 if column.member == "popularity" else 1.0
    assert alone.std() > 0.5
    np.testing.assert_allclose(all_onto(blend.base, blend.sums_of((query,)))[0], floor * alone, atol=2e-4)


def test_what_comes_again_is_added_up() -> None:
    draw = np.random.default_rng(1)
    items, values = draw.integers(50, size=400).astype(np.int32), draw.normal(size=400).astype(np.float32)
    found = summed(items, values, 60)
    assert len(found.items) == len(np.unique(items))
    dense = np.zeros(60)
    dense[found.items] = found.values
    np.testing.assert_allclose(dense, np.bincount(items, values, 60), atol=1e-5)
    assert not len(summed(items[:0], values[:0], 60).items)
