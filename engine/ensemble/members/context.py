"""Items chosen in a situation like this one: lifts of items by the categorical columns of Interactions."""

from __future__ import annotations

from engine.data.columns import Floats
from engine.data.schema import plain
from engine.data.snapshot import Snapshot
from engine.ensemble.member import Arrays, Member, Setting
from engine.ensemble.terms import fitted_lifts, summed_lifts
from engine.measure.split import contextual
from engine.recipe import Progress, Query


def shapes(snapshot: Snapshot) -> list[Setting]:
    return [{"prior": 20.0}, {"prior": 100.0}] if contextual(snapshot) else []


def fit(snapshot: Snapshot, shape: Setting, seed: int, progress: Progress) -> Arrays:
    return fitted_lifts(contextual(snapshot), snapshot, shape["prior"])


def read(arrays: Arrays, reading: Setting, query: Query, items: int) -> Floats:
    """Keys are names of columns, case and underscores aside; others say nothing (specification §9.1)."""
    context = {plain(name): value for name, value in query.context.items()}
    return summed_lifts(arrays, lambda name: context.get(plain(name)))


MEMBER = Member("context", shapes, ({},), fit, read, hears="context", metadata=True)
