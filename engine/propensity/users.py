"""Features of a user at a moment: the items of late, as a place in a small space, and the columns of Users."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.data.columns import Array, Column, Floats, Ints, Longs, Numbers, Tags
from engine.data.snapshot import Snapshot

RANK = 16
LATE = 50  # items of a user
MOST_ROWS = 3_000_000  # the newest interactions, which vectors are made from
MOST_NAMES = 20  # of a categorical column
MOST_FEATURES = 64  # of all columns
ROUNDS = 4


def item_vectors(snapshot: Snapshot, seed: int, rank: int = RANK) -> Floats:
    """(items, rank) the leading right singular vectors of the matrix of who met what, users scaled to length 1.

    Randomised subspace iteration (Halko, Martinsson, Tropp 2011), on rows of interactions: nothing dense is made.
    """
    users, items = _newest(snapshot)
    rank = min(rank, snapshot.item_count)
    vectors = np.random.default_rng(seed).standard_normal((snapshot.item_count, rank))
    scale = 1 / np.sqrt(np.maximum(np.bincount(users, minlength=snapshot.user_count), 1))
    by_item = np.argsort(items, kind="stable")
    for _ in range(ROUNDS):
        people = _sums(vectors[items] * scale[users][:, None], users, snapshot.user_count)
        vectors = _sums((people[users] * scale[users][:, None])[by_item], items[by_item], snapshot.item_count)
        vectors = np.linalg.qr(vectors)[0]
    padded = np.zeros((snapshot.item_count, RANK), np.float32)
    padded[:, : vectors.shape[1]] = vectors * np.sqrt(max(snapshot.item_count, 1))
    return padded


def _newest(snapshot: Snapshot) -> tuple[Ints, Ints]:
    """User and item of the newest interactions, each pair once, sorted by user."""
    users, items = snapshot.users, snapshot.items
    if len(users) > MOST_ROWS:
        rows = np.sort(np.argpartition(snapshot.times, -MOST_ROWS)[-MOST_ROWS:])
        users, items = users[rows], items[rows]
    pairs = np.unique(users.astype(np.int64) * max(snapshot.item_count, 1) + items)
    owner, item = np.divmod(pairs, max(snapshot.item_count, 1))
    return owner.astype(np.int32), item.astype(np.int32)


def _sums(rows: Array, owners: Ints, count: int) -> Array:
    """(count, k) the sum of each owner's rows (n, k), which are sorted by owner."""
    sums = np.zeros((count, rows.shape[1]))
    if len(rows):
        firsts = np.flatnonzero(np.diff(owners, prepend=-1))
        sums[owners[firsts]] = np.add.reduceat(rows, firsts, axis=0)
    return sums


class Visits:
    """The items that users met, and where that puts a user at a moment."""

    COUNT = RANK + 1  # columns

    def __init__(self, users: Ints, items: Ints, times: Longs, vectors: Floats) -> None:
        """(n,) rows sorted by user and time; items beyond the vectors are passed over."""
        described = items < len(vectors)
        users, items, times = users[described], items[described], times[described]
        self._first = int(times.min(initial=0))
        self._span = int(times.max(initial=0)) - self._first + 2
        self._keys = users.astype(np.int64) * self._span + (times - self._first)
        self._sums = np.zeros((len(items) + 1, RANK))
        np.cumsum(vectors[items], axis=0, out=self._sums[1:])

    def at(self, users: Array, times: Longs) -> Array:
        """(m, COUNT) the mean vector of the latest items before, and how many there were."""
        owners = users.astype(np.int64) * self._span
        begin = self._keys.searchsorted(owners)
        end = self._keys.searchsorted(owners + np.clip(times - self._first, 0, self._span - 1))
        late = np.maximum(begin, end - LATE)
        mean = (self._sums[end] - self._sums[late]) / np.maximum(end - late, 1)[:, None]
        return np.column_stack((mean, np.log1p(end - begin)))


def user_features(columns: Mapping[str, Column], users: int) -> Floats:
    """(users, f) of a number its scaled value and whether it is among the lowest or highest quarter, of a categorical
    column a flag for each of its frequent names; a missing value is 0 throughout. Of too many those that vary most."""
    features: list[Floats] = []
    for name in sorted(columns):
        column = columns[name]
        if isinstance(column, Numbers):
            features += _scaled(column.values.astype(np.float64))
        elif isinstance(column, Tags):
            features += _each_name(column)
    if not features:
        return np.zeros((users, 0), np.float32)
    telling = np.sort(np.argsort([-column.var() for column in features], kind="stable")[:MOST_FEATURES])
    return np.column_stack([features[place] for place in telling])


def _scaled(values: Array) -> list[Floats]:
    present = np.isfinite(values)
    if not present.any() or np.ptp(values[present]) == 0:
        return []
    spread = values[present].std()
    low, high = np.quantile(values[present], (0.25, 0.75))
    scaled = np.where(present, (values - values[present].mean()) / spread, 0.0)
    return [each.astype(np.float32) for each in (scaled, values < low, values > high)]


def _each_name(column: Tags) -> list[Floats]:
    frequent = np.argsort(-np.bincount(column.codes, minlength=len(column.names)), kind="stable")[:MOST_NAMES]
    owners = np.repeat(np.arange(len(column)), np.diff(column.indptr))
    flags_of = []
    for code in frequent:
        flags = np.zeros(len(column), np.float32)
        flags[owners[column.codes == code]] = 1
        flags_of.append(flags)
    return flags_of
