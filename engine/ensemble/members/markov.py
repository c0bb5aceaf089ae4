"""First-order transitions over a window: what followed an item, sooner counting more."""

from __future__ import annotations

import numpy as np

from engine.data.columns import Floats, Ints
from engine.data.snapshot import Snapshot
from engine.ensemble.member import Arrays, Member, Setting, damped, damped_few, with_damping
from engine.neighbours.pairs import following
from engine.neighbours.sparse import Sparse
from engine.neighbours.table import mix, mix_sparse, table_of
from engine.recipe import Progress, Query

WINDOW = 20
USUAL = 0.8  # decay and fade of models of earlier versions, which do not say


def fit(snapshot: Snapshot, shape: Setting, seed: int, progress: Progress) -> Arrays:
    pairs = following(snapshot, shape.get("decay", USUAL) ** np.arange(WINDOW, dtype=np.float32))
    left, arrived = (
        np.bincount(side, pairs.weight, snapshot.item_count).astype(np.float32) for side in (pairs.left, pairs.right)
    )
    return {**table_of(pairs, snapshot.item_count), "left": left, "arrived": arrived}


def read(arrays: Arrays, reading: Setting, query: Query, items: int) -> Floats:
    return damped(mix(arrays, *_latest(arrays, reading, query.history), items), arrays["arrived"], reading["damp"])


def sparse(arrays: Arrays, reading: Setting, query: Query, items: int) -> Sparse | None:
    return damped_few(mix_sparse(arrays, *_latest(arrays, reading, query.history)), arrays)


def _latest(arrays: Arrays, reading: Setting, history: Ints) -> tuple[Ints, Floats]:
    """The latest items and their weights: counts become chances, shrunk where an item was rarely left."""
    recent = history[-WINDOW:]
    weights = np.float32(reading.get("fade", USUAL)) ** np.arange(len(recent) - 1, -1, -1, dtype=np.float32)
    if "shrink" in reading:
        weights /= arrays["left"][recent] + np.float32(reading["shrink"])
    return recent, weights


SHAPES = ({"decay": 0.65}, {"decay": 0.8})
READINGS = tuple(
    {"damp": damp, "fade": fade, "shrink": shrink}
    for damp, shrink in ((0.0, 5.0), (0.0, 20.0), (0.3, 20.0))
    for fade in (0.65, 0.8)
)
MEMBER = Member("markov", lambda snapshot: [*SHAPES], READINGS, fit, read, sparse=sparse, prepared=with_damping)
