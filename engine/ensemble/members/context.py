"""Items chosen in a situation like this one: lifts of items by the categorical columns of Interactions."""

from __future__ import annotations

import numpy as np

from engine.data.columns import Floats
from engine.data.schema import plain
from engine.data.snapshot import Snapshot
from engine.ensemble.member import Arrays, Member, Setting
from engine.ensemble.members.people import ENTRIES, MOST
from engine.ensemble.terms import codes_of, lifts, terms_of
from engine.measure.split import contextual
from engine.recipe import Progress, Query


def shapes(snapshot: Snapshot) -> list[Setting]:
    return [{"prior": 20.0}, {"prior": 100.0}] if contextual(snapshot) else []


def fit(snapshot: Snapshot, shape: Setting, seed: int, progress: Progress) -> Arrays:
    rows = terms_of(contextual(snapshot), min(MOST, ENTRIES // max(snapshot.item_count, 1)))
    lift = lifts(rows, snapshot.items, snapshot.weights, snapshot.item_count, shape["prior"])
    return {**rows.vocabulary, "lift": lift}


def read(arrays: Arrays, reading: Setting, query: Query, items: int) -> Floats:
    """Keys are names of columns, case and underscores aside; others say nothing (specification §9.1)."""
    context = {plain(name): value for name, value in query.context.items()}
    codes = codes_of(arrays, lambda name: context.get(plain(name)))
    return np.asarray(arrays["lift"][codes].sum(axis=0), np.float32)


MEMBER = Member("context", shapes, ({},), fit, read, hears="context", metadata=True)
