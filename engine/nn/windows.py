"""Users' logs cut into the fixed-length windows that the sequence model trains on."""

from __future__ import annotations

import numpy as np

from engine.data.columns import Floats, Longs
from engine.data.snapshot import Snapshot

BATCHES_MIXED = 50


def windows_of(snapshot: Snapshot, length: int, newest: int) -> tuple[Longs, Longs]:
    """First row and size of every window: each user's rows cut backwards, the newest window predicting `newest` items
    (1..length), the others `length`, the oldest what is left.

    A window starts with the row that its predecessor ends with, so each item but a user's first is predicted once;
    another `newest` makes other cuts, for another epoch.
    """
    firsts, lasts = snapshot.indptr[:-1], snapshot.indptr[1:] - 1
    targets = lasts - firsts  # (users,) items that can be predicted; a log of one item has none
    older = np.maximum(targets - newest, 0)
    counts = np.where(targets > 0, 1 + -(-older // length), 0)
    owner = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)  # 0: the newest
    stops = lasts[owner] - np.where(place > 0, newest + (place - 1) * length, 0)
    starts = np.maximum(stops - np.where(place > 0, length, newest), firsts[owner])
    return starts, stops - starts + 1


def batches_of(sizes: Longs, targets: int, draw: np.random.Generator) -> list[Longs]:
    """Row numbers of windows (n,) in batches of about `targets` items to predict each, in an order drawn by chance.

    Windows of a batch are about equally long, because the shorter ones are filled up to the longest: of `BATCHES_MIXED`
    batches at a time, drawn by chance, the windows are sorted.
    """
    order = draw.permutation(len(sizes))
    part = np.cumsum(sizes[order] - 1) // max(targets * BATCHES_MIXED, 1)
    order = order[np.lexsort((sizes[order], part))]
    ends = np.cumsum(sizes[order] - 1)
    batch = (ends - (sizes[order] - 1)) // max(targets, 1)  # by where a window's first target is
    batches = np.split(order, np.flatnonzero(np.diff(batch)) + 1) if len(order) else []
    return [batches[place] for place in draw.permutation(len(batches))]


def batch_of(snapshot: Snapshot, starts: Longs, sizes: Longs) -> tuple[Longs, Longs, Floats | None]:
    """(B, T) the items of each window but its last; (B, T) the items that follow, -1 where there is none; (B, T) the
    weights of those, None where all are the same.
    """
    T = int(sizes.max()) - 1
    inside = np.arange(T)[None, :] < (sizes - 1)[:, None]  # (B, T)
    rows = np.where(inside, starts[:, None] + np.arange(T)[None, :], 0)
    history = np.where(inside, snapshot.items[rows], 0).astype(np.int64)
    following = np.where(inside, snapshot.items[np.where(inside, rows + 1, 0)], -1).astype(np.int64)
    weights = None if snapshot.weights is None else snapshot.weights[np.where(inside, rows + 1, 0)]
    return history, following, weights
