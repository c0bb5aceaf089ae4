"""Popularity in the last days of the data: what is in demand now, whoever asks."""

from __future__ import annotations

import numpy as np

from engine.data.columns import Floats
from engine.data.snapshot import Snapshot
from engine.ensemble.member import Arrays, Member, Setting
from engine.neighbours.pairs import user_counts
from engine.recipe import Progress, Query

DAY = 86_400
DAYS = (1, 7, 30)


def fit(snapshot: Snapshot, shape: Setting, seed: int, progress: Progress) -> Arrays:
    overall = user_counts(snapshot)
    prior = np.float32(0.5) * overall / max(float(overall.max(initial=0)), 1.0)  # orders the items the window lacks
    scores = {}
    for days in DAYS:
        late = snapshot.times > snapshot.times.max(initial=0) - days * DAY
        weights = None if snapshot.weights is None else snapshot.weights[late]
        counts = np.bincount(snapshot.items[late], weights, snapshot.item_count).astype(np.float32)
        scores[f"score{days}"] = np.log(counts + prior + np.float32(0.05))
    return scores


def read(arrays: Arrays, reading: Setting, query: Query, items: int) -> Floats:
    return np.asarray(arrays[f"score{reading['days']:g}"])


READINGS = tuple({"days": float(days)} for days in DAYS)
MEMBER = Member("recent", lambda snapshot: [{}], READINGS, fit, read, hears="nobody", by_recency=True)
