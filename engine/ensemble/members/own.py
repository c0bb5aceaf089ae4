"""The user's own frequency: items chosen before are chosen again, as in groceries.

A visit counts less with each later one (the decay of TIFU-kNN, Hu et al., 2020); what was chosen together counts the
same. It learns nothing from the data, so event weights reach it only through the weight that validation gives it.
"""

from __future__ import annotations

import numpy as np

from engine.data.columns import Floats, Ints, Longs
from engine.data.snapshot import Snapshot
from engine.ensemble.member import Arrays, Member, Setting, fading
from engine.neighbours.sparse import Sparse, summed
from engine.recipe import Progress, Query

LONGEST = 2_000
RARE = 0.02  # share of rows that repeat an item, below which nobody's own items say what comes next


def repeated(snapshot: Snapshot) -> bool:
    """Whether users choose the same items again."""
    return snapshot.repeats > RARE


def fit(snapshot: Snapshot, shape: Setting, seed: int, progress: Progress) -> Arrays:
    return {}


def read(arrays: Arrays, reading: Setting, query: Query, items: int) -> Floats:
    recent, weights = _faded(query, reading)
    return np.log1p(np.bincount(recent, weights, items)).astype(np.float32)


def sparse(arrays: Arrays, reading: Setting, query: Query, items: int) -> Sparse:
    chosen, counts = summed(*_faded(query, reading), items)
    return Sparse(chosen, np.log1p(counts))


def _faded(query: Query, reading: Setting) -> tuple[Ints, Floats]:
    """The latest items and their weights; models of earlier versions fade by a power, an event at a time."""
    if "decay" not in reading:
        return fading(query.history, reading["power"], LONGEST)
    recent = query.history[-LONGEST:]
    return recent, np.float32(reading["decay"]) ** visits_since(query.times, len(recent))


def visits_since(times: Longs, count: int) -> Floats:
    """(count,) how many visits came after that of each of the latest events: one a moment, or an event where times are
    unknown."""
    if len(times) < count:
        return np.arange(count - 1, -1, -1, dtype=np.float32)
    since = np.zeros(count, np.float32)
    if count > 1:
        latest = times[len(times) - count :]
        since[:-1] = (latest[1:] != latest[:-1])[::-1].cumsum()[::-1]
    return since


READINGS = ({"decay": 1.0}, {"decay": 0.95}, {"decay": 0.8})
MEMBER = Member("own", lambda snapshot: [{}] if repeated(snapshot) else [], READINGS, fit, read, sparse=sparse)
