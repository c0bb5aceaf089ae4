"""EASE (Steck, 2019): the closed-form item-item regression, read with a history that fades."""

from __future__ import annotations

import numpy as np

from engine.data.columns import Floats
from engine.data.snapshot import Snapshot
from engine.ensemble.member import Arrays, Setting, table_member
from engine.neighbours.cooccurrence import gram, most_popular
from engine.neighbours.table import table_of_rows
from engine.nn.inverse import SMALL, invert, inverted
from engine.recipe import Progress

LONGEST = 200


def shapes(snapshot: Snapshot) -> list[Setting]:
    if snapshot.item_count > SMALL:
        return [{"ridge": 300.0}]
    return [{"ridge": 100.0}, {"ridge": 300.0}, {"ridge": 1000.0}]


def fit(snapshot: Snapshot, shape: Setting, seed: int, progress: Progress) -> Arrays:
    items = most_popular(snapshot, inverted(snapshot.item_count))
    inverse = gram(snapshot, items)
    invert(inverse, shape["ridge"])
    scale = (-1 / np.diag(inverse)).astype(np.float32)

    def rows(part: slice) -> Floats:
        block: Floats = inverse[part] * scale
        block[np.arange(len(block)), np.arange(len(items))[part]] = 0
        return block

    return table_of_rows(rows, items, snapshot.item_count)


READINGS = ({"power": 0.0}, {"power": 0.5}, {"power": 0.7}, {"power": 1.0})
MEMBER = table_member("ease", shapes, READINGS, fit, LONGEST)
