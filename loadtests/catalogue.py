"""`python -m loadtests.catalogue`: answers from large catalogues, by scanning all items and by an index.

One process on one core, processor time, medians. First a blend whole, as an answer has it: history to scores to the
best 25 and their shares, over vectors drawn in clusters. Then the products alone, over vectors that were trained: by
the sequence model, and as factors of who touched what. An index answers where it finds 98 % of the best 25; where no
share of the items up to the greatest is enough, the scan does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

import click
import numpy as np
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from engine.data.columns import Floats
from engine.ensemble.indexing import RECALL, SHARES, indexed
from engine.ensemble.scorer import Ensemble
from engine.nearest.cells import Index, built
from engine.nn.forward import expected
from engine.nn.loop import trained
from engine.nn.transformer import TransformerShape
from engine.rank.topk import top_k
from engine.recipe import Query, silent
from engine.segments.factors import factors
from loadtests.blend import blend_of, visits

BEST = 25
HISTORY = 50
ROUNDS = 60
BATCH = 32
MILLION = 1_000_000
USERS_AN_ITEM = 0.1  # in the data that is trained on
A_CLUSTER = 300  # items


class Row(NamedTuple):
    what: str
    items: int
    scan_ms: float
    batch_ms: float | None  # a user, of `BATCH` scanned together
    index_ms: float | None  # None: no index is good enough
    recall: float
    share: float
    built_s: float


@click.command()
@click.option("--items", type=int, multiple=True, default=(10_000, 50_000, 100_000, MILLION), help="Of whole blends.")
@click.option("--trained", type=int, default=200_000, help="Items whose vectors are trained.")
@click.option("--epochs", type=int, default=3, help="Of the sequence model.")
def main(items: Sequence[int], trained: int, epochs: int) -> None:
    """Answers a core a second over large catalogues."""
    rows = [blend(count) for count in items]
    if trained:
        rows += [sequence(trained, epochs), matrix(trained)]
    Console(width=110).print(table(rows))


def blend(items: int) -> Row:
    """Scores, the best 25 and their shares, by the blend's own index where it was measured to be good."""
    clusters = max(items // A_CLUSTER, 1)
    snapshot = visits(items, clusters=clusters, each=HISTORY)
    started = time.process_time()
    model = indexed(blend_of(items, clusters=clusters, dim=64), snapshot, 0, silent)
    seconds = time.process_time() - started
    ensemble, queries = Ensemble(model), [Query(*snapshot.history(user)) for user in range(ROUNDS)]
    told = model.about["chosen"].get("index", {})

    def scan(at: int) -> object:
        logits = ensemble(queries[at])
        best = top_k(logits, BEST)
        top = logits.max()
        return best, np.exp(logits[best] - top) / np.exp(logits - top).sum()

    def near(at: int) -> object:
        found = ensemble.shortlist(queries[at])
        assert found is not None
        best = found.best[:BEST]
        return best, np.exp(found.logits_of(best) - found.log_total)

    by_index = alternating(scan, near)[1] if told.get("used") else None
    recall, share = told.get("recall_at_25", np.nan), told.get("share", np.nan)
    return Row("whole blend", items, alternating(scan)[0], None, by_index, recall, share, seconds)


def sequence(items: int, epochs: int) -> Row:
    snapshot = visits(items, clusters=items // A_CLUSTER, users=int(items * USERS_AN_ITEM), each=20)
    weights = trained(snapshot, TransformerShape(items), epochs, 0, silent)
    asked = [np.append(expected(weights, snapshot.history(user)[0]), 1) for user in range(400)]
    return products("sequence model", np.column_stack((weights["items"], weights["bias"])), np.stack(asked))


def matrix(items: int) -> Row:
    snapshot = visits(items, clusters=items // A_CLUSTER, users=int(items * USERS_AN_ITEM), each=20)
    found = factors(snapshot, 64, 0, silent)
    return products("matrix factors", found.items, found.users[:400] * found.strength)


def products(what: str, vectors: Floats, asked: Floats) -> Row:
    """The best 25 products with the later half of what is asked; the index is made with the earlier half."""
    half = len(asked) // 2
    vectors, tested = np.ascontiguousarray(vectors, np.float32), np.ascontiguousarray(asked[half:], np.float32)
    started = time.process_time()
    arrays = built(vectors, asked[:half].astype(np.float32), 0, silent)
    seconds = time.process_time() - started
    truths = [top_k(vectors @ question, BEST) for question in tested]

    def recall(index: Index) -> float:
        opened = [index.open(question).items for question in tested]
        return float(np.mean([np.isin(truth, items).mean() for truth, items in zip(truths, opened, strict=True)]))

    def scan(at: int) -> object:
        return top_k(vectors @ tested[at % half], BEST)

    def near(at: int) -> object:
        opened = index.open(tested[at % half])
        return opened.items[top_k(opened.products, BEST)]

    def together(at: int) -> object:
        return [top_k(row, BEST) for row in tested[:BATCH] @ vectors.T]

    for share in SHARES:
        index = Index(arrays, share, BEST)
        measured = recall(index)
        if measured >= RECALL:
            break
    scan_ms, near_ms = alternating(scan, near)
    batch_ms = alternating(together, rounds=5)[0] / BATCH
    return Row(what, len(vectors), scan_ms, batch_ms, near_ms if measured >= RECALL else None, measured, share, seconds)


def alternating(*works: Callable[[int], object], rounds: int = ROUNDS) -> list[float]:
    """Median milliseconds of processor time of each, in turns."""
    taken: list[list[float]] = [[] for _ in works]
    for at in range(rounds):
        for place, work in enumerate(works):
            started = time.process_time()
            work(at)
            taken[place].append(1e3 * (time.process_time() - started))
    return [median(each) for each in taken]


def table(rows: Sequence[Row]) -> Table:
    found = Table(box=SIMPLE, title="answers a second and core")
    for name in ("what", "items", "scan", f"scan, {BATCH} together", "index", "recall@25", "looked at", "made in"):
        found.add_column(name, justify="left" if name == "what" else "right")
    for row in rows:
        found.add_row(
            row.what,
            f"{row.items:,}",
            a_second(row.scan_ms),
            a_second(row.batch_ms),
            a_second(row.index_ms) if row.index_ms is not None or np.isnan(row.recall) else "refused",
            "" if np.isnan(row.recall) else f"{row.recall:.3f}",
            "" if np.isnan(row.share) else f"{row.share:.1%}",
            f"{row.built_s:.0f} s",
        )
    return found


def a_second(milliseconds: float | None) -> str:
    return "" if milliseconds is None else f"{1e3 / milliseconds:,.0f}"


if __name__ == "__main__":
    main()
