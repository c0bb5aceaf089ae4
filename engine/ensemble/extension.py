"""Items that came after a blend was trained: each is scored by the known items that are described most like it.

Nothing is trained anew. A new item's score lies as far from the mean of all items as a weighted sum of its neighbours'
does, and `engine.ensemble.new_items` has made the weights so that it varies between users as known items' scores do.
Who chose a new item is answered as if they had chosen its nearest neighbour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.data.columns import Array, Floats, Ints
from engine.recipe import Model

PREFIX = "extension_"  # of an extension's arrays among a model's


@dataclass(frozen=True)
class Extension:
    near: Ints  # (new, k) ids of known items
    weight: Floats  # (new, k)
    offset: Floats  # (blends, new) added in each of `Ensemble.mixtures`
    stand_in: Ints  # (new,) the known item that a history's new item is taken for, -1: none

    @classmethod
    def of(cls, model: Model) -> Extension | None:
        parts = {name.removeprefix(PREFIX): array for name, array in model.arrays.items() if name.startswith(PREFIX)}
        if not parts:
            return None
        if "offset" not in parts:  # made by an earlier version
            parts |= _parts_unsaid(parts["near"], parts["weight"])
        return cls(**parts)

    @property
    def arrays(self) -> Mapping[str, Array]:
        return {PREFIX + name: array for name, array in vars(self).items()}

    def widened(self, scores: Floats, blend: int) -> Floats:
        """(items,) scores made (items + new,)."""
        if not len(scores) or not len(self.near):
            return scores
        mean = scores.mean()
        own = (self.weight * (scores[self.near] - mean)).sum(axis=1) + mean + self.offset[blend]
        return np.concatenate((scores, own.astype(np.float32)))

    def with_stand_ins(self, history: Ints, items: int) -> Ints:
        """(h,) the history with each new item's nearest neighbour in its place; -1 for one that has none."""
        new = (history >= items) & (history < items + len(self.near))
        if not new.any():
            return history
        replaced = history.copy()
        replaced[new] = self.stand_in[history[new] - items]
        return replaced


def _parts_unsaid(near: Ints, weight: Floats) -> dict[str, Array]:
    """What version 0.1, which kept (new, k) neighbours and weights alone, nearest first, took for the other parts."""
    stand_in = np.where(weight[:, 0] > 0, near[:, 0], -1) if near.size else np.full(len(near), -1)
    return {"offset": np.zeros((3, len(near)), np.float32), "stand_in": stand_in.astype(np.int32)}
