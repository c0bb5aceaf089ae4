"""Items that users chose near each other: co-occurrence that fades with the places between, and what tells most of it.

How fast it fades, how much an item counts that came before instead of after, and how far popular items are discounted
is chosen by the next items that a part of the data holds back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from engine.data.columns import Array, Floats, Ints
from engine.data.snapshot import Snapshot
from engine.measure.split import drawn
from engine.neighbours.pairs import Pairs, around, summed_pairs, user_counts
from engine.recipe import Progress

WINDOW = {0.5: 100, 2.0: 10}  # places apart that still count, by how fast nearness fades
BEFORE = (1.0, 0.3, 0.0)
DISCOUNTS = (0.5, 0.25, 0.0, 0.75)
SHRINK = 10.0  # users, added to an item's own before they discount it
MOST_CASES = 2_000
FEWEST_CASES = 50
CUT = 25
RARE = 0.1  # repeats under which what a user had before is no answer


class NextItem(NamedTuple):
    history: Ints  # (h,) oldest first
    item: int  # that came next


class Nearness(NamedTuple):
    """The k-th place apart counts k ** -fade, `before` times that for an item that came before; then an item's users
    ** discount divides."""

    fade: float = 0.5
    before: float = 1.0
    discount: float = 0.5


def nearby(snapshot: Snapshot, nearness: Nearness) -> Pairs:
    """How near users came to `left` and `right`, without the discount."""
    return _both_ways(around(snapshot, _lags(nearness.fade)), nearness.before, snapshot.item_count)


def _both_ways(after: Pairs, before: float, item_count: int) -> Pairs:
    if not before:
        return after
    back = Pairs(after.right, after.left, after.weight * np.float32(before))
    return summed_pairs((after, back), item_count)


def discounted(pairs: Pairs, users: Floats, discount: float) -> Pairs:
    """The pairs by how peculiar `right` is: (items,) users of each item."""
    return Pairs(
        pairs.left, pairs.right, pairs.weight / (users[pairs.right] + np.float32(SHRINK)) ** np.float32(discount)
    )


def chosen_nearness(snapshot: Snapshot, seed: int, progress: Progress) -> tuple[Nearness, dict[str, float]]:
    """What finds most of the next items that are held back, and what it found; the usual one unless another is better
    by more than chance."""
    train, cases = _held_back(snapshot, seed)
    if len(cases) < FEWEST_CASES:
        return Nearness(), {}
    seen_removed = np.mean([case.item in case.history for case in cases]) < RARE
    users = user_counts(train)
    gains: dict[Nearness, Array] = {}
    for place, fade in enumerate(WINDOW):
        progress(place / len(WINDOW), "choosing what tells most of the next item")
        after = around(train, _lags(fade))
        for before in BEFORE:
            columns = _gains(_both_ways(after, before, snapshot.item_count), users, cases, bool(seen_removed))
            gains |= {Nearness(fade, before, own): column for own, column in zip(DISCOUNTS, columns.T, strict=True)}
    usual = gains[Nearness()]
    best = max(gains, key=lambda nearness: float(gains[nearness].mean()))
    ahead = gains[best] - usual
    if float(ahead.mean()) <= float(ahead.std()) / len(cases) ** 0.5:
        best = Nearness()
    figures = {"ndcg_at_25": gains[best], "usual_ndcg_at_25": usual}
    return best, {"next_items": len(cases), **{name: round(float(gain.mean()), 4) for name, gain in figures.items()}}


def _held_back(snapshot: Snapshot, seed: int) -> tuple[Snapshot, list[NextItem]]:
    """The snapshot without the last rows of some users, and these."""
    some = drawn(np.flatnonzero(np.diff(snapshot.indptr) > 1), MOST_CASES, seed)
    last = snapshot.indptr[some + 1] - 1
    train = snapshot.take(~np.isin(np.arange(len(snapshot.items)), last))
    items = snapshot.items[last].tolist()
    return train, [NextItem(train.history(user)[0], item) for user, item in zip(some.tolist(), items, strict=True)]


def _lags(fade: float) -> list[float]:
    return [float(place) ** -fade for place in range(1, WINDOW[fade] + 1)]


def _gains(pairs: Pairs, users: Floats, cases: Sequence[NextItem], seen_removed: bool) -> Array:
    """(cases, discounts) NDCG@25 of the next item in the row of the last one."""
    starts = np.searchsorted(pairs.left, np.arange(len(users) + 1))
    divisors = (users[:, None] + SHRINK) ** np.array(DISCOUNTS)  # (items, discounts)
    gains = np.zeros((len(cases), len(DISCOUNTS)))
    for place, case in enumerate(cases):
        row = slice(starts[case.history[-1]], starts[case.history[-1] + 1])
        near, weight = pairs.right[row], pairs.weight[row]
        if seen_removed:
            new = ~np.isin(near, case.history)
            near, weight = near[new], weight[new]
        own = np.flatnonzero(near == case.item)
        if len(own):
            scores = weight[:, None] / divisors[near]
            above, level = (scores > scores[own]).sum(axis=0), (scores == scores[own]).sum(axis=0)
            ranks = above + (level - 1) / 2  # equal ones share the middle of their places
            gains[place] = np.where(ranks < CUT, 1 / np.log2(ranks + 2), 0)
    return gains
