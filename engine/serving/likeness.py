"""The facts about items that lists are made diverse by: their terms, the vectors of their texts, a model's own vectors.

All are read when an item first needs them, and remembered with the snapshot's table. Rows that were put since are read
anew each time: they are few, and may change.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.data.columns import Array, Floats, Ints
from engine.data.schema import Field
from engine.data.table import LiveTable
from engine.ensemble.fits import unpacked
from engine.ensemble.members import MEMBERS
from engine.ensemble.training import plan_of
from engine.rank.diversify import Terms, unit
from engine.recipe import Model
from engine.serving import artifacts
from engine.text.embedding import WIDTH, embed


class ItemTerms:
    """The terms of items in one column of a table, while that lives: the value, or several of a categorical column. Any
    thread reads."""

    def __init__(self, table: LiveTable, column: Field) -> None:
        self._table, self._column = table, column
        self._stored: dict[int, Terms] = {}

    @classmethod
    def of(cls, table: LiveTable, column: Field) -> ItemTerms:
        key = ("terms", column)
        terms: ItemTerms | None = table.memo.get(key)
        return terms if terms is not None else table.memo.setdefault(key, cls(table, column))

    def __call__(self, items: Sequence[int]) -> list[Terms]:
        rows, stored = self._table.rows, self._stored
        return [self._read(item) if item in rows or (terms := stored.get(item)) is None else terms for item in items]

    def _read(self, item: int) -> Terms:
        put = item in self._table.rows  # before the value is read: it may come meanwhile
        text = str(self._table.value(item, self._column.name) or "")
        terms = tuple(dict.fromkeys(filter(None, text.split("|") if self._column.categorical else (text,))))
        if not put and item not in self._table.rows:
            self._stored[item] = terms
        return terms


class TextVectors:
    """The vectors of items' texts in some columns of a table, while that lives. Any thread reads."""

    def __init__(self, table: LiveTable, names: tuple[str, ...]) -> None:
        self._table, self._names = table, names
        self._stored: dict[int, Floats] = {}

    @classmethod
    def of(cls, table: LiveTable, names: tuple[str, ...]) -> TextVectors:
        key = ("texts", names)
        vectors: TextVectors | None = table.memo.get(key)
        return vectors if vectors is not None else table.memo.setdefault(key, cls(table, names))

    def __call__(self, items: Sequence[int]) -> Floats:
        """(m, WIDTH) unit vectors; zero for an item without texts."""
        rows, stored = self._table.rows, self._stored
        new = [item for item in items if item in rows or item not in stored]
        read = dict(zip(new, embed([self._text(item) for item in new]), strict=True))
        stored.update((item, vector) for item, vector in read.items() if item not in self._table.rows)
        vectors = [read[item] if item in read else stored[item] for item in items]
        return np.array(vectors, np.float32).reshape(-1, WIDTH)

    def _text(self, item: int) -> str:
        return " ".join(filter(None, (self._table.value(item, name) for name in self._names)))


class ModelVectors:
    """The vectors that a model has of its items."""

    def __init__(self, vectors: Floats) -> None:
        self._vectors = vectors
        self._centre = vectors.mean(axis=0)  # what all have in common says nothing of any

    @classmethod
    def stored(cls, folder: Path) -> ModelVectors | None:
        """Those of the model in the folder; None where it has none, or is gone meanwhile."""
        try:
            vectors = item_vectors(artifacts.load(folder))
        except FileNotFoundError:
            return None
        return None if vectors is None or not len(vectors) else cls(vectors)

    def __call__(self, items: Ints) -> Floats:
        """(m, d) unit vectors; zero for an item that came after training."""
        own = (items >= 0) & (items < len(self._vectors))
        rows: Array = np.zeros((len(items), self._vectors.shape[1]), np.float32)
        rows[own] = self._vectors[items[own]] - self._centre
        return unit(rows)


def item_vectors(model: Model) -> Floats | None:
    """(items, d) of a blend's sequence model, or a model's own array of vectors; None where it has neither."""
    if "plan" not in model.about:
        return model.arrays.get("vectors")
    columns = plan_of(model).columns
    fits = {column.fit for column in columns if MEMBERS[column.member].vectors is not None}
    return unpacked(model.arrays, columns)[min(fits)]["items"] if fits else None
