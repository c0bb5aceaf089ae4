"""Take a job back: from whoever works on it, and from its resource, which says that it was cancelled."""

from __future__ import annotations

from engine.engine import Engine
from engine.errors import InUse, NotFound
from engine.feed.directory import Directory
from engine.jobs import claims
from engine.jobs.kinds import CANCELLATIONS
from engine.jobs.work import CANCELLED, Work
from engine.queue.owner import COMMAND, Owner
from engine.queue.queue import Job
from engine.recipe import Progress, silent


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
    job = claims.seize(engine, job_id, str(Owner.here(COMMAND, engine.new_id()[:8])))
    if job is None:
        raise InUse(f"Job {job_id} has ended: it is {before.state}.")
    show = CANCELLATIONS.get(job.kind)
    try:
        if show is not None:
            show(work_of(engine, job), reason)
    except NotFound:
        pass  # the resource is deleted
    claims.finish(engine, job, "failed", reason)
    return before
