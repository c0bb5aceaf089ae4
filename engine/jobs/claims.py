"""Claims of jobs: which may start, what runners write to the queue (see `engine.queue.queue`), taking a job back.

A machine that answers has two lanes: one long job and one short one run at a time, so that what takes seconds does not
wait for half an hour. Two long ones at once would take the memory and the cores that answering needs. Which lane a job
is in follows from what is known before it starts: the recipe and the rows of its data, or the bytes of its files.

A worker has as many places as it was given instead. What must run alone runs alone of all machines.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.engine import Engine
from engine.errors import InUse, NotFound
from engine.feed.directory import Directory
from engine.jobs.kinds import ALONE, CANCELLATIONS, SECONDS
from engine.jobs.work import CANCELLED, Work
from engine.queue.owner import COMMAND, WORKER, Owner
from engine.queue.queue import Job
from engine.recipe import Progress, silent
from engine.storage.writes import write

LONG_S = 60.0


class Capacity(msgspec.Struct, frozen=True):
    """The jobs that a process takes."""

    kinds: tuple[str, ...] | None = None  # None: all
    places: int = 0  # for so many at once; 0: one in each lane


@write
def claim(engine: Engine, owner: str, capacity: Capacity) -> Job | None:
    return engine.jobs.claim(owner, Lanes(engine, owner, capacity).fits)


@write
def claim_beside(engine: Engine, owner: str, capacity: Capacity) -> Job | None:
    """A short one, while a long one runs."""
    return engine.jobs.claim(owner, Lanes(engine, owner, capacity).beside)


@write
def seize(engine: Engine, job_id: int, owner: str) -> Job | None:
    return engine.jobs.seize(job_id, owner)


@write
def renew(engine: Engine, job: Job) -> None:
    engine.jobs.renew(job)


@write
def beat(engine: Engine, job: Job, fraction: float, message: str) -> bool:
    return engine.jobs.beat(job, fraction, message)


@write
def finish(engine: Engine, job: Job, state: str, message: str) -> bool:
    return engine.jobs.finish(job, state, message)


@write
def requeue(engine: Engine, job: Job) -> bool:
    return engine.jobs.requeue(job)


@write
def enqueue_once(engine: Engine, kind: str, arn: str) -> None:
    engine.jobs.enqueue_once(kind, arn)


class Lanes:
    """The lanes or places of the owner's machine or worker; without an owner, of the machine that asks."""

    def __init__(self, engine: Engine, owner: str = "", capacity: Capacity | None = None) -> None:
        self._engine, self._capacity = engine, capacity or Capacity()
        self._place = _place_of(owner or str(Owner.here(COMMAND, "")))
        self._long: dict[int, bool] = {}  # by job's id, of those that are unfinished

    def fits(self, job: Job, running: Sequence[Job]) -> bool:
        """True where a job may start beside those that run."""
        kinds, places = self._capacity.kinds, self._capacity.places
        if kinds is not None and job.kind not in kinds:
            return False
        if running and ALONE & {job.kind, *(each.kind for each in running)}:
            return False
        near = self._near(running)
        if places:
            return len(near) < places
        return not near or (len(near) == 1 and self.is_long(job) != self.is_long(near[0]))

    def beside(self, job: Job, running: Sequence[Job]) -> bool:
        """True for a short job that may start beside a long one that runs."""
        return bool(self._near(running)) and not self.is_long(job) and self.fits(job, running)

    def _near(self, running: Sequence[Job]) -> list[Job]:
        """The jobs of the same machine or worker; an owner of an earlier release may be anywhere."""
        return [job for job in running if _place_of(job.owner) in ("", self._place)]

    def is_long(self, job: Job) -> bool:
        if job.id not in self._long:
            if len(self._long) > 1_000:
                self._long.clear()
            self._long[job.id] = self._seconds(job) > LONG_S
        return self._long[job.id]

    def _seconds(self, job: Job) -> float:
        estimate = SECONDS.get(job.kind)
        return 0.0 if estimate is None else estimate(self._engine, job)


def _place_of(owner: str) -> str:
    """The machine, or the worker, that a job's owner is of; "" where that can't be told."""
    parsed = Owner.of(owner)
    if parsed is None:
        return ""
    return parsed.process if parsed.role == WORKER else parsed.machine


def work_of(engine: Engine, job: Job, progress: Progress = silent) -> Work:
    return Work(engine, job, progress, Directory(engine.records))


def cancel(engine: Engine, job_id: int, reason: str = CANCELLED) -> Job:
    """The job as it was. Its runner, should it be at work, finds out at its next step and publishes nothing.

    A solution version is CREATE STOPPED then, any other resource has failed, for this reason. Raises `NotFound`, and
    `InUse` where the job has ended.
    """
    before = engine.jobs.get(job_id)
    if before is None:
        raise NotFound(f"There is no job {job_id}.")
    job = seize(engine, job_id, str(Owner.here(COMMAND, engine.new_id()[:8])))
    if job is None:
        raise InUse(f"Job {job_id} has ended: it is {before.state}.")
    show = CANCELLATIONS.get(job.kind)
    try:
        if show is not None:
            show(work_of(engine, job), reason)
    except NotFound:
        pass  # the resource is deleted
    finish(engine, job, "failed", reason)
    return before
