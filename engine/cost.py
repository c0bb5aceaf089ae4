"""Costs of recipes on data of a size: seconds of the reference machine and bytes, by measured coefficients.

They are meant to be right to a factor of two, for the forecast of a training and for the shares of its progress bar.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from engine.data.snapshot import Snapshot

IMPORTED = 330e6  # bytes of a process that has loaded what trains
A_ROW = 120.0  # bytes of an interaction and its copies in splits


class Cost(NamedTuple):
    train: float  # seconds
    again: float  # seconds to train once more for the metrics, keeping what was chosen
    ask: float  # seconds of one answer
    bytes: float  # at the highest, of the whole process


@dataclass(frozen=True)
class Sizes:
    """The sizes of interactions that the times of all that is learned from them follow from."""

    rows: float
    users: float  # who have any
    items: float
    pairs: float  # of rows of one user, the latest hundred
    near: float  # pairs at most twenty rows apart

    @classmethod
    def of(cls, snapshot: Snapshot) -> Sizes:
        lengths = np.diff(snapshot.indptr).astype(np.float64)
        pairs, near = (float((lengths * np.minimum(lengths, most)).sum()) for most in (100, 20))
        return cls(float(lengths.sum()), float((lengths > 0).sum()), float(snapshot.item_count), pairs, near)

    def times(self, share: float) -> Sizes:
        """The sizes of a share of every user's rows."""
        return Sizes(self.rows * share, self.users, self.items, self.pairs * share**2, self.near * share)

    @property
    def bytes(self) -> float:
        return IMPORTED + self.rows * A_ROW


def counting(snapshot: Snapshot) -> Cost:
    """A recipe that passes over the interactions once."""
    sizes = Sizes.of(snapshot)
    once = 0.1 + 4e-7 * sizes.rows
    return Cost(once, once, 2e-9 * sizes.items + 2e-5, sizes.bytes)


def pairing(snapshot: Snapshot) -> Cost:
    """A recipe that counts which items come together, or finds factors of them."""
    sizes = Sizes.of(snapshot)
    once = 0.3 + 1e-5 * sizes.rows + 4e-7 * sizes.pairs
    return Cost(once, once, 1e-8 * sizes.items + 5e-5, sizes.bytes + 30 * min(sizes.pairs, 34e6) + 4e3 * sizes.items)
