"""Remove what nothing uses: models of deleted solutions and recommenders, models and snapshots that newer ones have
replaced, and what an interrupted job left half written.

It runs alone, so nothing of this is being made meanwhile. A process that maps what goes keeps its pages; one
that is about to load it looks again for what took its place.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from engine.control.lifecycle import shown
from engine.engine import Engine
from engine.errors import NotFound
from engine.jobs.work import Work
from engine.records import DatasetGroupRecord, RecommenderRecord, Record, SolutionVersionRecord
from engine.serving.deployments import items_folder, model_arn, model_folder
from engine.storage.sql import snapshots

ALONE = True  # another job may be making what it removes


def run(work: Work) -> str:
    engine = work.engine
    gone = [*_unused_models(engine), *_unused_snapshots(engine)]
    for place, folder in enumerate(gone):
        work.progress(place / len(gone), folder.name)
        shutil.rmtree(folder, ignore_errors=True)
    return f"{len(gone)} folders removed"


def _unused_models(engine: Engine) -> Iterator[Path]:
    """Listed before what is used, so that a model which comes meanwhile is none of them."""
    folders = list((engine.settings.data_dir / "models").glob("*/*/*"))
    used = _used_models(engine)
    yield from (folder for folder in folders if folder not in used)


def _used_models(engine: Engine) -> set[Path]:
    """The folders of everything that is not gone, be it that it answers at present or not."""
    data_dir, used = engine.settings.data_dir, set()
    models: list[SolutionVersionRecord | RecommenderRecord] = engine.records.list(SolutionVersionRecord)
    models += engine.records.list(RecommenderRecord)
    for record in models:
        if _is_there(engine, record) and model_arn(record):
            uid = _uid(engine, record.dataset_group_arn)
            used |= {model_folder(data_dir, model_arn(record), uid), items_folder(data_dir, record, uid)}
    return used


def _unused_snapshots(engine: Engine) -> Iterator[Path]:
    """All but the one that workers read, of groups that have one; the group's own job sees to those of deleted ones."""
    folders = list((engine.settings.data_dir / "groups").glob("*/*"))
    used = {engine.settings.data_dir / row.path for row in engine.database.rows(sa.select(snapshots.c.path))}
    groups = {folder.parent for folder in used}
    yield from (folder for folder in folders if folder not in used and folder.parent in groups)


def _is_there(engine: Engine, record: Record) -> bool:
    return shown(record, engine.clock(), engine.settings.pending_s) is not None


def _uid(engine: Engine, group_arn: str) -> str:
    try:
        return engine.records.get(group_arn, DatasetGroupRecord).uid
    except NotFound:
        return ""
