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

DECAY, WINDOW = 0.8, 20


def fit(snapshot: Snapshot, shape: Setting, seed: int, progress: Progress) -> Arrays:
    pairs = following(snapshot, DECAY ** np.arange(WINDOW, dtype=np.float32))
    arrived = np.bincount(pairs.right, pairs.weight, snapshot.item_count).astype(np.float32)
    return {**table_of(pairs, snapshot.item_count), "arrived": arrived}


def read(arrays: Arrays, reading: Setting, query: Query, items: int) -> Floats:
    return damped(mix(arrays, *_latest(query.history), items), arrays["arrived"], reading["damp"])


def sparse(arrays: Arrays, reading: Setting, query: Query, items: int) -> Sparse | None:
    return damped_few(mix_sparse(arrays, *_latest(query.history)), arrays)


def _latest(history: Ints) -> tuple[Ints, Floats]:
    recent = history[-WINDOW:]
    return recent, np.float32(DECAY) ** np.arange(len(recent) - 1, -1, -1, dtype=np.float32)


READINGS = ({"damp": 0.0}, {"damp": 0.3}, {"damp": 0.5})
MEMBER = Member("markov", lambda snapshot: [{}], READINGS, fit, read, sparse=sparse, prepared=with_damping)
