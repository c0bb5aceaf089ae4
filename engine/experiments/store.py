"""What experiments keep: who was exposed to what first, how often an arm was shown, and what units did. In SQL, so that
every process and every replica of one database agrees; whoever was exposed first decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from engine.experiments.readings import Readings
from engine.experiments.retention import Retention
from engine.storage.sql import Database, answered, converted, exposed, showings, weighed

PAGE = 10_000
Shown = tuple[str, str]  # an experiment and a variation


class Exposure(NamedTuple):
    """A unit's first. `propensity` is the chance that the unit had of this variation, `weighing` names the weights."""

    experiment: str
    unit: str
    variation: str
    at: float  # epoch seconds
    propensity: float
    weighing: str


class Deed(NamedTuple):
    """What a unit did. `scope` is the experiment it was reported for, or a namespace for whichever it concerns; two
    that say they are the same (`once`) are one."""

    scope: str
    unit: str
    metric: str
    value: float
    at: float  # epoch seconds
    recommendation_id: str | None = None
    once: bytes | None = None
    item: str | None = None


class Answered(NamedTuple):
    """An answer that an arm gave, and to whom first. `teams`, of a list of several variations, is whose each item is,
    a JSON object."""

    experiment: str
    recommendation_id: str
    variation: str
    unit: str
    at: float  # epoch seconds
    teams: bytes | None = None


class Earned(NamedTuple):
    """An arm's next weight, and what it was found from: the reward's mean per unit, and its standard error (None:
    unknown)."""

    weight: float
    units: int
    mean: float
    error: float | None


class Weighed(NamedTuple):
    """The weights of an experiment's arms from an epoch second on, found at another, by variation."""

    experiment: str
    since: float
    at: float
    arms: Mapping[str, Earned]


class ExperimentStore:
    def __init__(self, database: Database) -> None:
        self._database = database
        if database.is_sqlite:
            from sqlalchemy.dialects.sqlite import insert
        else:  # takes a while to load, and is seldom there
            from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
        self._insert = insert
        self.readings, self.retention = Readings(database, insert), Retention(database, insert)

    def write(
        self,
        exposures: Sequence[Exposure],
        shown: Mapping[Shown, int],
        deeds: Sequence[Deed],
        answers: Sequence[Answered] = (),
    ) -> None:
        """Durable when it returns; all or nothing. `shown` is added to what was counted before."""
        counts = [{"experiment": key[0], "variation": key[1], "times": times} for key, times in sorted(shown.items())]
        with self._database.write() as connection:
            if not self._database.is_sqlite:  # one writer at a time, or followers would skip late committers
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(7232)"))
            if exposures:
                rows = [each._asdict() for each in exposures]
                connection.execute(self._insert(exposed).on_conflict_do_nothing(), rows)
            if counts:
                added = self._insert(showings)
                more = {"times": showings.c.times + added.excluded.times}
                upsert = added.on_conflict_do_update(index_elements=["experiment", "variation"], set_=more)
                connection.execute(upsert, counts)
            if answers:
                connection.execute(
                    self._insert(answered).on_conflict_do_nothing(), [each._asdict() for each in answers]
                )
            if deeds:
                connection.execute(self._insert(converted).on_conflict_do_nothing(), [each._asdict() for each in deeds])

    def weigh(self, row: Weighed, in_time: Callable[[], bool]) -> bool:
        """Durable when it returns. False where such a row was there before, or when it came to writing it was no longer
        `in_time`."""
        values = {**row._asdict(), "arms": {name: list(earned) for name, earned in row.arms.items()}}
        with self._database.write() as connection:
            if not self._database.is_sqlite:
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(7232)"))
            if not in_time():
                return False
            return connection.execute(self._insert(weighed).on_conflict_do_nothing(), values).rowcount == 1

    def weighed_after(self, seq: int) -> tuple[int, list[Weighed]]:
        """Of all experiments, what was written after, the newest `PAGE` of it, and the last one's number."""
        query = sa.select(weighed).where(weighed.c.seq > seq).order_by(weighed.c.seq.desc()).limit(PAGE)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return (rows[0].seq if rows else seq), [_weighed(row) for row in reversed(rows)]

    def weighed(self, experiment: str) -> list[Weighed]:
        """In the order of their times."""
        query = sa.select(weighed).where(weighed.c.experiment == experiment).order_by(weighed.c.since)
        with self._database.read() as connection:
            return [_weighed(row) for row in connection.execute(query)]

    def last(self) -> int:
        """The number of the last exposure."""
        with self._database.read() as connection:
            return int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(exposed.c.seq), 0))).scalar_one())

    def exposed_after(self, seq: int) -> tuple[int, list[Exposure]]:
        """Exposures of all experiments that came after, at most `PAGE` of them, and the last one's number."""
        query = sa.select(exposed).where(exposed.c.seq > seq).order_by(exposed.c.seq).limit(PAGE)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return (rows[-1][0] if rows else seq), [Exposure(*row[1:]) for row in rows]

    def exposed(self, experiment: str) -> list[Exposure]:
        with self._database.read() as connection:
            rows = connection.execute(sa.select(exposed).where(exposed.c.experiment == experiment)).all()
        return [Exposure(*row[1:]) for row in rows]

    def weighings(self, experiment: str) -> set[str]:
        query = sa.select(exposed.c.weighing).where(exposed.c.experiment == experiment).distinct()
        with self._database.read() as connection:
            return set(connection.execute(query).scalars())

    def deeds(self, scope: str) -> list[Deed]:
        with self._database.read() as connection:
            rows = connection.execute(sa.select(converted).where(converted.c.scope == scope)).all()
        return [Deed(*row[1:]) for row in rows]

    def answered(self, experiment: str) -> list[Answered]:
        """Its answers that some deed names."""
        named = sa.select(converted.c.recommendation_id).where(converted.c.recommendation_id.is_not(None))
        query = sa.select(answered).where(answered.c.experiment == experiment, answered.c.recommendation_id.in_(named))
        with self._database.read() as connection:
            return [Answered(*row) for row in connection.execute(query)]

    def shown(self, experiment: str) -> dict[str, int]:
        """How many answers each variation gave to those who take part."""
        query = sa.select(showings.c.variation, showings.c.times).where(showings.c.experiment == experiment)
        with self._database.read() as connection:
            return {row.variation: row.times for row in connection.execute(query)}


def _weighed(row: sa.Row[Any]) -> Weighed:
    return Weighed(row.experiment, row.since, row.at, {name: Earned(*earned) for name, earned in row.arms.items()})
