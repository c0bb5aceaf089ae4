"""Writes of runners to the queue of jobs (see `engine.queue.queue`), done by the process that writes for theirs."""

from __future__ import annotations

from engine.engine import Engine
from engine.jobs.lanes import Lanes
from engine.queue.queue import Job
from engine.storage.writes import write


@write
def claim(engine: Engine, owner: str) -> Job | None:
    return engine.jobs.claim(owner, Lanes(engine).fits)


@write
def claim_beside(engine: Engine, owner: str) -> Job | None:
    """A short one, while a long one runs."""
    return engine.jobs.claim(owner, Lanes(engine).beside)


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
