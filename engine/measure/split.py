"""Ways to hide a part of a log: what is left trains, what is hidden asks the questions.

Equal timestamps keep the order in which they arrived (file order). A *basket* is a user's rows of one timestamp.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Array, Floats, Ints, Longs, Tags
from engine.data.snapshot import Snapshot
from engine.data.table import NOBODY, LiveTable
from engine.recipe import Query

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class EvaluationCase:
    """One question and its answer; the time of the answer is not part of the question."""

    history: Ints  # (h,) oldest first
    times: Longs  # (h,) epoch seconds
    truth: Ints  # (r,) distinct items, r ≥ 1
    now: float  # epoch seconds: the last moment known to whoever asks
    gains: Floats | None = None  # (r,) how much each true item is worth; None: all the same
    user: int = -1
    users: LiveTable = NOBODY
    context: Mapping[str, str] = field(default_factory=dict)  # of the answer, but for its time

    @cached_property
    def query(self) -> Query:
        """The question; the current item is the history's last."""
        last = int(self.history[-1]) if len(self.history) else -1
        return Query(
            self.history,
            self.times,
            item=last,
            now=self.now,
            user=self.user,
            users=self.users,
            context=self.context,
        )


class Halves(NamedTuple):
    """Two halves of the same users and items; every interaction is in one of them."""

    train: Snapshot
    hidden: Snapshot


@dataclass(frozen=True)
class Split:
    train: Snapshot
    cases: list[EvaluationCase]


def leave_last_out(snapshot: Snapshot, *, baskets: bool = False, last: int = 1) -> Split:
    """Hides the `last` rows (or baskets) of every user who has more than that; each hidden one is a case, whose history
    is everything of the user before it.
    """
    keep = np.ones(len(snapshot.items), bool)
    cases: list[EvaluationCase] = []
    users = LiveTable(snapshot.user_columns)
    for user in range(snapshot.user_count):
        items, times = snapshot.history(user)
        starts = np.unique(times, return_index=True)[1] if baskets else np.arange(len(items))
        if len(starts) <= last:
            continue
        keep[snapshot.indptr[user] + starts[-last] : snapshot.indptr[user + 1]] = False
        stops = np.append(starts[1:], len(items))
        for start, stop in zip(starts[-last:], stops[-last:], strict=True):
            cases.append(_case(snapshot, users, user, start, stop, float(times[start - 1])))
    return Split(snapshot.take(keep), cases)


def time_split(snapshot: Snapshot, *, share: float = 0.9, baskets: bool = False) -> Split:
    """Hides everything from the moment on when `share` of the rows had come. Every user active after it is a case, new
    users with an empty history; the answer is their first row (or basket) after it, and it is `now` when they ask.
    """
    moment = _moment(snapshot, share)
    return _split_at(snapshot, moment, range(snapshot.user_count), baskets)


def new_users_split(snapshot: Snapshot, *, share: float = 0.9, baskets: bool = False) -> Split:
    """`time_split` with only the cases of new users: nothing else of it is made."""
    moment = _moment(snapshot, share)
    active = np.flatnonzero(np.diff(snapshot.indptr))
    new = active[snapshot.times[snapshot.indptr[active]] >= moment]
    return _split_at(snapshot, moment, new.tolist(), baskets)


def _moment(snapshot: Snapshot, share: float) -> int:
    """When `share` of the rows had come."""
    if not len(snapshot.times):
        return 0
    last = int(share * (len(snapshot.times) - 1))
    return int(np.partition(snapshot.times, last)[last])


def _split_at(snapshot: Snapshot, moment: int, asking: Iterable[int], baskets: bool) -> Split:
    cases: list[EvaluationCase] = []
    users = LiveTable(snapshot.user_columns)
    for user in asking:
        items, times = snapshot.history(user)
        start = int(np.searchsorted(times, moment))
        if start < len(items):
            stop = int(np.searchsorted(times, times[start], side="right")) if baskets else start + 1
            cases.append(_case(snapshot, users, user, start, stop, float(moment)))
    return Split(snapshot.take(snapshot.times < moment), cases)


def user_split(snapshot: Snapshot, seed: int, *, share: float = 0.1) -> Split:
    """Personalize's: `share` of the users (of at least two rows) are hidden whole; their oldest 90 % of rows ask, the
    items of the newest 10 % (at least one row) answer.
    """
    able = np.flatnonzero(np.diff(snapshot.indptr) > 1)
    count = min(max(round(share * len(able)), 1), len(able))
    chosen = np.sort(np.random.default_rng(seed).choice(able, count, replace=False))
    cases = []
    users = LiveTable(snapshot.user_columns)
    for user in chosen:
        items, times = snapshot.history(int(user))
        start = len(items) - max(len(items) // 10, 1)
        cases.append(_case(snapshot, users, int(user), start, len(items), float(times[start - 1])))
    return Split(snapshot.take(~np.isin(snapshot.users, chosen)), cases)


def _case(snapshot: Snapshot, users: LiveTable, user: int, start: int, stop: int, now: float) -> EvaluationCase:
    """The user's rows before `start` ask for the items of `start`..`stop`; an item is worth its heaviest row."""
    items, times = snapshot.history(user)
    truth, places = np.unique(items[start:stop], return_inverse=True)
    first, gains = int(snapshot.indptr[user]), None
    if snapshot.weights is not None:
        gains = np.zeros(len(truth), np.float32)
        np.maximum.at(gains, places, snapshot.weights[first + start : first + stop])
    cells = {name: column.get(first + start) for name, column in contextual(snapshot).items()}
    context = {name: value for name, value in cells.items() if value is not None}
    return EvaluationCase(items[:start], times[:start], truth, now, gains, user, users, context)


def contextual(snapshot: Snapshot) -> dict[str, Tags]:
    """The columns of interactions that say in which situation they were: the categorical ones."""
    columns = snapshot.interaction_columns.items()
    return {name: column for name, column in columns if isinstance(column, Tags) and name != "IMPRESSION"}


def newest_split(snapshot: Snapshot, *, share: float = 0.2) -> Halves:
    """Hides the newest `share` of every user's rows, at least one of a user who has two."""
    lengths = np.diff(snapshot.indptr)
    hidden = np.where(lengths > 1, np.maximum((share * lengths).astype(np.int64), 1), 0)
    newest = np.arange(len(snapshot.items)) >= (snapshot.indptr[1:] - hidden)[snapshot.users]
    return Halves(snapshot.take(~newest), snapshot.take(newest))


def drawn(every: Array, most: int, seed: int) -> Array:
    """At most so many of (n,) that are in order, drawn by the seed; they stay in order."""
    if len(every) <= most:
        return every
    return np.sort(np.random.default_rng(seed).choice(every, most, replace=False))


def tied_share(snapshot: Snapshot) -> float:
    """The share of rows with the same user and time as the row before, among rows that have one before them."""
    same_user = snapshot.users[1:] == snapshot.users[:-1]
    return float(np.mean(np.diff(snapshot.times)[same_user] == 0)) if same_user.any() else 0.0


def repeat_share(cases: list[EvaluationCase]) -> float:
    """The share of answers that the asking user's history already holds."""
    hits = [np.isin(case.truth, case.history).mean() for case in cases if len(case.history)]
    return float(np.mean(hits)) if hits else 0.0
