"""Item-based neighbours: cosine of the sets of users, shrunk where they are few."""

from __future__ import annotations

import numpy as np

from engine.data.columns import Floats
from engine.data.snapshot import Snapshot
from engine.ensemble.member import Arrays, Member, Setting, fading
from engine.neighbours.cooccurrence import cooccurrence
from engine.neighbours.pairs import Pairs
from engine.neighbours.sparse import Sparse
from engine.neighbours.table import mix, mix_sparse, table_of
from engine.recipe import Progress, Query

SHRINK = 10.0
LONGEST = 200


def fit(snapshot: Snapshot, shape: Setting, seed: int, progress: Progress) -> Arrays:
    pairs, counts = cooccurrence(snapshot)
    likeness = pairs.weight / (np.sqrt(counts[pairs.left] * counts[pairs.right]) + np.float32(SHRINK))
    return table_of(Pairs(pairs.left, pairs.right, likeness), snapshot.item_count)


def read(arrays: Arrays, reading: Setting, query: Query, items: int) -> Floats:
    return mix(arrays, *fading(query.history, reading["power"], LONGEST), items)


def sparse(arrays: Arrays, reading: Setting, query: Query, items: int) -> Sparse | None:
    return mix_sparse(arrays, *fading(query.history, reading["power"], LONGEST))


READINGS = ({"power": 0.0}, {"power": 0.5}, {"power": 1.0})
MEMBER = Member("knn", lambda snapshot: [{}], READINGS, fit, read, sparse=sparse)
