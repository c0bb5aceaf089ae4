"""Measurements of how arms answer: sums in SQL that processes and replicas add to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from engine.storage.sql import Database, listed, served

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


class Readings:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, batches: Mapping[Arm, ServingSums], lists: Mapping[Part, ListCounts]) -> None:
        """Adds to the stored sums: all or nothing, durable when it returns."""
        rows = [{"experiment": arm[0], "variation": arm[1], **each._asdict()} for arm, each in sorted(batches.items())]
        with self._database.write() as connection:
            self._database.wait_turn(connection, TURN)
            if rows:
                added = self._database.insert(served)
                sums = {name: served.c[name] + added.excluded[name] for name in ServingSums._fields}
                upsert = added.on_conflict_do_update(index_elements=["experiment", "variation"], set_=sums)
                connection.execute(upsert, rows)
            for (experiment, variation, part), each in sorted(lists.items()):
                key = {"experiment": experiment, "variation": variation, "part": part}
                where = sa.and_(*(listed.c[name] == value for name, value in key.items()))
                stored = connection.execute(sa.select(listed.c.lists, listed.c.places).where(where)).one_or_none()
                if stored is None:
                    connection.execute(listed.insert(), {**key, "lists": each.lists, "places": each.places.tobytes()})
                    continue
                places = np.frombuffer(stored.places, np.uint32) + each.places
                values = {"lists": stored.lists + each.lists, "places": places.tobytes()}
                connection.execute(listed.update().where(where).values(values))

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
