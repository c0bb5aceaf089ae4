"""The snapshots and models that a database's records name, and how one is copied from store to store."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa

from engine.control.lifecycle import ACTIVE, BUSY
from engine.records import (
    DatasetGroupRecord,
    DatasetImportJobRecord,
    RecommenderRecord,
    Records,
    SolutionVersionRecord,
)
from engine.serving.deployments import items_path, model_arn, own_path
from engine.storage.artifact_store import ArtifactStore
from engine.storage.manifest import MANIFEST, ManifestFile, described
from engine.storage.sql import Database
from engine.storage.tables import snapshots
from engine.storage.uploads import upload_at


def used_paths(database: Database) -> list[str]:
    """The paths of everything that a server would load, or a job start from."""
    records = Records(database)
    groups = {each.arn: each.uid for each in records.list(DatasetGroupRecord) if each.deleted_at is None}
    used = {row.path for row in database.rows(sa.select(snapshots.c.path))}
    models: list[SolutionVersionRecord | RecommenderRecord] = records.list(SolutionVersionRecord)
    models += records.list(RecommenderRecord)
    for model in models:
        uid = groups.get(model.dataset_group_arn)
        if uid is not None and model.deleted_at is None and model.status == ACTIVE and model_arn(model):
            used |= {own_path(model, uid), items_path(model, uid)}
    return sorted(used | waiting_uploads(records))


def waiting_uploads(records: Records) -> set[str]:
    """The paths of uploaded files whose import has not ended."""
    waiting = (each for each in records.list(DatasetImportJobRecord) if each.status in BUSY)
    uploads = (upload_at(str(each.data_source["dataLocation"])) for each in waiting)
    return {upload.path for upload in uploads if upload is not None}


def copy_folder(
    source: ArtifactStore, target: ArtifactStore, path: str, expected: Sequence[ManifestFile] | None = None
) -> tuple[ManifestFile, ...]:
    """Copies a folder whole; its files, as they are there then. Raises `FileNotFoundError` where it has gone, `Damaged`
    where a file is not as `expected`."""
    folder = source.fetch(path)
    names = [file for file in sorted(folder.rglob("*")) if file.is_file() and file.name != MANIFEST]
    files = tuple(described(file, folder, path, None) for file in names) if expected is None else tuple(expected)
    with target.whole(path) as partial:
        shutil.copytree(folder, partial, dirs_exist_ok=True, ignore=shutil.ignore_patterns(MANIFEST))
        for each in files:
            each.check(partial, f"{path}/{each.name}")
        if not folder.is_dir():  # who removes it has begun with its files
            raise FileNotFoundError(folder)
    return files


def is_whole(store: ArtifactStore, path: str, expected: Sequence[ManifestFile]) -> bool:
    """True where these files, as they were written, are on this machine already."""
    folder: Path | None = store.local(path)
    if folder is None:
        return False
    found = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
    return all(
        each.name in found and described(found[each.name], folder, path, None).sha256 == each.sha256
        for each in expected
    )
