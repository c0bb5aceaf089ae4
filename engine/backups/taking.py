"""A backup is taken while servers go on: a copy of the database as of one moment, and the folders that it names."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa

from engine.backups.in_use import copy_folder, used_paths
from engine.backups.place import DATABASE, Backup, BackupPlace
from engine.errors import Unavailable
from engine.examination import database_file
from engine.settings import Settings
from engine.storage import copying
from engine.storage.artifact_store import ArtifactStore, FolderStore, open_artifacts
from engine.storage.manifest import ManifestFile
from engine.storage.sql import Database
from engine.storage.tables import log
from engine.storage.watermark import read_only

TRIES = 5
Progress = Callable[[float, str], None]  # the fraction that is done, and of what


def back_up(
    settings: Settings, place: str, progress: Progress, *, keep: int = 0, clock: Callable[[], float] = time.time
) -> Backup:
    """Adds a backup to the place; `keep`: of all there, only so many newest stay (0: all).

    Raises `InvalidInput` where it is no place, `Unavailable` where something can't be read or written.
    """
    with working_folder(settings.data_dir) as work:
        to = BackupPlace(place, work)
        source = open_artifacts(settings.storage_url, settings.data_dir, settings.storage_cache_bytes, clock)
        known = {path: files for backup in to.backups() for path, files in backup.folders.items()}
        for attempt in range(1, TRIES + 1):
            try:
                backup = _taken(settings, to, source, known, progress, clock)
                break
            except FileNotFoundError as error:  # replaced by a newer one after the database was copied
                if attempt == TRIES:
                    raise Unavailable(
                        f"{error.filename or error} is missing; recgate check says what is whole"
                    ) from error
        to.add(backup)
        if keep:
            to.keep(keep)
    return backup


def _taken(
    settings: Settings,
    to: BackupPlace,
    source: ArtifactStore,
    known: dict[str, tuple[ManifestFile, ...]],
    progress: Progress,
    clock: Callable[[], float],
) -> Backup:
    taken_at, there = clock(), to.folders()
    name = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(taken_at)) + f"-{uuid4().hex[:6]}"
    progress(0.0, "the database")
    with working_folder(settings.data_dir) as work:
        copy_database(settings, work / "databases" / name / DATABASE)
        with closing(Database(f"sqlite:///{work / 'databases' / name / DATABASE}")) as copied:
            paths = used_paths(copied)
            seq = copied.value(sa.select(sa.func.max(log.c.seq))) or 0
        for beside in (work / "databases" / name).glob(f"{DATABASE}-*"):
            beside.unlink()  # which are empty
        folders: dict[str, tuple[ManifestFile, ...]] = {}
        for number, path in enumerate(paths):
            progress(number / len(paths), path)
            if path in there and path in known:
                folders[path] = known[path]
            else:
                folders[path] = copy_folder(source, to.store, path)
                to.release(path)
        database = _copied_here(work, to, f"databases/{name}")
    progress(1.0, "done")
    return Backup(name=name, taken_at=taken_at, seq=seq, database=database, folders=folders)


def _copied_here(work: Path, to: BackupPlace, path: str) -> tuple[ManifestFile, ...]:
    files = copy_folder(FolderStore(work), to.store, path)
    to.release(path)
    return files


def copy_database(settings: Settings, file: Path) -> None:
    """Copies the database, as of one moment, into a file of SQLite. Writers go on meanwhile."""
    file.parent.mkdir(parents=True, exist_ok=True)
    own = database_file(settings)
    if own is not None and not own.is_file():
        raise Unavailable(f"there is no database {own}; choose another directory by --data")
    with closing(Database(settings.database_url)) as source:  # which is whole, then
        if own is not None:
            with closing(read_only(own)) as reader, closing(sqlite3.connect(file)) as copy:
                reader.backup(copy)
            return
        with closing(Database(f"sqlite:///{file}")) as target, source.frozen() as frozen:
            for table in copying.COPIED:
                copying.replace(frozen, target, table)
            copying.copy_numbers(source, frozen, target)


@contextmanager
def working_folder(data_dir: Path) -> Iterator[Path]:
    """A folder for copies on the way, on the data directory's disk."""
    folder = data_dir / "run" / f"backup-{uuid4().hex[:8]}"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
