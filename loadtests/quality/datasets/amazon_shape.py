"""A world of the shape of Amazon's reviews by category: many users with about 8 events each, items by a power law, and
an order that says much. Nobody's data, so it may be drawn anywhere, of any size and seed.

An event follows from the last one, or from an earlier one, by an item's own successors (most of its own cluster, in
steep shares); or it is of a taste of the user's; or merely popular. Nobody chooses anything twice.
Popularity reads .009 in NDCG@10 and Markov .065 here, on Amazon's Beauty .006 and .065.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.data.snapshot import Snapshot, snapshot_of
from loadtests.quality.datasets.base import DataSet
from loadtests.quality.task import Array

DAY = 86_400
BEGAN = 1_600_000_000


@dataclass(frozen=True)
class Shape:
    users: int = 22_363
    items: int = 12_092
    clusters: int = 900
    successors: int = 20  # of an item
    fewest: int = 5  # events of a user
    mean: int = 8
    shares: tuple[float, float, float] = (0.20, 0.10, 0.32)  # of the last event's successors, an earlier one's, tastes
    tastes: int = 3  # clusters that a user likes
    power: float = 0.65  # of popularity by rank
    steep: float = 0.7  # of successors by rank
    kindred: float = 0.8  # successors of the item's own cluster


class Weighted:
    """Items drawn by weight out of all, or out of a cluster."""

    def __init__(self, weights: Array, clusters: Array, count: int, draw: np.random.Generator) -> None:
        self._draw = draw
        self._order = np.argsort(clusters, kind="stable")
        self._ends = np.cumsum(weights[self._order])
        starts = np.searchsorted(clusters[self._order], np.arange(count + 1))
        self._bounds = np.concatenate([[0.0], self._ends])[starts]

    def any(self, size: int) -> Array:
        return self._at(self._draw.random(size) * self._ends[-1])

    def of(self, clusters: Array) -> Array:
        low, high = self._bounds[clusters], self._bounds[clusters + 1]
        return self._at(low + self._draw.random(len(clusters)) * (high - low))

    def _at(self, points: Array) -> Array:
        return self._order[np.minimum(np.searchsorted(self._ends, points, side="right"), len(self._order) - 1)]


def world(seed: int = 0, shape: Shape | None = None) -> Snapshot:
    """Drawn a step at a time for all users together."""
    shape = shape or Shape()
    draw = np.random.default_rng(seed)
    choices = Choices(shape, draw)
    lengths = np.maximum(shape.fewest, draw.geometric(1 / (shape.mean - 4), shape.users) + 4)
    events = np.full((shape.users, lengths.max()), -1)
    for step in range(events.shape[1]):
        open_users = np.flatnonzero(lengths > step)
        while len(open_users):
            offered = choices.offered(events[:, :step], open_users)
            new = ~(events[open_users, :step] == offered[:, None]).any(axis=1)
            events[open_users[new], step] = offered[new]
            open_users = open_users[~new]
    return _snapshot(events, lengths, draw)


class Choices:
    """What users like and what follows from what, by which they choose."""

    def __init__(self, shape: Shape, draw: np.random.Generator) -> None:
        self._shape, self._draw = shape, draw
        weights = draw.permutation((np.arange(shape.items) + 10.0) ** -shape.power)
        clusters = draw.integers(shape.clusters, size=shape.items)
        self._items = items = Weighted(weights, clusters, shape.clusters, draw)
        repeated = np.repeat(clusters, shape.successors)
        kindred = draw.random(len(repeated)) < shape.kindred
        successors = np.where(kindred, items.of(repeated), items.any(len(repeated)))
        self._successors = successors.reshape(shape.items, shape.successors)
        self._steps = np.cumsum((np.arange(shape.successors) + 1.0) ** -shape.steep)
        self._tastes = clusters[items.any(shape.users * shape.tastes)].reshape(shape.users, shape.tastes)

    def offered(self, events: Array, users: Array) -> Array:
        """(u,) the item that each of the users (u,) would choose next after their events, were it new to them."""
        draw, count, step = self._draw, len(users), events.shape[1]
        kind = np.searchsorted(np.cumsum(self._shape.shares), draw.random(count))
        chosen = self._items.any(count)
        liked = kind == 2
        chosen[liked] = self._items.of(self._tastes[users, draw.integers(self._shape.tastes, size=count)][liked])
        if step:
            follows = kind < 2
            place = np.where(kind == 0, step - 1, draw.integers(step, size=count))
            rank = np.searchsorted(self._steps, draw.random(count) * self._steps[-1])
            chosen[follows] = self._successors[events[users, place], rank][follows]
        return chosen


def _snapshot(events: Array, lengths: Array, draw: np.random.Generator) -> Snapshot:
    """Days between events, users beginning at any time of five years."""
    users, steps = np.nonzero(events >= 0)
    gaps = draw.exponential(20 * DAY, events.shape).cumsum(axis=1) + draw.random((len(lengths), 1)) * 1_800 * DAY
    times = (BEGAN + gaps[users, steps]).astype(np.int64) // DAY * DAY
    return snapshot_of(users.astype(np.int32), events[users, steps].astype(np.int32), times)


DATA = DataSet("Amazon's shape", world, splits=("last",))
