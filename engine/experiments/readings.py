"""What experiments keep of how arms answer: sums that processes and replicas add to, in SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from engine.storage.sql import Database, listed, served

Counts = npt.NDArray[np.uint32]


class Served(NamedTuple):
    """Sums over batches, each a moment of one process: how many answers, failed ones, ones from the cache, and their
    seconds; then the sums of their squares and of their products with the answers."""

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

    def plus(self, other: Served) -> Served:
        return Served(*(a + b for a, b in zip(self, other, strict=True)))


class Listed(NamedTuple):
    """One part of an arm's lists: a unit's are all in one. `places` (n,): how often items of each hash were in them."""

    lists: int
    places: Counts


Arm = tuple[str, str]  # an experiment and a variation
Part = tuple[str, str, int]


class Readings:
    def __init__(self, database: Database, insert: Callable[[sa.Table], Any]) -> None:
        """`insert` is the database's own, that knows conflicts."""
        self._database, self._insert = database, insert

    def add(self, batches: Mapping[Arm, Served], lists: Mapping[Part, Listed]) -> None:
        """To what is kept; durable when it returns, all or nothing."""
        rows = [{"experiment": arm[0], "variation": arm[1], **each._asdict()} for arm, each in sorted(batches.items())]
        with self._database.write() as connection:
            if not self._database.is_sqlite:
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(7233)"))  # what is read is what is added to
            if rows:
                added = self._insert(served)
                sums = {name: served.c[name] + added.excluded[name] for name in Served._fields}
                upsert = added.on_conflict_do_update(index_elements=["experiment", "variation"], set_=sums)
                connection.execute(upsert, rows)
            for (experiment, variation, part), each in sorted(lists.items()):
                key = {"experiment": experiment, "variation": variation, "part": part}
                where = sa.and_(*(listed.c[name] == value for name, value in key.items()))
                known = connection.execute(sa.select(listed.c.lists, listed.c.places).where(where)).one_or_none()
                if known is None:
                    connection.execute(listed.insert(), {**key, "lists": each.lists, "places": each.places.tobytes()})
                    continue
                places = np.frombuffer(known.places, np.uint32) + each.places
                values = {"lists": known.lists + each.lists, "places": places.tobytes()}
                connection.execute(listed.update().where(where).values(values))

    def served(self, experiment: str) -> dict[str, Served]:
        """By variation."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(served).where(served.c.experiment == experiment)).all()
        return {row.variation: Served(*row[2:]) for row in rows}

    def listed(self, experiment: str) -> dict[str, list[Listed]]:
        """The parts of each variation."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(listed).where(listed.c.experiment == experiment)).all()
        found: dict[str, list[Listed]] = {}
        for row in rows:
            found.setdefault(row.variation, []).append(Listed(row.lists, np.frombuffer(row.places, np.uint32)))
        return found
