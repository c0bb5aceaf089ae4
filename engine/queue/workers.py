"""Workers of other machines, in SQL: each says again and again that it lives, by the database's clock."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import sqlalchemy as sa

from engine.storage.sql import Database
from engine.storage.tables import workers

FORGOTTEN_S = 3600.0  # a worker that has been silent for so long is shown no more


class WorkerEntry(msgspec.Struct, frozen=True, kw_only=True):
    name: str  # its process, as `Owner.process` has it
    host: str
    kinds: str  # of jobs, those that it takes; "": all
    places: int  # for so many at once
    started: float = 0.0
    heartbeat: float = 0.0
    silent_s: float = 0.0  # since its heartbeat, when it was read


class WorkerRegister:
    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database, self._clock = database, clock

    def beat(self, entry: WorkerEntry) -> None:
        """It is alive; and workers that were forgotten by everyone go."""
        now = self._database.now(self._clock)
        values = {"host": entry.host, "kinds": entry.kinds, "places": entry.places, "heartbeat": now}
        with self._database.write() as connection:
            insert = self._database.insert(workers).values(name=entry.name, started=now, **values)
            connection.execute(insert.on_conflict_do_update(index_elements=[workers.c.name], set_=values))
            connection.execute(sa.delete(workers).where(workers.c.heartbeat < now - FORGOTTEN_S))

    def leave(self, name: str) -> None:
        with self._database.write() as connection:
            connection.execute(sa.delete(workers).where(workers.c.name == name))

    def all(self) -> list[WorkerEntry]:
        """The oldest first."""
        silent_s = (self._database.now(self._clock) - workers.c.heartbeat).label("silent_s")
        query = sa.select(workers, silent_s).order_by(workers.c.started, workers.c.name)
        return [WorkerEntry(**row._mapping) for row in self._database.rows(query)]
