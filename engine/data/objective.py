"""A second goal beside relevance: recommend what is worth more by a numeric column of Items (specification §1.8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.data.columns import Column, Floats, Numbers

STRENGTHS: Mapping[str, float] = {"OFF": 0.0, "LOW": 0.5, "MEDIUM": 1.0, "HIGH": 2.0}  # logits from worst to best


@dataclass(frozen=True)
class Objective:
    """`rewards` (items,): what recommending each item is worth, NaN where that is not known."""

    rewards: Floats
    sensitivity: str  # a key of STRENGTHS

    @classmethod
    def of(cls, column: Column | None, items: int, sensitivity: str) -> Objective:
        rewards = np.full(items, np.nan, np.float32)
        if isinstance(column, Numbers):
            rewards[: len(column)] = column.values[:items]
        return cls(rewards, sensitivity)

    def bonus(self) -> Floats:
        """(items,) logits to add: the share of items that are worth less, centred, times the sensitivity's strength.

        As logits are calibrated, they mean the same on all data: with HIGH the odds of the best item grow e² times
        over those of the worst. Shares rather than values, so that one extreme price decides nothing.
        """
        rated = np.isfinite(self.rewards)
        ordered = np.sort(self.rewards[rated])
        low, high = (np.searchsorted(ordered, self.rewards[rated], side) for side in ("left", "right"))
        bonus = np.zeros(len(self.rewards), np.float32)
        bonus[rated] = ((low + high) / (2 * max(len(ordered), 1)) - 0.5) * STRENGTHS[self.sensitivity]
        return bonus

    def gained(self) -> Floats:
        """(items,) rewards from 0 upwards, 0 where not known: what can be summed and compared."""
        worth = np.nan_to_num(self.rewards)
        return np.asarray(worth - min(float(worth.min(initial=0)), 0.0), np.float32)
