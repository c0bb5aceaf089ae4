"""Remove what deleted dataset groups have left: log records, snapshots, models, and the state that workers hold."""

from __future__ import annotations

import sqlalchemy as sa

from engine.data.log import LogEntry
from engine.engine import Engine
from engine.impressions.showings import forget_shown
from engine.jobs.work import Work, hold, remove
from engine.queue.queue import Job
from engine.records import DatasetGroupRecord
from engine.storage.artifact_store import PARTS
from engine.storage.tables import snapshots
from engine.storage.writes import write

ALONE = True  # another job may learn from what it removes


def run(work: Work) -> str:
    engine = work.engine
    left = _left(engine)  # before the living are listed: a group made meanwhile is among them
    living = {group.uid for group in engine.records.list(DatasetGroupRecord) if group.deleted_at is None}
    gone = sorted(left - living)
    for uid in gone:
        _forget(work, uid)
    return f"{len(gone)} dataset groups forgotten"


def _left(engine: Engine) -> set[str]:
    """The uids of all groups that have data."""
    paths = (path for kind in PARTS for path in engine.store.paths(kind))
    published = engine.database.rows(sa.select(snapshots.c.grp))
    return {*(path.split("/")[1] for path in paths), *(row.grp for row in published), *engine.log.groups()}


def _forget(work: Work, uid: str) -> None:
    """Workers let go first; the folders go last, so that a job that was interrupted finds the group again."""
    remove(work, uid, _let_go(work.engine, work.job, uid))
    for kind in PARTS:
        work.engine.store.remove(f"{kind}/{uid}")


@write
def _let_go(engine: Engine, job: Job, uid: str) -> int:
    """The last sequence number that is forgotten."""
    with engine.database.write() as within:
        hold(engine, job, within)
        within.execute(sa.delete(snapshots).where(snapshots.c.grp == uid))
        forget_shown(within, uid)
        return engine.log.append_within(within, [LogEntry("", "forgotten", uid, b"")])
