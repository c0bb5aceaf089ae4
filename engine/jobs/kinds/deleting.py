"""A data deletion job: the users of a CSV, or those that it names, leave the group's data, snapshots and log
(specification §2.6)."""

from __future__ import annotations

from engine.data import entries
from engine.data.columns import Labels
from engine.data.compaction import compact
from engine.data.importer import import_files
from engine.data.log import LogEntry
from engine.data.schema import Field, Schema
from engine.data.source import SourceLimits, open_source
from engine.engine import Engine
from engine.errors import EngineError, InvalidInput
from engine.impressions.showings import forget_shown
from engine.jobs.group_data import kinds_of
from engine.jobs.work import Work, hold, undisturbed
from engine.queue.queue import Job
from engine.recipe import stretch
from engine.records import DataDeletionJobRecord, DatasetGroupRecord
from engine.storage.writes import write

MAX_BYTES = 100 << 20
NAMES_A_RECORD = 5_000
RECORDS_AT_ONCE = 20  # of one transaction: events wait for it
USERS = Schema("Users", "USERS", (Field(name="USER_ID", type="string"),))
ALONE = True  # another job may learn from what it removes


def run(work: Work) -> str:
    job = work.engine.records.get(work.arn, DataDeletionJobRecord)
    if job.status == "COMPLETED":
        return "deleted before its process ended"
    job = work.change(job, status="IN_PROGRESS")
    try:
        return _delete(work, job)
    except EngineError as error:
        failed(work, error.message)
        raise


def failed(work: Work, reason: str) -> None:
    work.fail(reason, "FAILED")


def _delete(work: Work, job: DataDeletionJobRecord) -> str:
    """Workers stop using the users' data when they read the log; publishing removes it from the disk."""
    group = work.directory.get(job.dataset_group_arn, DatasetGroupRecord)
    names = _named(work, job)
    work.progress(0.4, f"deleting {len(names):,} users")
    count = work.state(group).erase(names)
    parts = (names[start : start + NAMES_A_RECORD] for start in range(0, len(names), NAMES_A_RECORD))
    records = [entries.encode(entries.Erased(part)) for part in parts]
    for start in range(0, len(records), RECORDS_AT_ONCE):
        _append(work.engine, work.job, group.uid, records[start : start + RECORDS_AT_ONCE])
    undisturbed(lambda: _publish(work, group, count))
    return f"{count:,} records of {len(names):,} users"


def _publish(work: Work, group: DatasetGroupRecord, count: int) -> None:
    state = work.state(group)
    work.progress(0.7, "making the snapshot")
    snapshot = compact(state, kinds_of(work, group))
    work.publish(state, snapshot, status="COMPLETED", num_deleted=count, users=())


@write
def _append(engine: Engine, job: Job, uid: str, bodies: list[bytes]) -> None:
    with engine.database.write() as within:
        hold(engine, job, within)
        engine.log.append_within(within, [LogEntry(uid, "erased", "", body) for body in bodies])
        for body in bodies:
            forget_shown(within, uid, entries.read_erased(body).users)


def _named(work: Work, job: DataDeletionJobRecord) -> tuple[str, ...]:
    if job.users:
        return job.users
    settings = work.engine.settings
    limit = MAX_BYTES if settings.quotas == "aws" else None
    location = job.data_source["dataLocation"]
    limits = SourceLimits(max_bytes=limit)
    source = open_source(location, allow_file_urls=settings.allow_file_urls, limits=limits, depth="deep")
    imported = import_files(source, USERS, stretch(work.progress, 0.0, 0.4))
    reason = imported.report.failure_reason()
    if reason is not None:
        raise InvalidInput(reason)
    users = imported.rows["USER_ID"]
    assert isinstance(users, Labels)
    return tuple(users.names)
