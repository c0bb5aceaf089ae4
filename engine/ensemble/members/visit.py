"""What the next visit brings, as chances: how many of the user's visits had an item, and how many of all recent ones.

Both are shares of visits, so that they add up as they are: what a third of yesterday's baskets had outranks what every
tenth of the user's had, and a quiet week changes nothing.
"""

from __future__ import annotations

import numpy as np

from engine.data.columns import Floats, Ints
from engine.data.snapshot import Snapshot
from engine.ensemble.member import Arrays, Member, Setting
from engine.ensemble.members.own import LONGEST, repeated, visits_since
from engine.neighbours.sparse import Sparse, summed
from engine.recipe import Progress, Query

DAY = 86_400
MOST = 1_000  # items of recent visits, the most frequent
UNSEEN = 1.0  # visits without anything that each user is taken to have had besides: one visit alone says little


def shapes(snapshot: Snapshot) -> list[Setting]:
    """Days in which a visit's weight halves."""
    return [{"days": 1.0}, {"days": 4.0}, {"days": 30.0}] if repeated(snapshot) else []


def fit(snapshot: Snapshot, shape: Setting, seed: int, progress: Progress) -> Arrays:
    weights = np.exp2((snapshot.times - snapshot.times.max(initial=0)) / (shape["days"] * DAY))
    first = np.append(True, (np.diff(snapshot.users) != 0) | (np.diff(snapshot.times) != 0))[: len(weights)]
    pairs = (np.cumsum(first) - 1) * snapshot.item_count + snapshot.items
    once = np.unique(pairs, return_index=True)[1]  # an item counts once a visit
    counted = weights if snapshot.weights is None else weights * snapshot.weights
    visits = max(float(weights[first].sum()), 1e-9)
    shares = np.bincount(snapshot.items[once], counted[once], snapshot.item_count) / visits
    top = np.sort(np.argsort(-shares, kind="stable")[:MOST]).astype(np.int32)
    return {"top": top, "share": shares[top].astype(np.float32)}


def sparse(arrays: Arrays, reading: Setting, query: Query, items: int) -> Sparse:
    return summed(*_entries(arrays, reading, query), items)


def read(arrays: Arrays, reading: Setting, query: Query, items: int) -> Floats:
    return np.bincount(*_entries(arrays, reading, query), items).astype(np.float32)


def _entries(arrays: Arrays, reading: Setting, query: Query) -> tuple[Ints, Floats]:
    """Items, of which some may come again, and their shares."""
    recent = query.history[-LONGEST:]
    since = visits_since(query.times, len(recent))
    weights = np.float32(reading["decay"]) ** since
    last = np.ones(len(since), np.bool_)  # of its visit
    last[:-1] = since[1:] != since[:-1]
    own = weights / np.float32(weights[last].sum() + UNSEEN)
    items = np.concatenate((recent, arrays["top"]))
    return items, np.concatenate((own, np.float32(reading["recent"]) * arrays["share"]))


READINGS = tuple({"decay": decay, "recent": recent} for decay in (1.0, 0.95) for recent in (1.0, 2.0))
MEMBER = Member("visit", shapes, READINGS, fit, read, sparse=sparse)
