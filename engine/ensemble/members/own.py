"""The user's own frequency: items chosen before are chosen again, as in groceries.

It learns nothing from the data, so event weights reach it only through the weight that validation gives it.
"""

from __future__ import annotations

import numpy as np

from engine.data.columns import Floats
from engine.data.snapshot import Snapshot
from engine.ensemble.member import Arrays, Member, Setting, fading
from engine.neighbours.sparse import Sparse, summed
from engine.recipe import Progress, Query

LONGEST = 2_000


def fit(snapshot: Snapshot, shape: Setting, seed: int, progress: Progress) -> Arrays:
    return {}


def read(arrays: Arrays, reading: Setting, query: Query, items: int) -> Floats:
    recent, weights = fading(query.history, reading["power"], LONGEST)
    return np.log1p(np.bincount(recent, weights, items)).astype(np.float32)


def sparse(arrays: Arrays, reading: Setting, query: Query, items: int) -> Sparse:
    chosen, counts = summed(*fading(query.history, reading["power"], LONGEST), items)
    return Sparse(chosen, np.log1p(counts))


READINGS = ({"power": 0.0}, {"power": 0.3}, {"power": 0.7})
MEMBER = Member("own", lambda snapshot: [{}], READINGS, fit, read, sparse=sparse)
