"""Items described like those of the history, including those that nobody has touched yet."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.data.columns import Column, Numbers, Texts
from engine.data.snapshot import Snapshot
from engine.ensemble.member import Arrays, Setting, table_member
from engine.ensemble.terms import binned, with_terms
from engine.neighbours.likeness import alike, described
from engine.neighbours.table import KEPT, dense_fits, table_of
from engine.recipe import Progress

MOST = 30_000  # items: comparing them is quadratic
LONGEST = 100


def shapes(snapshot: Snapshot) -> list[Setting]:
    return [{}] if term_columns(snapshot.item_columns) and snapshot.item_count <= MOST else []


def fit(snapshot: Snapshot, shape: Setting, seed: int, progress: Progress) -> Arrays:
    vectors, _ = described(term_columns(snapshot.item_columns), snapshot.item_count, progress)
    if dense_fits(snapshot.item_count):
        likeness = np.maximum(vectors @ vectors.T, 0)
        np.fill_diagonal(likeness, 0)
        return {"dense": likeness}
    return table_of(alike(vectors, progress, KEPT), snapshot.item_count)


def term_columns(columns: Mapping[str, Column]) -> dict[str, Column]:
    """The columns as terms: categories, texts, and numbers as the eighths that they lie in."""
    telling = {name: column for name, column in columns.items() if isinstance(column, Texts)} | with_terms(columns)
    return {name: binned(column) if isinstance(column, Numbers) else column for name, column in telling.items()}


READINGS = ({"power": 0.0}, {"power": 0.5}, {"power": 1.0})
MEMBER = table_member("content", shapes, READINGS, fit, LONGEST, metadata=True)
