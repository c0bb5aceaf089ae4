"""Outcomes of actions, as rows to count: each taken, not taken, viewed or anything else; and as episodes.

An episode begins with the first interaction of a user with an action and lasts as long as the optimisation period.
Whether the action was taken in it is what is learned, from what was known when it began.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Array, Ints, Longs
from engine.data.snapshot import Snapshot

OTHER, TAKEN, NOT_TAKEN, VIEWED = range(4)
KINDS = {"taken": TAKEN, "nottaken": NOT_TAKEN, "viewed": VIEWED}
NEARLY = 0.99  # of those who take an action at all


class ActionOutcomes(NamedTuple):
    """(n,) each, of one user in order of time."""

    users: Ints
    actions: Ints
    times: Longs
    kinds: Ints


class OfferMoments(NamedTuple):
    """(m,) each: a user, an action that is on offer, and when."""

    users: Array
    actions: Array
    times: Longs

    def take(self, rows: Array) -> OfferMoments:
        return OfferMoments(self.users[rows], self.actions[rows], self.times[rows])


def kind_of(event_type: str) -> int:
    """`Taken`, `NOT_TAKEN`, `not taken`: case, blanks and underscores don't count."""
    return KINDS.get("".join(event_type.split()).replace("_", "").lower(), OTHER)


def kinds_of(event_types: Sequence[str]) -> Ints:
    """(types,) the kind of outcome of each event type."""
    return np.array([kind_of(name) for name in event_types], np.int32)


def outcomes_of(actions: Snapshot) -> ActionOutcomes:
    kinds = kinds_of(actions.event_types)
    return ActionOutcomes(
        actions.users, actions.items, actions.times, kinds[actions.types] if len(kinds) else actions.types
    )


class OutcomeCounts:
    """Counts of outcomes before a moment: of the user, and of the user with the action."""

    COUNT = 6  # columns

    def __init__(self, outcomes: ActionOutcomes, actions: int) -> None:
        self._first = int(outcomes.times.min(initial=0))
        self._span = int(outcomes.times.max(initial=0)) - self._first + 2
        self._actions = max(actions, 1)
        self._of_user = self._sums(outcomes, outcomes.users.astype(np.int64))
        self._pairs, pair = np.unique(self._pair(outcomes.users, outcomes.actions), return_inverse=True)
        self._of_pair = self._sums(outcomes, pair)

    def at(self, moments: OfferMoments) -> Array:
        """(m, COUNT) float64; only outcomes before the second count."""
        user = self._before(self._of_user, moments.users.astype(np.int64), moments.times)
        wanted = self._pair(moments.users, moments.actions)
        place = self._pairs.searchsorted(wanted)
        met = place < len(self._pairs)
        met[met] = self._pairs[place[met]] == wanted[met]
        pair = self._before(self._of_pair, np.where(met, place, len(self._pairs)), moments.times)
        refused = user[:, NOT_TAKEN] + user[:, VIEWED]
        leaning = np.log((user[:, TAKEN] + 0.5) / (refused + 0.5)) * (user.sum(axis=1) > 0)
        own = np.log1p(pair[:, [TAKEN, NOT_TAKEN, VIEWED]])
        inclined = np.log((pair[:, TAKEN] + 0.5) / (pair[:, NOT_TAKEN] + pair[:, VIEWED] + 0.5))
        return np.column_stack((leaning, np.log1p(user.sum(axis=1)), own, inclined * (pair.sum(axis=1) > 0)))

    def _pair(self, users: Array, actions: Array) -> Longs:
        return users.astype(np.int64) * self._actions + actions

    def _sums(self, outcomes: ActionOutcomes, owners: Longs) -> tuple[Longs, Longs]:
        """Keys (n,) ascending, by owner and time, and running counts (n + 1, kinds)."""
        keys = owners * self._span + (outcomes.times - self._first)
        order = np.argsort(keys, kind="stable")
        sums = np.zeros((len(keys) + 1, len(KINDS) + 1), np.int64)
        np.cumsum(outcomes.kinds[order][:, None] == np.arange(len(KINDS) + 1), axis=0, out=sums[1:])
        return keys[order], sums

    def _before(self, table: tuple[Longs, Longs], owners: Longs, times: Longs) -> Array:
        keys, sums = table
        offset = np.clip(times - self._first, 0, self._span - 1)
        begin, end = keys.searchsorted(owners * self._span), keys.searchsorted(owners * self._span + offset)
        return (sums[end] - sums[begin]).astype(np.float64)


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
