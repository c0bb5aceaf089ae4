"""Items chosen by people like this one: lifts of items by the columns of Users, which a new user has as well."""

from __future__ import annotations

import numpy as np

from engine.data.columns import Floats
from engine.data.snapshot import Snapshot
from engine.ensemble.member import Arrays, Member, Setting
from engine.ensemble.terms import codes_of, lifts, terms_of, with_terms
from engine.recipe import Progress, Query

ENTRIES = 10_000_000  # terms × items: 40 MB
MOST = 1_000  # terms


def shapes(snapshot: Snapshot) -> list[Setting]:
    return [{"prior": 20.0}, {"prior": 100.0}] if with_terms(snapshot.user_columns) else []


def fit(snapshot: Snapshot, shape: Setting, seed: int, progress: Progress) -> Arrays:
    rows = {name: column.take(snapshot.users) for name, column in with_terms(snapshot.user_columns).items()}
    terms = terms_of(rows, min(MOST, ENTRIES // max(snapshot.item_count, 1)))
    lift = lifts(terms, snapshot.items, snapshot.weights, snapshot.item_count, shape["prior"])
    return {**terms.vocabulary, "lift": lift}


def read(arrays: Arrays, reading: Setting, query: Query, items: int) -> Floats:
    codes = codes_of(arrays, lambda name: query.users.value(query.user, name))
    return np.asarray(arrays["lift"][codes].sum(axis=0), np.float32)


MEMBER = Member("people", shapes, ({},), fit, read, hears="user", metadata=True)
