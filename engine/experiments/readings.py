"""Measurements of how arms answer: sums in SQL that processes and replicas add to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from engine.storage.sql import Database
from engine.storage.tables import listed, served

Counts = npt.NDArray[np.uint32]
TURN = 7233  # of writers: what one reads is what it adds to


class ServingSums(NamedTuple):
    """Sums over batches, each a moment of one process: numbers of answers, of failed ones and of ones from the cache,
    and their seconds; then the sums of their squares and of their products with the answers."""

    batches: float = 0.0
    answers: float = 0.0
    errors: float = 0.0
    hits: float = 0.0
    seconds: float = 0.0
    answers2: float = 0.0
    errors2: float = 0.0
    hits2: float = 0.0
    seconds2: float = 0.0
    answers_errors: float = 0.0
    answers_hits: float = 0.0
    answers_seconds: float = 0.0

    def plus(self, other: ServingSums) -> ServingSums:
        return ServingSums(*(a + b for a, b in zip(self, other, strict=True)))


class ListCounts(NamedTuple):
    """Counts of one part of an arm's lists; all lists of a unit are in one part. `places` (n,) counts the places that
    items of each hash had."""

    lists: int
    places: Counts


Arm = tuple[str, str]  # an experiment and a variation
Part = tuple[str, str, int]  # an arm, and the number of a part
_STORED = sa.select(listed.c.lists, listed.c.places).where(
    *(listed.c[name] == sa.bindparam(name) for name in ("experiment", "variation", "part"))
)


class Readings:
    def __init__(self, database: Database) -> None:
        self._database = database
        sums, counts = database.insert(served), database.insert(listed)
        self._add_sums = sums.on_conflict_do_update(
            index_elements=["experiment", "variation"],
            set_={name: served.c[name] + sums.excluded[name] for name in ServingSums._fields},
        )
        self._set_lists = counts.on_conflict_do_update(
            index_elements=["experiment", "variation", "part"],
            set_={name: counts.excluded[name] for name in ("lists", "places")},
        )

    def add(self, batches: Mapping[Arm, ServingSums], lists: Mapping[Part, ListCounts]) -> None:
        """Adds to the stored sums: all or nothing, durable when it returns."""
        rows = [{"experiment": arm[0], "variation": arm[1], **each._asdict()} for arm, each in sorted(batches.items())]
        with self._database.write() as connection:
            self._database.wait_turn(connection, TURN)
            if rows:
                connection.execute(self._add_sums, rows)
            if lists:
                connection.execute(self._set_lists, self._added(connection, lists))

    def _added(self, connection: sa.Connection, lists: Mapping[Part, ListCounts]) -> list[dict[str, Any]]:
        """The rows of these parts, with what is stored of them added."""
        rows = []
        for part, each in sorted(lists.items()):
            key = dict(zip(("experiment", "variation", "part"), part, strict=True))
            stored = connection.execute(_STORED, key).one_or_none()
            places = each.places if stored is None else np.frombuffer(stored.places, np.uint32) + each.places
            number = each.lists + (0 if stored is None else stored.lists)
            rows.append({**key, "lists": number, "places": places.tobytes()})
        return rows

    def serving_sums(self, experiment: str) -> dict[str, ServingSums]:
        """The sums of each variation."""
        rows = self._database.rows(sa.select(served).where(served.c.experiment == experiment))
        return {row.variation: ServingSums(*row[2:]) for row in rows}

    def list_counts(self, experiment: str) -> dict[str, list[ListCounts]]:
        """The parts of each variation."""
        rows = self._database.rows(sa.select(listed).where(listed.c.experiment == experiment))
        parts: dict[str, list[ListCounts]] = {}
        for row in rows:
            parts.setdefault(row.variation, []).append(ListCounts(row.lists, np.frombuffer(row.places, np.uint32)))
        return parts
