"""EASE (Steck, 2019): the closed-form item-item regression, read with a history that fades."""

from __future__ import annotations

import numpy as np

from engine.data.snapshot import Snapshot
from engine.ensemble.member import Arrays, Setting, table_member
from engine.neighbours.cooccurrence import gram, most_popular
from engine.neighbours.table import table_of_block
from engine.recipe import Progress

MOST = 4_000  # items: the inverse is cubic in it
LONGEST = 200


def shapes(snapshot: Snapshot) -> list[Setting]:
    if snapshot.item_count > MOST:
        return [{"ridge": 300.0}]
    return [{"ridge": 100.0}, {"ridge": 300.0}, {"ridge": 1000.0}]


def fit(snapshot: Snapshot, shape: Setting, seed: int, progress: Progress) -> Arrays:
    items = most_popular(snapshot, MOST)
    shared = gram(snapshot, items).astype(np.float64)
    diagonal = np.diag_indices(len(items))
    shared[diagonal] += shape["ridge"]
    inverse = np.linalg.inv(shared)
    block = (inverse / -np.diag(inverse)).astype(np.float32)
    block[diagonal] = 0
    return table_of_block(block, items, snapshot.item_count)


READINGS = ({"power": 0.0}, {"power": 0.5}, {"power": 0.7}, {"power": 1.0})
MEMBER = table_member("ease", shapes, READINGS, fit, LONGEST)
