"""Episodes: from the first interaction of a user with an action, as long as the optimisation period lasts.

Whether the action was taken in an episode is what is learned, from what was known when it began.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Longs
from engine.propensity.deeds import TAKEN, Deeds, Moments


class Episodes(NamedTuple):
    begun: Moments  # (m,)
    taken: NDArray[np.bool_]  # (m,)
    over: NDArray[np.bool_]  # (m,) whether its period lies within the data: of others the end is not known

    def take(self, rows: NDArray[np.generic]) -> Episodes:
        return Episodes(self.begun.take(rows), self.taken[rows], self.over[rows])


def episodes_of(deeds: Deeds, period: int) -> Episodes:
    """All of them; the next one of a pair begins with its first interaction after `period` seconds."""
    order = np.lexsort((deeds.times, deeds.actions, deeds.users))
    users, actions, kinds = (column[order] for column in (deeds.users, deeds.actions, deeds.kinds))
    times = deeds.times[order]
    pair = np.concatenate(([0], np.cumsum((np.diff(users) != 0) | (np.diff(actions) != 0))))[: len(users)]
    since = int(times.min(initial=0))
    span = int(times.max(initial=0)) - since + period + 1
    keys = pair.astype(np.int64) * span + (times - since)
    taken = np.concatenate(([0], np.cumsum(kinds == TAKEN)))
    begins, ends = _bounds(keys, pair, period)
    begun = Moments(users[begins], actions[begins], times[begins])
    return Episodes(begun, taken[ends] > taken[begins], begun.times + period <= times.max(initial=0))


def _bounds(keys: Longs, pair: Longs, period: int) -> tuple[Longs, Longs]:
    """Where the episodes begin and end among rows sorted by pair and time: all pairs step on together."""
    at = np.flatnonzero(np.diff(pair, prepend=-1))
    begins, ends = [at[:0]], [at[:0]]
    while len(at):
        end = keys.searchsorted(keys[at] + period)
        last = pair.searchsorted(pair[at], "right")
        begins.append(at)
        ends.append(np.minimum(end, last))
        at = end[end < last]
    return np.concatenate(begins), np.concatenate(ends)
