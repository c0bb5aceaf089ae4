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
from engine.neighbours.table import mix, mix_sparse, table_of_block
from engine.recipe import Progress, Query

MOST = 4_000  # items: the solution is cubic in it
LONGEST = 300  # the latest rows of a user that are learned from
READ = 200
POWER, DECAY, WINDOW = 0.7, 0.8, 20


def shapes(snapshot: Snapshot) -> list[Setting]:
    return [{"ridge": 100.0}] if snapshot.item_count > MOST else [{"ridge": 100.0}, {"ridge": 300.0}]


def fit(snapshot: Snapshot, shape: Setting, seed: int, progress: Progress) -> Arrays:
    items = most_popular(snapshot, MOST)
    past, link = moments(snapshot, items)
    arrived = np.zeros(snapshot.item_count, np.float32)
    arrived[items] = link.sum(axis=0)
    past[np.diag_indices(len(items))] += np.float32(shape["ridge"])
    block = np.linalg.solve(past.astype(np.float64), link.astype(np.float64)).astype(np.float32)
    return {**table_of_block(block, items, snapshot.item_count), "arrived": arrived}


def moments(snapshot: Snapshot, items: Ints) -> tuple[Floats, Floats]:
    """(k, k) history × history and (k, k) history × future, summed over all positions, of the chosen items (k,)."""
    place = np.full(snapshot.item_count, -1, np.int32)
    place[items] = np.arange(len(items))
    past, link = np.zeros((2, len(items), len(items)), np.float32)
    for user in np.flatnonzero(np.diff(snapshot.indptr) > 1):
        rows = np.arange(max(snapshot.indptr[user + 1] - LONGEST, snapshot.indptr[user]), snapshot.indptr[user + 1])
        rows = rows[place[snapshot.items[rows]] >= 0]
        log = place[snapshot.items[rows]]
        if len(log) > 1:
            history, future = _weights(len(log))
            future = future if snapshot.weights is None else future * snapshot.weights[rows]
            own, position = np.unique(log, return_inverse=True)
            history, future = _grouped(history, position, len(own)), _grouped(future, position, len(own))
            past[np.ix_(own, own)] += history.T @ history
            link[np.ix_(own, own)] += history.T @ future
    return past, link


def _weights(n: int) -> tuple[Floats, Floats]:
    """(n - 1, n) what each position of a log remembers of every row, and what it expects."""
    age = np.arange(n - 1, dtype=np.float32)[:, None] - np.arange(n, dtype=np.float32)[None, :]
    history = np.where(age >= 0, (np.maximum(age, 0) + 1) ** np.float32(-POWER), 0)
    ahead = np.minimum(np.maximum(-age - 1, 0), WINDOW)
    future = np.where((age < 0) & (ahead < WINDOW), np.float32(DECAY) ** ahead, 0)
    return history, future / future.sum(axis=1, keepdims=True)


def _grouped(weights: Floats, position: NDArray[np.intp], count: int) -> Floats:
    """(n - 1, count) columns of the same item summed; a log without repeats is only put in order."""
    if count == weights.shape[1]:
        return weights[:, np.argsort(position)]
    member = np.zeros((weights.shape[1], count), np.float32)
    member[np.arange(weights.shape[1]), position] = 1
    return weights @ member


def read(arrays: Arrays, reading: Setting, query: Query, items: int) -> Floats:
    return damped(mix(arrays, *fading(query.history, POWER, READ), items), arrays["arrived"], reading["damp"])


def sparse(arrays: Arrays, reading: Setting, query: Query, items: int) -> Sparse | None:
    return damped_few(mix_sparse(arrays, *fading(query.history, POWER, READ)), arrays)


READINGS = ({"damp": 0.0}, {"damp": 0.3})
MEMBER = Member("regression", shapes, READINGS, fit, read, sparse=sparse, prepared=with_damping)
