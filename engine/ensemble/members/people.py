"""Items chosen by people like this one: lifts of items by the columns of Users, which a new user has as well."""

from __future__ import annotations

from engine.data.columns import Floats
from engine.data.snapshot import Snapshot
from engine.ensemble.member import Arrays, Member, Setting
from engine.ensemble.terms import fitted_lifts, summed_lifts, with_terms
from engine.recipe import Progress, Query


def shapes(snapshot: Snapshot) -> list[Setting]:
    return [{"prior": 20.0}, {"prior": 100.0}] if with_terms(snapshot.user_columns) else []


def fit(snapshot: Snapshot, shape: Setting, seed: int, progress: Progress) -> Arrays:
    rows = {name: column.take(snapshot.users) for name, column in with_terms(snapshot.user_columns).items()}
    return fitted_lifts(rows, snapshot, shape["prior"])


def read(arrays: Arrays, reading: Setting, query: Query, items: int) -> Floats:
    return summed_lifts(arrays, lambda name: query.users.value(query.user, name))


MEMBER = Member("people", shapes, ({},), fit, read, hears="user", metadata=True)
