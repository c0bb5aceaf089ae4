"""The contract of a data set: a module of this folder ends with `DATA = DataSet(…)`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.data.snapshot import Snapshot, snapshot_of


@dataclass(frozen=True)
class DataSet:
    title: str
    load: Callable[[], Snapshot]
    splits: Sequence[str] = ("last", "time")


def numbered(users: Sequence[object], items: Sequence[object], times: Sequence[int]) -> Snapshot:
    """A snapshot of rows in the order in which they came; ids are numbered."""
    people, things = (np.unique(np.asarray(ids), return_inverse=True)[1].astype(np.int32) for ids in (users, items))
    return snapshot_of(people, things, np.asarray(times, np.int64))


def sampled(snapshot: Snapshot, share: float, *, fewest: int = 1, seed: int = 0) -> Snapshot:
    """The rows of a drawn share of the users, of the items that these chose so often; both are numbered anew."""
    count = snapshot.user_count
    drawn = np.random.default_rng(seed).choice(count, round(share * count), replace=False)
    rows = np.isin(snapshot.users, drawn)
    rows &= (np.bincount(snapshot.items[rows], minlength=snapshot.item_count) >= fewest)[snapshot.items]
    return numbered(snapshot.users[rows], snapshot.items[rows], snapshot.times[rows])
