"""Popularity: the log of how many users ever touched an item. Its softmax is the empirical distribution."""

from __future__ import annotations

import numpy as np

from engine.data.columns import Floats
from engine.data.snapshot import Snapshot
from engine.ensemble.member import Arrays, Member, Setting
from engine.neighbours.pairs import distinct, strengths_of
from engine.recipe import Progress, Query


def user_counts(snapshot: Snapshot) -> Floats:
    """(items,) how many different users touched each item, each counting as their heaviest touch of it."""
    rows = distinct(snapshot)
    return np.bincount(snapshot.items[rows], strengths_of(snapshot, rows), snapshot.item_count).astype(np.float32)


def fit(snapshot: Snapshot, shape: Setting, seed: int, progress: Progress) -> Arrays:
    return {"score": np.log(user_counts(snapshot) + np.float32(0.5))}


def read(arrays: Arrays, reading: Setting, query: Query, items: int) -> Floats:
    return np.asarray(arrays["score"])


MEMBER = Member("popularity", lambda snapshot: [{}], ({},), fit, read, hears="nobody")
