"""Items that came after a blend was trained: each is scored like the known items that are described most like it.

Nothing is trained anew. A new item's score is a weighted mean of its neighbours', drawn towards the mean of all items
the less alike they are; an item of which nothing is said has the mean. Who chose a new item is answered as if they had
chosen its nearest neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.data.columns import Floats, Ints
from engine.data.snapshot import Snapshot
from engine.ensemble.plan import EnsembleParams
from engine.neighbours.likeness import nearest_described
from engine.recipe import Model, Progress

NEAREST = 20
MOST = 20_000  # known items, the most popular ones, among which neighbours are looked for
NEAR, WEIGHT = "extension_near", "extension_weight"


def extended(model: Model, snapshot: Snapshot, params: EnsembleParams, progress: Progress) -> Model:
    """The model extended by the snapshot's items after its own; an earlier extension is replaced."""
    own, count = int(model.about["items"]), snapshot.item_count
    popular = np.argsort(-np.bincount(snapshot.items, minlength=count)[:own], kind="stable")[:MOST].astype(np.int32)
    new = np.arange(own, count, dtype=np.int32)
    near, cosine = nearest_described(snapshot, new, popular, NEAREST, progress)
    total = np.maximum(cosine.sum(axis=1, keepdims=True), np.float32(1e-9))
    weight = cosine / total * cosine.max(axis=1, initial=0, keepdims=True)
    arrays = {**model.arrays, NEAR: near, WEIGHT: weight.astype(np.float32)}
    described = int(np.count_nonzero(weight.any(axis=1)))
    chosen = {**model.about.get("chosen", {}), "items_added": {"all": len(new), "described": described}}
    return Model(arrays, {**model.about, "chosen": chosen})


@dataclass(frozen=True)
class Extension:
    near: Ints  # (new, k) ids of known items, nearest first
    weight: Floats  # (new, k) not below 0, a row sums to at most 1

    @classmethod
    def of(cls, model: Model) -> Extension | None:
        return cls(model.arrays[NEAR], model.arrays[WEIGHT]) if NEAR in model.arrays else None

    def widened(self, scores: Floats) -> Floats:
        """(items,) scores made (items + new,)."""
        if not len(scores) or not len(self.near):
            return scores
        mean = scores.mean()
        own = (self.weight * (scores[self.near] - mean)).sum(axis=1) + mean
        return np.concatenate((scores, own.astype(np.float32)))

    def with_stand_ins(self, history: Ints, items: int) -> Ints:
        """(h,) the history with each new item's nearest neighbour in its place; -1 for one that has none."""
        new = (history >= items) & (history < items + len(self.near))
        if not new.any():
            return history
        stands_in = np.where(self.weight[:, 0] > 0, self.near[:, 0], -1) if self.near.shape[1] else -1
        replaced = history.copy()
        replaced[new] = np.broadcast_to(stands_in, len(self.near))[history[new] - items]
        return replaced
