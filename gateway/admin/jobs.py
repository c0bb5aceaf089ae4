"""Jobs: the newest with their progress, why one failed, whether it can be cancelled or done again; and schedules."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

from engine import Engine, Job, Owner, has_failed, retry_fault
from gateway.admin.view import View

JobState = Literal["queued", "running", "interrupted", "done", "failed", "cancelled"]
READ = 500  # the newest jobs that a choice is made from
MOST = 200
CANCELLED = "cancelled"
UNFINISHED = ("queued", "running", "interrupted")


class JobOwner(View, frozen=True, kw_only=True):
    """The process that does a job; `role` is server, command or worker."""

    role: str
    pid: int
    here: bool


class JobView(View, frozen=True, kw_only=True):
    """`group` is the dataset group's name. `why` says in plain words why it failed or was cancelled."""

    id: int
    kind: str
    title: str
    arn: str
    group: str
    state: JobState
    fraction: float
    message: str
    attempts: int
    created_at: float
    started_at: float | None
    ended_at: float | None
    seconds: float | None
    forecast: str
    owner: JobOwner | None
    why: str | None
    can_cancel: bool
    can_retry: bool
    can_retry_why: str | None


class JobDetail(JobView, frozen=True, kw_only=True):
    """A job with its import's account of rows, and its resource's reason for a failure."""

    report: dict[str, Any] | None
    failure_reason: str | None


class ScheduleView(View, frozen=True, kw_only=True):
    arn: str
    name: str
    every_days: int
    next_at: float


class JobsView(View, frozen=True, kw_only=True):
    at: float
    jobs: list[JobView]
    schedules: list[ScheduleView]


def jobs(
    engine: Engine,
    groups: Collection[str] | None = None,
    *,
    limit: int = 50,
    state: str | None = None,
    kind: str | None = None,
) -> JobsView:
    """The newest jobs of these dataset groups, by ARN; None: of all."""
    shown: list[JobView] = []
    for job in engine.jobs.newest(READ):
        if len(shown) == min(limit, MOST):
            break
        if kind in (None, job.kind) and state in (None, state_of(engine, job)) and is_in(engine, job, groups):
            shown.append(job_view(engine, job))
    schedules = [
        ScheduleView(arn=each.arn, name=name_of(each.arn), every_days=each.days, next_at=each.next_at)
        for each in engine.resources.schedules()
        if groups is None or engine.resources.group_of(each.arn) in groups
    ]
    return JobsView(at=engine.clock(), jobs=shown, schedules=schedules)


def is_in(engine: Engine, job: Job, groups: Collection[str] | None) -> bool:
    return groups is None or engine.resources.group_of(job.arn) in groups


def job_detail(engine: Engine, job: Job) -> JobDetail:
    report = engine.resources.import_report(job.arn) if job.kind == "importing" and not is_gone(engine, job) else None
    view = job_view(engine, job)
    fields = {name: getattr(view, name) for name in view.__struct_fields__}
    return JobDetail(**fields, report=report or None, failure_reason=engine.resources.failure_reason(job.arn))


def is_gone(engine: Engine, job: Job) -> bool:
    return engine.resources.group_of(job.arn) == ""


def job_view(engine: Engine, job: Job) -> JobView:
    state, owner, fault = state_of(engine, job), Owner.of(job.owner), retry_fault(engine, job)
    end = job.ended or engine.clock()
    return JobView(
        id=job.id,
        kind=job.kind,
        title=f"{job.kind} {name_of(job.arn)}",
        arn=job.arn,
        group=name_of(engine.resources.group_of(job.arn)).rpartition("/")[2],
        state=state,
        fraction=job.fraction,
        message=job.message,
        attempts=job.attempts,
        created_at=job.created,
        started_at=job.started or None,
        ended_at=job.ended or None,
        seconds=end - job.started if job.started else None,
        forecast=engine.resources.forecast(job.arn) if ":solution/" in job.arn else "",
        owner=None if owner is None else JobOwner(role=owner.role, pid=owner.pid, here=is_here(owner)),
        why=why(job, state),
        can_cancel=state in UNFINISHED,
        can_retry=fault is None,
        can_retry_why=fault,
    )


def state_of(engine: Engine, job: Job) -> JobState:
    """An interrupted job is taken over by whoever looks for work next."""
    match job.state:
        case "running":
            return "running" if engine.jobs.is_held(job) else "interrupted"
        case "failed":
            return "cancelled" if job.message.startswith(CANCELLED) else "failed"
        case "done":
            return "failed" if has_failed(job) else "done"
        case _:
            return "queued"


def why(job: Job, state: JobState) -> str | None:
    match state:
        case "failed":
            said_nothing = "It failed and said nothing; the server's log has it."
            return job.message.removeprefix("refused: ") or said_nothing
        case "cancelled":
            return "Somebody took it back."
        case "interrupted":
            return "Its process has ended; whoever looks for work next takes it over."
        case _:
            return None


def is_here(owner: Owner) -> bool:
    return owner.machine == Owner.here(owner.role, "").machine


def name_of(arn: str) -> str:
    """The kind and name of a resource, as its ARN ends."""
    return arn.rpartition(":")[2]
