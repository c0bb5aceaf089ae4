"""Two lanes: one long job and one short one run at a time, so that what takes seconds does not wait for half an hour.

Two long ones at once would take the memory and the cores that answering needs. Which lane a job is in follows from what
is known before it starts: the recipe and the rows of its data, or the bytes of its files.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.engine import Engine
from engine.jobs.kinds import ALONE, SECONDS
from engine.queue.queue import Job

LONG_S = 60.0


class Lanes:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._long: dict[int, bool] = {}  # by job's id, of those that are unfinished

    def fits(self, job: Job, running: Sequence[Job]) -> bool:
        """True where a job may start beside those that run."""
        if not running:
            return True
        if len(running) > 1 or ALONE & {job.kind, running[0].kind}:
            return False
        return self.is_long(job) != self.is_long(running[0])

    def beside(self, job: Job, running: Sequence[Job]) -> bool:
        """True for a short job that may start beside a long one that runs."""
        return bool(running) and not self.is_long(job) and self.fits(job, running)

    def is_long(self, job: Job) -> bool:
        if job.id not in self._long:
            if len(self._long) > 1_000:
                self._long.clear()
            self._long[job.id] = self._seconds(job) > LONG_S
        return self._long[job.id]

    def _seconds(self, job: Job) -> float:
        estimate = SECONDS.get(job.kind)
        return 0.0 if estimate is None else estimate(self._engine, job)
