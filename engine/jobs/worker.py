"""A worker: as many runners as it has places, in one process of any machine that reaches the database and the storage.

It takes jobs and nothing else: schedules and the counting for metric attributions are left to the servers.
"""

from __future__ import annotations

import logging
import threading
import time

import sqlalchemy as sa

from engine.engine import Engine
from engine.errors import InvalidInput, Unavailable
from engine.jobs.claims import Capacity
from engine.jobs.kinds import KINDS
from engine.jobs.runner import BEAT_S, Runner, repeat
from engine.queue.owner import WORKER, Owner
from engine.queue.workers import WorkerEntry
from engine.storage.tables import snapshots

log = logging.getLogger(__name__)

STOP_S = 5.0  # for a step of a job to end after the worker was told to


class WorkerPool:
    def __init__(self, engine: Engine, capacity: Capacity, host: str) -> None:
        """Raises `InvalidInput` where there is no such kind of job, or the engine's data is not here."""
        unknown = sorted(set(capacity.kinds or ()) - set(KINDS))
        if unknown:
            raise InvalidInput(
                f"There are no jobs of the kind {', '.join(unknown)}. Kinds: {', '.join(sorted(KINDS))}."
            )
        _check_data(engine)
        self._engine = engine
        self._runners = [Runner(engine, WORKER, capacity) for _ in range(capacity.places)]
        self._threads = [threading.Thread(target=each.run_jobs, name="runner", daemon=True) for each in self._runners]
        kinds = ", ".join(capacity.kinds or ())
        self._entry = WorkerEntry(name=Owner.here(WORKER, "").process, host=host, kinds=kinds, places=capacity.places)
        self._end = threading.Event()
        beating = (self._end, BEAT_S, self._beat, "the worker's heartbeat can't be written")
        self._threads.append(threading.Thread(target=repeat, args=beating, name="worker-heart", daemon=True))

    def start(self) -> None:
        """Raises `Unavailable` where the database can't be written to."""
        self._beat()
        for thread in self._threads:
            thread.start()

    def stop(self) -> bool:
        """Puts back the jobs under way, and ends; False where a step of one takes too long to wait for."""
        self._end.set()
        try:
            for runner in self._runners:
                runner.put_back()
            self._engine.workers.leave(self._entry.name)
        except Unavailable as error:  # its heartbeat stands still: others take the jobs over
            log.warning("jobs under way are left to their heartbeat: %s", error.message)
        deadline = time.monotonic() + STOP_S
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0.0))
        return not any(thread.is_alive() for thread in self._threads)

    def _beat(self) -> None:
        self._engine.workers.beat(self._entry)


def _check_data(engine: Engine) -> None:
    """Raises `InvalidInput` where the servers keep their snapshots in another folder."""
    paths = [row.path for row in engine.database.rows(sa.select(snapshots.c.path))]
    if engine.settings.storage_url or not paths:
        return
    if not any((engine.settings.data_dir / path).exists() for path in paths):
        raise InvalidInput(
            f"{engine.settings.data_dir} is not the data directory of the servers: none of their snapshots is in it. "
            "Share their directory with this machine and name it by --data, or set RECGATE_STORAGE_URL for all."
        )
