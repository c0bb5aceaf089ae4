"""Histories as vectors: any history, also one that training never saw, within microseconds."""

from __future__ import annotations

from engine.cohorts.clusters import unit
from engine.data.columns import Floats, Ints
from engine.data.snapshot import Snapshot
from engine.ensemble.member import fading
from engine.recipe import Progress
from engine.segments.factors import factors

DIMENSION = 32
LONGEST = 200  # the latest items of a history that count
POWER = 1.0  # the k-th latest counts k ** -POWER: what a user does now says more than what it once did


def item_vectors(snapshot: Snapshot, seed: int, progress: Progress) -> Floats:
    """(items, d) what users have in common, by the items that they touched; 0 for items that nobody did."""
    return factors(snapshot, DIMENSION, seed, progress).items


def embedded(vectors: Floats, history: Ints) -> Floats:
    """(d,) of length 1, for a history (h,) of the vectors' items, oldest first; 0 where it says nothing."""
    recent, weights = fading(history, POWER, LONGEST)
    return unit(weights @ vectors[recent])
