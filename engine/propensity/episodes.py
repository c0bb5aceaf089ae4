"""Episodes: from the first interaction of a user with an action, as long as the optimisation period lasts.

Whether the action was taken in an episode is what is learned, from what was known when it began.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Longs
from engine.propensity.outcomes import TAKEN, ActionOutcomes, OfferMoments

NEARLY = 0.99


class Episodes(NamedTuple):
    begun: OfferMoments  # (m,)
    taken: NDArray[np.bool_]  # (m,)
    after: Longs  # (m,) seconds until it was taken first; of those that were not, 0
    left: Longs  # (m,) seconds of data after its beginning: where less than the period, the end is not known

    def take(self, rows: NDArray[np.generic]) -> Episodes:
        return Episodes(self.begun.take(rows), self.taken[rows], self.after[rows], self.left[rows])

    def settled(self, period: int, actions: int, least: int) -> NDArray[np.bool_]:
        """(m,) whether an episode's outcome is certain: its period is over, or as much of it as nearly all need who
        take that action at all, where `least` of them show that.
        """
        needed = np.full(actions, period)
        sure = np.flatnonzero(self.taken & (self.left >= period))
        sure = sure[np.argsort(self.begun.actions[sure], kind="stable")]
        bounds = np.cumsum(np.bincount(self.begun.actions[sure], minlength=actions))
        for action, after in enumerate(np.split(self.after[sure], bounds[:-1])):
            if len(after) >= least:
                needed[action] = np.quantile(after, NEARLY, method="higher")
        certain: NDArray[np.bool_] = self.left >= needed[self.begun.actions]
        return certain


def episodes_of(outcomes: ActionOutcomes, period: int) -> Episodes:
    """All episodes; a pair's next one begins with its first interaction after `period` seconds."""
    order = np.lexsort((outcomes.times, outcomes.actions, outcomes.users))
    users, actions, kinds = (column[order] for column in (outcomes.users, outcomes.actions, outcomes.kinds))
    times = outcomes.times[order]
    pair = np.concatenate(([0], np.cumsum((np.diff(users) != 0) | (np.diff(actions) != 0))))[: len(users)]
    since = int(times.min(initial=0))
    span = int(times.max(initial=0)) - since + period + 1
    keys = pair.astype(np.int64) * span + (times - since)
    begins, ends = _bounds(keys, pair, period)
    begun = OfferMoments(users[begins], actions[begins], times[begins])
    takings = np.append(np.flatnonzero(kinds == TAKEN), len(times))
    first = takings[takings.searchsorted(begins)]
    taken = first < ends
    after = np.where(taken, times[np.where(taken, first, begins)] - begun.times, 0)
    return Episodes(begun, taken, after, times.max(initial=0) - begun.times)


def _bounds(keys: Longs, pair: Longs, period: int) -> tuple[Longs, Longs]:
    """The first and last rows of the episodes, of rows sorted by pair and time: all pairs step on together."""
    at = np.flatnonzero(np.diff(pair, prepend=-1))
    begins, ends = [at[:0]], [at[:0]]
    while len(at):
        end = keys.searchsorted(keys[at] + period)
        last = pair.searchsorted(pair[at], "right")
        begins.append(at)
        ends.append(np.minimum(end, last))
        at = end[end < last]
    return np.concatenate(begins), np.concatenate(ends)
