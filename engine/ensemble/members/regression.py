"""Next-item regression: ridge from a fading history to the items that follow, over every position of every log.

The session-based linear models of Choi et al. (2021) solve the same system; here the history fades with
k ** -power and the future with decay ** k, normalised, and it is solved in closed form like EASE.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Floats, Ints
from engine.data.snapshot import Snapshot
from engine.ensemble.member import Arrays, Member, Setting, damped, damped_few, fading, with_damping
from engine.neighbours.cooccurrence import most_popular
from engine.neighbours.sparse import Sparse
from engine.neighbours.table import mix, mix_sparse, table_of_rows
from engine.nn.inverse import SMALL, invert, inverted, multiplier
from engine.recipe import Progress, Query

LONGEST = 300  # the latest rows of a user that are learned from
READ = 200
POWER, DECAY, WINDOW = 0.7, 0.8, 20


def shapes(snapshot: Snapshot) -> list[Setting]:
    return [{"ridge": 100.0}] if snapshot.item_count > SMALL else [{"ridge": 100.0}, {"ridge": 300.0}]


def fit(snapshot: Snapshot, shape: Setting, seed: int, progress: Progress) -> Arrays:
    items = most_popular(snapshot, inverted(snapshot.item_count))
    inverse, link = moments(snapshot, items)
    arrived = np.zeros(snapshot.item_count, np.float32)
    arrived[items] = link.sum(axis=0)
    times_link = multiplier(link)
    del link  # as large as the inverse, and of no use any more where its entries are few
    invert(inverse, shape["ridge"])
    table = table_of_rows(lambda part: times_link(inverse[part]), items, snapshot.item_count)
    return {**table, "arrived": arrived}


def moments(snapshot: Snapshot, items: Ints) -> tuple[Floats, Floats]:
    """(k, k) history × history and (k, k) history × future, summed over all positions, of the chosen items (k,)."""
    place = np.full(snapshot.item_count, -1, np.int32)
    place[items] = np.arange(len(items))
    past, link = np.zeros((2, len(items), len(items)), np.float32)
    of_positions, to_positions = _moments_of_positions(min(int(np.diff(snapshot.indptr).max(initial=0)), LONGEST))
    for user in np.flatnonzero(np.diff(snapshot.indptr) > 1):
        rows = np.arange(max(snapshot.indptr[user + 1] - LONGEST, snapshot.indptr[user]), snapshot.indptr[user + 1])
        rows = rows[place[snapshot.items[rows]] >= 0]
        log = place[snapshot.items[rows]]
        if len(log) > 1:
            history, future = of_positions[-len(log) :, -len(log) :], to_positions[-len(log) :, -len(log) :]
            future = future if snapshot.weights is None else future * snapshot.weights[rows]
            own, position = np.unique(log, return_inverse=True)
            past[np.ix_(own, own)] += _grouped(history, position, len(own))
            link[np.ix_(own, own)] += _grouped(future, position, len(own))
    return past, link


def _moments_of_positions(n: int) -> tuple[Floats, Floats]:
    """(n, n) history × history and (n, n) history × future of the positions of a log; those of a shorter log are the
    last rows and columns, as only the distance to the end counts.
    """
    age = np.arange(n - 1)[:, None] - np.arange(n)[None, :]
    history = np.where(age >= 0, (np.maximum(age, 0) + 1.0) ** -POWER, 0)  # what each position remembers of every row
    ahead = np.minimum(np.maximum(-age - 1, 0), WINDOW)
    future = np.where((age < 0) & (ahead < WINDOW), DECAY**ahead, 0)  # what it expects
    future /= future.sum(axis=1, keepdims=True)
    return (history.T @ history).astype(np.float32), (history.T @ future).astype(np.float32)


def _grouped(moments: Floats, position: NDArray[np.intp], count: int) -> Floats:
    """(count, count) rows and columns of the same item summed; a log without repeats is only put in order."""
    if count == len(position):
        order = np.argsort(position)
        return moments[np.ix_(order, order)]
    member = np.zeros((len(position), count), np.float32)
    member[np.arange(len(position)), position] = 1
    return np.asarray(member.T @ moments @ member, np.float32)


def read(arrays: Arrays, reading: Setting, query: Query, items: int) -> Floats:
    return damped(mix(arrays, *fading(query.history, POWER, READ), items), arrays["arrived"], reading["damp"])


def sparse(arrays: Arrays, reading: Setting, query: Query, items: int) -> Sparse | None:
    return damped_few(mix_sparse(arrays, *fading(query.history, POWER, READ)), arrays)


READINGS = ({"damp": 0.0}, {"damp": 0.3})
MEMBER = Member("regression", shapes, READINGS, fit, read, sparse=sparse, prepared=with_damping)
