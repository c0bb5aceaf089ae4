"""Remove what nothing uses: models of deleted solutions and recommenders, models and snapshots that newer ones have
replaced, files of imports that failed a day ago, and what an interrupted job left half written.

It runs alone, so nothing of this is being made meanwhile. A process that maps what goes keeps its pages; one
that is about to load it looks again for what took its place.
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from engine.backups.in_use import waiting_uploads
from engine.control.lifecycle import shown
from engine.engine import Engine
from engine.errors import NotFound
from engine.jobs.work import Work
from engine.records import DatasetGroupRecord, RecommenderRecord, Record, SolutionVersionRecord
from engine.serving.deployments import items_path, model_arn, own_path
from engine.storage.tables import snapshots
from engine.storage.uploads import old_uploads

ALONE = True  # another job may be making what it removes


def run(work: Work) -> str:
    engine = work.engine
    gone = [*_unused_models(engine), *_unused_snapshots(engine), *_unused_uploads(engine)]
    for place, path in enumerate(gone):
        work.progress(place / len(gone), path.rpartition("/")[2])
        work.check()  # else another job may be making it
        engine.store.remove(path)
    return f"{len(gone)} folders removed"


def _unused_models(engine: Engine) -> Iterator[str]:
    """Listed before what is used, so that a model which comes meanwhile is none of them."""
    paths = engine.store.paths("models")
    used = _used_models(engine)
    yield from (path for path in paths if path not in used)


def _used_models(engine: Engine) -> set[str]:
    """The paths of everything that is not gone, be it that it answers at present or not."""
    used: set[str] = set()
    models: list[SolutionVersionRecord | RecommenderRecord] = engine.records.list(SolutionVersionRecord)
    models += engine.records.list(RecommenderRecord)
    for record in models:
        if _is_there(engine, record) and model_arn(record):
            uid = _uid(engine, record.dataset_group_arn)
            used |= {own_path(record, uid), items_path(record, uid)}
    return used


def _unused_snapshots(engine: Engine) -> Iterator[str]:
    """All but the one that workers read, of groups that have one, and what the jobs of deleted ones have left."""
    paths = engine.store.paths("groups")
    used = {row.path for row in engine.database.rows(sa.select(snapshots.c.path))}
    groups = {path.split("/")[1] for path in used}
    living = {group.uid for group in engine.records.list(DatasetGroupRecord) if group.deleted_at is None}
    unpublished = living - groups
    yield from (path for path in paths if path not in used and path.split("/")[1] not in unpublished)


def _unused_uploads(engine: Engine) -> Iterator[str]:
    """Those that no import waits for, a day later: one that is being sent has no import yet."""
    paths = engine.store.paths("uploads")
    yield from old_uploads(paths, waiting_uploads(engine.records), engine.clock())


def _is_there(engine: Engine, record: Record) -> bool:
    return shown(record, engine.clock(), engine.settings.pending_s) is not None


def _uid(engine: Engine, group_arn: str) -> str:
    try:
        return engine.records.get(group_arn, DatasetGroupRecord).uid
    except NotFound:
        return ""
