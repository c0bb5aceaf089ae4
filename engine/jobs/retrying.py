"""Jobs that have failed, done again: as a new job about the same resource, which waits for it as it did at first."""

from __future__ import annotations

import msgspec

from engine.control.lifecycle import CREATE_PENDING
from engine.engine import Engine
from engine.errors import InUse, NotFound
from engine.queue.queue import Job
from engine.records import Record, SolutionVersionRecord, kind_of
from engine.storage.writes import write

REFUSED = "refused"
ENDED_BADLY = frozenset({"CREATE FAILED", "CREATE STOPPED"})


def has_failed(job: Job) -> bool:
    """True of a job that ended without what it was for; an import that refuses its file has done its work."""
    return job.state == "failed" or (job.state == "done" and job.message.startswith(REFUSED))


def retry_fault(engine: Engine, job: Job) -> str | None:
    """The reason why the job can't be done again; None where it can."""
    if not has_failed(job):
        return "It has not ended." if job.state in ("queued", "running") else "It is done."
    if find_resource(engine, job.arn) is None:
        return "What it was about is deleted."
    newest = engine.jobs.newest_of(job.kind, job.arn)
    if newest is not None and newest.id != job.id:
        return f"Job {newest.id} has tried it again."
    return None


def retry(engine: Engine, job_id: int) -> Job:
    """The new job. Raises `NotFound`, and `InUse` where it can't be done again."""
    job = engine.jobs.get(job_id)
    if job is None:
        raise NotFound(f"There is no job {job_id}.")
    if fault := retry_fault(engine, job):
        raise InUse(f"Job {job_id} can't be done again. {fault}")
    new = engine.jobs.get(enqueue_again(engine, job))
    assert new is not None  # jobs are never deleted
    return new


@write
def enqueue_again(engine: Engine, job: Job) -> int:
    with engine.database.write() as within:
        record = engine.records.get(job.arn, kind_of(job.arn), within)
        if record.status in ENDED_BADLY:
            engine.records.replace(as_at_first(record, engine.clock()), within)
        return engine.jobs.enqueue(job.kind, job.arn, within)


def find_resource(engine: Engine, arn: str) -> Record | None:
    try:
        record = engine.records.find(arn, kind_of(arn))
    except NotFound:
        return None
    return None if record is None or record.deleted_at is not None else record


def as_at_first(record: Record, now: float) -> Record:
    """The record as it was while it waited for its job."""
    changes = {"stopped_at": None} if isinstance(record, SolutionVersionRecord) else {}
    return msgspec.structs.replace(
        record, status=CREATE_PENDING, failure_reason=None, last_updated_date_time=round(now, 3), **changes
    )
