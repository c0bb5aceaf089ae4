"""Item-based neighbours: cosine of the sets of users, shrunk where they are few."""

from __future__ import annotations

import numpy as np

from engine.data.snapshot import Snapshot
from engine.ensemble.member import Arrays, Setting, table_member
from engine.neighbours.cooccurrence import cooccurrence
from engine.neighbours.pairs import Pairs
from engine.neighbours.table import table_of
from engine.recipe import Progress

SHRINK = 10.0
LONGEST = 200


def fit(snapshot: Snapshot, shape: Setting, seed: int, progress: Progress) -> Arrays:
    pairs, counts = cooccurrence(snapshot)
    likeness = pairs.weight / (np.sqrt(counts[pairs.left] * counts[pairs.right]) + np.float32(SHRINK))
    return table_of(Pairs(pairs.left, pairs.right, np.asarray(likeness, np.float32)), snapshot.item_count)


READINGS = ({"power": 0.0}, {"power": 0.5}, {"power": 1.0})
MEMBER = table_member("knn", lambda snapshot: [{}], READINGS, fit, LONGEST)
