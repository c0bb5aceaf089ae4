"""Jobs waiting, running and done, in SQL: claimed by one runner at a time, taken over when a runner has died.

Whether a runner lives its machine knows: see `engine.queue.owner`. From elsewhere, and of one that is stopped, its
heartbeat tells, by the database's clock: machines have clocks of their own.

Each claim is a lease with a number, which grows with every claim of the job. Whoever had an earlier lease can change
nothing any more, however late it comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from engine.queue.owner import Owner
from engine.storage.sql import Database
from engine.storage.tables import jobs

ALIVE_S = 10.0  # a runner elsewhere, or one that is stopped, that has not been heard of for so long is dead
HUNG_S = 300.0  # the same of one whose process is seen running: on a busy machine it may be silent for long
UNFINISHED = jobs.c.state.in_(("queued", "running"))
UNFINISHED_JOBS = sa.select(jobs).where(UNFINISHED).order_by(jobs.c.id)
ATTEMPTS = 3  # a job that killed its runner so often is not tried again
TURN = 7240  # of claims: each sees what the one before has started


class Job(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    kind: str  # a module of engine/jobs/kinds
    arn: str
    state: str  # queued | running | done | failed
    attempts: int
    owner: str
    lease: int  # the number of its claim
    heartbeat: float
    fraction: float  # 0..1
    message: str
    created: float
    started: float
    ended: float
    silent_s: float = 0.0  # since its heartbeat, when it was read


Fits = Callable[[Job, Sequence[Job]], bool]  # a job that waits, those that run: whether it may start beside them


class Queue:
    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database, self._clock = database, clock

    def enqueue(self, kind: str, arn: str, within: sa.Connection | None = None) -> int:
        values = {"kind": kind, "arn": arn, "created": self._clock()}
        if within is not None:
            return int(within.execute(sa.insert(jobs).values(values).returning(jobs.c.id)).scalar_one())
        with self._database.write() as connection:
            return self.enqueue(kind, arn, connection)

    def enqueue_once(self, kind: str, arn: str) -> None:
        """Unless the same waits or runs already."""
        same = sa.and_(jobs.c.kind == kind, jobs.c.arn == arn, UNFINISHED)
        with self._database.write() as connection:
            self._database.wait_turn(connection, TURN)
            if connection.execute(sa.select(jobs.c.id).where(same).limit(1)).first() is None:
                self.enqueue(kind, arn, connection)

    def is_claimable(self, fits: Fits) -> bool:
        """True if a claim could succeed: a look without the write lock."""
        return self._next(self.unfinished_jobs(), fits) is not None

    def claim(self, owner: str, fits: Fits = lambda job, running: not running) -> Job | None:
        """The oldest job that nobody works on and that fits beside those that run, now this owner's."""
        with self._database.write() as connection:
            self._database.wait_turn(connection, TURN)
            job = self._next(self._jobs(connection, UNFINISHED_JOBS), fits)
            if job is None:
                return None
            as_seen = [getattr(jobs.c, name) == getattr(job, name) for name in ("id", "state", "lease", "heartbeat")]
            return self._lease(connection, sa.and_(*as_seen), owner, job.attempts + 1)

    def _next(self, unfinished: list[Job], fits: Fits) -> Job | None:
        running = [job for job in unfinished if self.is_held(job)]
        return next((job for job in unfinished if job not in running and fits(job, running)), None)

    # ---- what a job's owner says of it; False when the job is its no longer: cancelled, or taken over

    def beat(self, job: Job, fraction: float, message: str) -> bool:
        """It is alive."""
        return self._change(job, heartbeat=self._now(), fraction=fraction, message=message)

    def finish(self, job: Job, state: str, message: str) -> bool:
        """It is done, or failed."""
        fraction = {"fraction": 1.0} if state == "done" else {}
        return self._change(job, state=state, message=message, ended=self._now(), **fraction)

    def requeue(self, job: Job) -> bool:
        """It was not to blame for its end, and goes back."""
        return self._change(job, state="queued", owner="", attempts=job.attempts - 1, message="waiting")

    def holds(self, job: Job, within: sa.Connection) -> bool:
        """True where the job is its owner's still, and stays so until the caller's transaction ends."""
        return within.execute(sa.select(jobs.c.id).where(_held(job)).with_for_update()).first() is not None

    def is_still_held(self, job: Job) -> bool:
        """True where the job is its owner's at this moment."""
        return self._database.value(sa.select(jobs.c.id).where(_held(job))) is not None

    def _change(self, job: Job, **values: object) -> bool:
        with self._database.write() as connection:
            return connection.execute(sa.update(jobs).where(_held(job)).values(values)).rowcount == 1

    def seize(self, job_id: int, owner: str) -> Job | None:
        """A job taken from whoever works on it, or from among those that wait, as its first attempt; None where it has
        ended."""
        with self._database.write() as connection:
            return self._lease(connection, sa.and_(jobs.c.id == job_id, UNFINISHED), owner, 1)

    def _lease(self, connection: sa.Connection, which: sa.ColumnElement[bool], owner: str, attempts: int) -> Job | None:
        """The next lease of a job, for this owner; None where there is no such job any more."""
        now = self._now()
        changes: dict[str, object] = {"state": "running", "owner": owner, "lease": jobs.c.lease + 1, "heartbeat": now}
        changes |= {"attempts": attempts, "started": sa.case((jobs.c.started == 0, now), else_=jobs.c.started)}
        row = connection.execute(sa.update(jobs).where(which).values(changes).returning(*jobs.c)).mappings().first()
        return None if row is None else Job(**row)

    def renew(self, job: Job) -> None:
        """Somebody asked for it again: its attempts count from here."""
        same = sa.and_(jobs.c.id == job.id, jobs.c.owner == job.owner)
        with self._database.write() as connection:
            connection.execute(sa.update(jobs).where(same).values(attempts=0))

    def cancel(self, arn: str, within: sa.Connection) -> None:
        """Forget the jobs of a resource that is deleted."""
        unfinished = sa.and_(jobs.c.arn == arn, UNFINISHED)
        values = {"state": "failed", "message": "cancelled", "ended": self._clock()}
        within.execute(sa.update(jobs).where(unfinished).values(values))

    def unfinished(self, arn: str, within: sa.Connection) -> bool:
        """True where a job about a resource waits or runs, as of the caller's transaction."""
        waits = sa.and_(jobs.c.arn == arn, UNFINISHED)
        return within.execute(sa.select(jobs.c.id).where(waits).limit(1)).first() is not None

    def is_held(self, job: Job) -> bool:
        """True where its runner lives."""
        if job.state != "running":
            return False
        owner = Owner.of(job.owner)
        condition = "unknown" if owner is None else owner.condition()
        if condition == "running":
            return job.silent_s <= HUNG_S
        return condition != "gone" and job.silent_s <= ALIVE_S

    def runner_alive(self) -> bool:
        """True where a job is running under a runner that lives."""
        return any(self.is_held(job) for job in self._read(sa.select(jobs).where(jobs.c.state == "running")))

    def unfinished_jobs(self) -> list[Job]:
        """The jobs that wait and run, the oldest first."""
        return self._read(UNFINISHED_JOBS)

    def get(self, job_id: int) -> Job | None:
        return next(iter(self._read(sa.select(jobs).where(jobs.c.id == job_id))), None)

    def newest_of(self, kind: str, arn: str) -> Job | None:
        """The last job of a kind about a resource."""
        query = sa.select(jobs).where(jobs.c.kind == kind, jobs.c.arn == arn).order_by(jobs.c.id.desc()).limit(1)
        return next(iter(self._read(query)), None)

    def newest(self, limit: int = 20) -> list[Job]:
        return self._read(sa.select(jobs).order_by(jobs.c.id.desc()).limit(limit))

    def _read(self, query: sa.Select[Any]) -> list[Job]:
        with self._database.read() as connection:
            return self._jobs(connection, query)

    def _jobs(self, connection: sa.Connection, query: sa.Select[Any]) -> list[Job]:
        silent_s = (self._now() - jobs.c.heartbeat).label("silent_s")
        return [Job(**row) for row in connection.execute(query.add_columns(silent_s)).mappings()]

    def _now(self) -> sa.ColumnElement[float]:
        return self._database.now(self._clock)


def _held(job: Job) -> sa.ColumnElement[bool]:
    mine = sa.and_(jobs.c.id == job.id, jobs.c.owner == job.owner, jobs.c.lease == job.lease)
    return sa.and_(mine, jobs.c.state == "running")
