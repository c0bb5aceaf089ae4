"""The experiment store: first exposures, answers and outcomes in SQL, and the allocations of bandits.

Every process and every replica of one database agrees: whichever exposure is written first decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from engine.experiments.readings import Arm, Readings
from engine.experiments.retention import Retention
from engine.storage.sql import Database
from engine.storage.tables import answered, converted, exposed, showings, weighed

PAGE = 10_000
TURN = 7232  # of writers: followers would skip late committers


class Exposure(NamedTuple):
    """A unit's first exposure. `propensity` is the chance that the unit had of this variation, `allocation` is the
    name of the shares then in force."""

    experiment: str
    unit: str
    variation: str
    at: float  # epoch seconds
    propensity: float
    allocation: str


class UnitOutcome(NamedTuple):
    """An outcome of a unit. `scope` is the experiment it was reported for, or a namespace for whichever it concerns.
    Outcomes with the same `once` count as one."""

    scope: str
    unit: str
    metric: str
    value: float
    at: float  # epoch seconds
    recommendation_id: str | None = None
    once: bytes | None = None
    item: str | None = None


class ArmAnswer(NamedTuple):
    """An answer that an arm gave, and the unit that got it first. `teams` is a JSON object: whose each item is, in a
    list of several variations."""

    experiment: str
    recommendation_id: str
    variation: str
    unit: str
    at: float  # epoch seconds
    teams: bytes | None = None


class ArmAllocation(NamedTuple):
    """An arm's next weight, and what it follows from: the reward's mean per unit, and its standard error (None:
    unknown)."""

    weight: float
    units: int
    mean: float
    error: float | None


class Allocation(NamedTuple):
    """The weights of an experiment's arms by variation. They hold from `since` on, and were computed at `at`."""

    experiment: str
    since: float
    at: float
    arms: Mapping[str, ArmAllocation]


class ExperimentStore:
    def __init__(self, database: Database) -> None:
        self._database = database
        self.readings, self.retention = Readings(database), Retention(database)

    def write(
        self,
        exposures: Sequence[Exposure],
        answer_counts: Mapping[Arm, int],
        outcomes: Sequence[UnitOutcome],
        answers: Sequence[ArmAnswer] = (),
    ) -> list[Exposure]:
        """Writes all or nothing, durable when it returns. `answer_counts` are added to those of before. Returns
        the exposures that were their units' first."""
        counts = [
            {"experiment": arm[0], "variation": arm[1], "times": times} for arm, times in sorted(answer_counts.items())
        ]
        with self._database.write() as connection:
            self._database.wait_turn(connection, TURN)
            if counts:
                added = self._database.insert(showings)
                more = {"times": showings.c.times + added.excluded.times}
                upsert = added.on_conflict_do_update(index_elements=["experiment", "variation"], set_=more)
                connection.execute(upsert, counts)
            for table, new in ((answered, answers), (converted, outcomes)):
                if new:
                    rows = [each._asdict() for each in new]
                    connection.execute(self._database.insert(table).on_conflict_do_nothing(), rows)
            return self._expose(connection, exposures) if exposures else []

    def _expose(self, connection: sa.Connection, exposures: Sequence[Exposure]) -> list[Exposure]:
        insert = self._database.insert(exposed).on_conflict_do_nothing()
        rows = connection.execute(
            insert.returning(exposed.c.experiment, exposed.c.unit), [each._asdict() for each in exposures]
        )
        by_unit = {(each.experiment, each.unit): each for each in reversed(exposures)}
        return [by_unit[row.experiment, row.unit] for row in rows]

    def add_outcomes(self, outcomes: Sequence[UnitOutcome], within: sa.Connection) -> None:
        """Writes outcomes as part of the caller's transaction."""
        self._database.wait_turn(within, TURN)
        within.execute(self._database.insert(converted).on_conflict_do_nothing(), [each._asdict() for each in outcomes])

    def allocate(self, allocation: Allocation, in_time: Callable[[], bool]) -> bool:
        """Writes an allocation, durable when it returns. False where the experiment had one from that moment on, or
        where it is no longer `in_time` when the write lock is held."""
        values = {**allocation._asdict(), "arms": {name: list(arm) for name, arm in allocation.arms.items()}}
        with self._database.write() as connection:
            self._database.wait_turn(connection, TURN)
            if not in_time():
                return False
            return connection.execute(self._database.insert(weighed).on_conflict_do_nothing(), values).rowcount == 1

    def allocations_after(self, seq: int) -> tuple[int, list[Allocation]]:
        """The newest `PAGE` allocations after that number, of all experiments, and the last one's number."""
        query = sa.select(weighed).where(weighed.c.seq > seq).order_by(weighed.c.seq.desc()).limit(PAGE)
        rows = self._database.rows(query)
        return (rows[0].seq if rows else seq), [_allocation(row) for row in reversed(rows)]

    def allocations(self, experiment: str) -> list[Allocation]:
        """The experiment's allocations, the earliest first."""
        query = sa.select(weighed).where(weighed.c.experiment == experiment).order_by(weighed.c.since)
        return [_allocation(row) for row in self._database.rows(query)]

    def last(self) -> int:
        """The number of the last exposure."""
        return self._database.value(sa.select(sa.func.max(exposed.c.seq))) or 0

    def exposures_after(self, seq: int) -> tuple[int, list[Exposure]]:
        """The first `PAGE` exposures after that number, of all experiments, and the last one's number."""
        query = sa.select(exposed).where(exposed.c.seq > seq).order_by(exposed.c.seq).limit(PAGE)
        rows = self._database.rows(query)
        return (rows[-1][0] if rows else seq), [Exposure(*row[1:]) for row in rows]

    def exposures(self, experiment: str) -> list[Exposure]:
        rows = self._database.rows(sa.select(exposed).where(exposed.c.experiment == experiment))
        return [Exposure(*row[1:]) for row in rows]

    def allocation_names(self, experiment: str) -> set[str]:
        query = sa.select(exposed.c.allocation).where(exposed.c.experiment == experiment).distinct()
        return {row.allocation for row in self._database.rows(query)}

    def outcomes(self, scope: str) -> list[UnitOutcome]:
        rows = self._database.rows(sa.select(converted).where(converted.c.scope == scope))
        return [UnitOutcome(*row[1:]) for row in rows]

    def answers(self, experiment: str) -> list[ArmAnswer]:
        """The experiment's answers that some outcome names."""
        named = sa.select(converted.c.recommendation_id).where(converted.c.recommendation_id.is_not(None))
        query = sa.select(answered).where(answered.c.experiment == experiment, answered.c.recommendation_id.in_(named))
        return [ArmAnswer(*row) for row in self._database.rows(query)]

    def answer(self, experiment: str, recommendation_id: str) -> ArmAnswer | None:
        """The first answer of this name."""
        of = sa.and_(answered.c.experiment == experiment, answered.c.recommendation_id == recommendation_id)
        rows = self._database.rows(sa.select(answered).where(of).order_by(answered.c.at).limit(1))
        return ArmAnswer(*rows[0]) if rows else None

    def exposed_counts(self, experiment: str) -> dict[str, int]:
        """The numbers of units that were exposed to each variation."""
        query = sa.select(exposed.c.variation, sa.func.count()).where(exposed.c.experiment == experiment)
        return {row[0]: row[1] for row in self._database.rows(query.group_by(exposed.c.variation))}

    def crossed(self, experiment: str) -> int:
        """The number of units that got an answer first which another arm gave than they were exposed to."""
        same = sa.and_(exposed.c.experiment == answered.c.experiment, exposed.c.unit == answered.c.unit)
        other = sa.and_(answered.c.experiment == experiment, answered.c.variation != exposed.c.variation)
        both = answered.join(exposed, same)
        query = sa.select(sa.func.count(sa.distinct(answered.c.unit))).select_from(both).where(other)
        return int(self._database.value(query) or 0)

    def answer_counts(self, experiment: str) -> dict[str, int]:
        """The numbers of answers that each variation gave to those who take part."""
        query = sa.select(showings.c.variation, showings.c.times).where(showings.c.experiment == experiment)
        return {row.variation: row.times for row in self._database.rows(query)}


def _allocation(row: sa.Row[Any]) -> Allocation:
    return Allocation(row.experiment, row.since, row.at, {name: ArmAllocation(*arm) for name, arm in row.arms.items()})
