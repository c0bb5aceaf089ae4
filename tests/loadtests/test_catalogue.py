import io

import numpy as np
from rich.console import Console

from engine.ensemble.indexing import RECALL, SHARES
from loadtests.catalogue import products, table

DRAW = np.random.default_rng(0)
ITEMS, DIM = 6_000, 48


def test_the_table_says_where_an_index_answers_and_where_it_was_refused() -> None:
    middles = 3 * DRAW.normal(size=(60, DIM)).astype(np.float32)
    alike, asked = (
        middles[np.arange(count) % 60] + DRAW.normal(size=(count, DIM)).astype(np.float32) for count in (ITEMS, 80)
    )
    good = products("in clusters", alike, asked)
    assert good.index_ms is not None and good.recall >= RECALL and good.share in SHARES
    poor = products("in no order", DRAW.normal(size=(ITEMS, DIM)), DRAW.normal(size=(80, DIM)))
    assert poor.index_ms is None and poor.recall < RECALL and poor.share == SHARES[-1]
    out = io.StringIO()
    Console(file=out, width=110).print(table([good, poor]))
    lines = {line.strip()[:11]: line for line in out.getvalue().splitlines()}
    assert "refused" in lines["in no order"] and "refused" not in lines["in clusters"]
