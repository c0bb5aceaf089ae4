"""Popularity in the last days of the data: what is in demand now, whoever asks."""

from __future__ import annotations

import numpy as np

from engine.data.columns import Floats
from engine.data.snapshot import Snapshot
from engine.ensemble.member import Arrays, Member, Setting
from engine.ensemble.members.popularity import user_counts
from engine.recipe import Progress, Query

DAY = 86_400
DAYS = (1, 7, 30)


def window_counts(snapshot: Snapshot, days: float) -> Floats:
    """(items,) interactions in the last `days` days before the latest one, each at its weight."""
    late = snapshot.times > snapshot.times.max(initial=0) - days * DAY
    weights = None if snapshot.weights is None else snapshot.weights[late]
    return np.bincount(snapshot.items[late], weights, snapshot.item_count).astype(np.float32)


def fit(snapshot: Snapshot, shape: Setting, seed: int, progress: Progress) -> Arrays:
    overall = user_counts(snapshot)
    prior = np.float32(0.5) * overall / max(float(overall.max(initial=0)), 1.0)  # orders the items the window lacks
    return {f"score{days}": np.log(window_counts(snapshot, days) + prior + np.float32(0.05)) for days in DAYS}


def read(arrays: Arrays, reading: Setting, query: Query, items: int) -> Floats:
    return np.asarray(arrays[f"score{reading['days']:g}"])


READINGS = tuple({"days": float(days)} for days in DAYS)
MEMBER = Member("recent", lambda snapshot: [{}], READINGS, fit, read, hears="nobody", by_recency=True)
