"""What people like this one choose: lifts of items by the columns of Users, for who is new as for who is known."""

from __future__ import annotations

import numpy as np

from engine.data.columns import Floats
from engine.data.snapshot import Snapshot
from engine.ensemble.member import Arrays, Member, Setting
from engine.ensemble.members.popularity import user_counts
from engine.ensemble.terms import codes_of, lifts, spoken, with_terms
from engine.recipes.base import Progress, Query

ENTRIES = 10_000_000  # terms × items: 40 MB
MOST = 1_000  # terms


def shapes(snapshot: Snapshot) -> list[Setting]:
    return [{"prior": 20.0}, {"prior": 100.0}] if with_terms(snapshot.user_columns) else []


def fit(snapshot: Snapshot, shape: Setting, seed: int, progress: Progress) -> Arrays:
    rows = {name: column.take(snapshot.users) for name, column in with_terms(snapshot.user_columns).items()}
    said = spoken(rows, min(MOST, ENTRIES // max(snapshot.item_count, 1)))
    lift = lifts(said, snapshot.items, snapshot.weights, snapshot.item_count, shape["prior"])
    return {**said.vocabulary, "lift": lift, "popular": np.log(user_counts(snapshot) + np.float32(0.5))}


def read(arrays: Arrays, reading: Setting, query: Query, items: int) -> Floats:
    codes = codes_of(arrays, lambda name: query.users.value(query.user, name))
    return lifted(arrays, reading, codes, items)


def lifted(arrays: Arrays, reading: Setting, codes: np.ndarray, items: int) -> Floats:
    """The sum of the terms' lifts, over how popular items are if the reading says so; zeros without a term."""
    if not len(codes):
        return np.zeros(items, np.float32)
    lift = arrays["lift"][codes].sum(axis=0)
    return np.asarray(lift + arrays["popular"] if reading["popular"] else lift, np.float32)


READINGS = ({"popular": 0.0}, {"popular": 1.0})
MEMBER = Member("people", shapes, READINGS, fit, read, hears="user", metadata=True, all_readings=True)
