"""Questions to a segmentation whose answer is known, and its metrics by them (specification §6).

A question asks who touched an item, or items of a category, in hidden rows: the newest fifth of every user's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from engine.data.columns import Bools, Column, Ints, Labels, Tags
from engine.data.snapshot import Snapshot
from engine.measure.metrics import without
from engine.measure.split import Halves, drawn
from engine.rank.topk import top_k
from engine.recipe import Query, Scorer

RARE = 0.1  # repeats under which a question is about who comes to an item for the first time
MOST_CASES = 1_000  # that are measured by


class SegmentCase(NamedTuple):
    query: Query
    truth: Ints  # (r,) distinct user ids, r ≥ 1


Cases = Callable[[Snapshot, int, int], list[SegmentCase]]  # of hidden rows; at most so many; drawn with a seed


def item_cases(hidden: Snapshot, most: int, seed: int) -> list[SegmentCase]:
    """One case an item."""
    items = drawn(np.unique(hidden.items), most, seed)
    queries = [Query(item=int(item)) for item in items]
    return [SegmentCase(query, touched_by(hidden, query)) for query in queries]


def attribute_cases(hidden: Snapshot, most: int, seed: int) -> list[SegmentCase]:
    """One case a value of each column of strings that items with hidden rows have."""
    touched = np.unique(hidden.items)
    pairs = [
        (column, int(code))
        for column in hidden.item_columns.values()
        if isinstance(column, Labels | Tags)
        for code in np.unique(column.take(touched).codes)
        if code >= 0
    ]
    places = drawn(np.arange(len(pairs)), most, seed)
    queries = [Query(attributes=_having(*pairs[place])) for place in places]
    return [SegmentCase(query, touched_by(hidden, query)) for query in queries]


def touched_by(snapshot: Snapshot, query: Query) -> Ints:
    """(r,) the users who touched the query's item, or one of its items."""
    rows = snapshot.items == query.item if query.attributes is None else query.attributes[snapshot.items]
    return np.unique(snapshot.users[rows])


def known_before(train: Snapshot, asked: list[SegmentCase]) -> list[Ints]:
    """The users to pass over in each case: those who had come before and don't come again, where people rarely choose
    the same twice; nobody where they do.
    """
    users_before = [touched_by(train, case.query) for case in asked]
    pairs = list(zip(asked, users_before, strict=True))
    repeated = [float(np.isin(case.truth, users).mean()) for case, users in pairs]
    if np.mean(repeated or [0.0]) >= RARE:
        return [users[:0] for users in users_before]
    return [np.setdiff1d(users, case.truth) for case, users in pairs]


def _having(column: Column, code: int) -> Bools:
    """(items,) which items have the value."""
    assert isinstance(column, Labels | Tags)
    if isinstance(column, Labels):
        return np.asarray(column.codes == code)
    owners = np.repeat(np.arange(len(column)), np.diff(column.indptr))
    having = np.zeros(len(column), np.bool_)
    having[owners[column.codes == code]] = True
    return having


def segment_metrics(score: Scorer, cases: Cases, split: Halves, seed: int) -> dict[str, float]:
    """Metrics of the users who rank first for an item (or attribute), 1 % of all: how many came (hits), the share of
    those who came that they are (recall), and the share of all users who rank first for anything (coverage).

    Where people rarely choose the same twice, those who had chosen it before are passed over.
    """
    users = split.hidden.user_count
    most = max(round(users / 100), 1)
    asked = cases(split.hidden, MOST_CASES, seed)
    passed = known_before(split.train, asked)
    first = [top_k(without(score(case.query), users), most) for case, users in zip(asked, passed, strict=True)]
    hits = [float(np.isin(ranked, case.truth).sum()) for ranked, case in zip(first, asked, strict=True)]
    recalls = [hit / len(case.truth) for hit, case in zip(hits, asked, strict=True)]
    shown = np.unique(np.concatenate([*first, np.empty(0, np.int32)]))
    return {
        "coverage": len(shown) / max(users, 1),
        "hits_at_1_percent": float(np.mean(hits or [0.0])),
        "recall_at_1_percent": float(np.mean(recalls or [0.0])),
    }
