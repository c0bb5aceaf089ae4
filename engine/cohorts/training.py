"""Cohorts of a trained model: items as vectors, the middles of groups of users, and a list for each group.

A list holds the mean, over the cohort's members, of the share that the model gives each item (the softmax of its
scores). The mean share is the probability that a member drawn by chance takes the item, as far as the model knows, so
that the best k of it are the k with the most expected hits among the members. A mean of scores would ask for what
nobody minds, and the answer to a made-up average history is nobody's.

Lists are public, so that each is of MEMBERS people or more: none says what one of them likes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from engine.cohorts.clusters import centres, nearest, unit
from engine.data.columns import Floats, Ints, Longs
from engine.data.snapshot import Snapshot
from engine.data.table import LiveTable
from engine.ensemble.member import fading
from engine.measure.split import drawn
from engine.rank.topk import top_k
from engine.recipe import Model, Progress, Query, Scorer, stretch
from engine.segments.factors import factors

COUNTS = (16, 64, 256)  # of cohorts; which of them is used is for whoever asks to say
MEMBERS = 5  # of a cohort at least
USERS = 20_000  # that groups are found among
SCORES = 200_000_000  # that the model gives for the lists: members × items
SUMS = 2**27  # cohorts × items, 512 MB while they are made: of a catalogue beyond 500,000 there are no 256
LISTED = 2_000  # items of a list; the rest follows as it does for people without a history
TYPICAL = 50  # of a typical member's history
LEAST = 1e-30  # share of an item

VECTORS = "cohort_vectors"
DIMENSION = 32  # of the vectors
LONGEST = 200  # the latest items of a history that count
POWER = 1.0  # the k-th latest counts k ** -POWER: what a user does now says more than what it once did


def with_cohorts(
    model: Model, scorer: Scorer, snapshot: Snapshot, seed: int, progress: Progress, counts: Sequence[int] = COUNTS
) -> Model:
    """The model with arrays "cohort_vectors" (items, d) and, for each count, "cohort_centres_N" (n, d), the lists,
    "cohort_items_N" (n, k) and "cohort_logits_N" (n, k), and "cohort_typical_N" (n, h), the latest items of the member
    nearest to the centre, -1 before them; n is below N where few users differ. Unchanged where there are fewer
    users than a cohort has to have."""
    progress(0.0, "finding cohorts")
    # what users have in common, by the items that they touched; 0 for items that nobody did
    vectors = factors(snapshot, DIMENSION, seed, stretch(progress, 0.0, 0.2)).items
    members = _members(snapshot, vectors, seed)
    if len(members.users) < MEMBERS:
        return model
    arrays = {**model.arrays, VECTORS: vectors}
    counts = [count for count in counts if count == min(counts) or count * snapshot.item_count <= SUMS]
    middles = {count: centres(members.vectors, count, seed, MEMBERS) for count in counts}
    asked = _sample_of(members, nearest(members.vectors, middles[max(counts)]), snapshot.item_count, seed)
    groups = {count: nearest(asked.vectors, middles[count]) for count in counts}
    sums = {count: np.zeros((len(middles[count]), snapshot.item_count), np.float32) for count in counts}
    for place, shares in enumerate(_shares(scorer, snapshot, asked.users, stretch(progress, 0.3, 1.0))):
        for count in counts:
            sums[count][groups[count][place]] += asked.weights[place] * shares
    for count in counts:
        items, logits = _lists(sums[count])
        typical = members.users[nearest(middles[count], members.vectors)]
        arrays |= {f"cohort_centres_{count}": middles[count], f"cohort_typical_{count}": _latest(snapshot, typical)}
        arrays |= {f"cohort_items_{count}": items, f"cohort_logits_{count}": logits}
    return Model(arrays, {**model.about, "cohorts": list(counts)})


class _Members(NamedTuple):
    """(m,) users, with their vectors (m, d) and how many users each stands for."""

    users: Longs
    vectors: Floats
    weights: Floats

    def at(self, places: Longs) -> _Members:
        return _Members(self.users[places], self.vectors[places], self.weights[places])


def _members(snapshot: Snapshot, vectors: Floats, seed: int) -> _Members:
    """Users whom the vectors describe, at most USERS, drawn at random."""
    users = drawn(np.flatnonzero(np.diff(snapshot.indptr)), USERS, seed)
    own = np.array([embedded(vectors, snapshot.history(int(user))[0]) for user in users], np.float32)
    own = own.reshape(len(users), vectors.shape[1])
    described = np.flatnonzero(own.any(axis=1))
    return _Members(users, own, np.ones(len(users), np.float32)).at(described)


def _sample_of(members: _Members, groups: Longs, items: int, seed: int) -> _Members:
    """The members whose scores are looked at: all, or as many of each of the finest groups as there is time for, which
    stand for the others."""
    most = SCORES // max(items, 1)
    if len(members.users) <= most:
        return members
    draw, each = np.random.default_rng(seed), max(most // (int(groups.max()) + 1), MEMBERS)
    chosen_rows = []
    for group in range(int(groups.max()) + 1):
        own = np.flatnonzero(groups == group)
        chosen = draw.choice(own, min(each, len(own)), replace=False)
        members.weights[chosen] = len(own) / max(len(chosen), 1)
        chosen_rows.append(chosen)
    return members.at(np.sort(np.concatenate(chosen_rows)))


def _shares(scorer: Scorer, snapshot: Snapshot, users: Longs, progress: Progress) -> Iterator[Floats]:
    """(items,) for each user the share that the model gives every item, in the middle of a visit."""
    table = LiveTable(snapshot.user_columns)
    for place, user in enumerate(users.tolist()):
        if place % 100 == 0:
            progress(place / len(users), "asking for the members of cohorts")
        items, times = snapshot.history(user)
        scores = scorer(Query(items, times, user=user, users=table))[: snapshot.item_count]
        shares = np.exp(scores - scores.max())
        yield shares / shares.sum()


def _latest(snapshot: Snapshot, users: Longs) -> Ints:
    """(users, TYPICAL) oldest first, -1 before them."""
    latest = np.full((len(users), TYPICAL), -1, np.int32)
    for row, user in zip(latest, users.tolist(), strict=True):
        items = snapshot.history(user)[0][-TYPICAL:]
        row[TYPICAL - len(items) :] = items
    return latest


def _lists(sums: Floats) -> tuple[Ints, Floats]:
    """(n, k) items, the best first, and the logarithms of their shares."""
    shares = np.maximum(sums / np.maximum(sums.sum(axis=1, keepdims=True), LEAST), LEAST)
    items = np.array([top_k(row, LISTED) for row in shares], np.int32)
    return items, np.log(np.take_along_axis(shares, items.astype(np.int64), axis=1)).astype(np.float32)


def embedded(vectors: Floats, history: Ints) -> Floats:
    """(d,) of length 1, for a history (h,) of the vectors' items, oldest first; 0 where it says nothing."""
    recent, weights = fading(history, POWER, LONGEST)
    return unit(weights @ vectors[recent])
