"""A backup put back: into an empty place, whatever databases and storage the old and the new one have.

To a moment between two backups: the records and models of the earlier one, and what its datasets got until then, as the
log of the later one has it. Folders come first and the database last, so that what was interrupted is not there yet.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import sqlalchemy as sa

from engine.backups.in_use import copy_folder, is_whole
from engine.backups.place import DATABASE, Backup, BackupPlace, in_words
from engine.backups.taking import Progress, working_folder
from engine.data.entries import STATE_KINDS
from engine.errors import InvalidInput
from engine.examination import database_file
from engine.moving import emptied, incoming_database
from engine.records import DatasetGroupRecord, Records
from engine.settings import Settings
from engine.storage import copying, handover
from engine.storage.artifact_store import open_artifacts
from engine.storage.sql import Database
from engine.storage.tables import commits, log, snapshots
from engine.storage.watermark import Watermark
from engine.storage.write_server import CommandForwarder

TAIL = 100  # records of a group, of which one shows that a later log still has what came after


def list_backups(place: str) -> list[Backup]:
    """All backups of a place, the oldest first."""
    with TemporaryDirectory(prefix="recgate-") as work:
        return BackupPlace(place, Path(work)).backups()


def restore(
    settings: Settings,
    place: str,
    progress: Progress,
    *,
    until: float | None = None,
    replace: bool = False,
    clock: Callable[[], float] = time.time,
) -> Backup:
    """Restores the newest backup, or the state as of `until`. `replace`: a database that is there is put aside.

    Raises `InvalidInput` where there is no such backup, or the place to restore to is in use.
    """
    with working_folder(settings.data_dir) as work:
        source = BackupPlace(place, work)
        base, later = _chosen(source, until)
        _check_free(settings, replace)
        file = work / DATABASE
        _brought(source, base, file)
        if until is not None:
            _roll(source, base, later, file, until, work)
        _copy_folders(settings, source, base, progress, clock)
        progress(1.0, "the database")
        _install(settings, file, base, clock())
    return base


def _chosen(source: BackupPlace, until: float | None) -> tuple[Backup, Backup | None]:
    """The backup to begin with, and one whose log goes on till then."""
    there = source.backups()
    if not there:
        raise InvalidInput(f"there is no backup in {source.name}")
    if until is None:
        return there[-1], None
    after = next((each for each in there if each.taken_at >= until), None)
    if after is None:
        raise InvalidInput(f"no backup in {source.name} goes as far: the last one was taken at {there[-1].time}")
    before = [each for each in there if each.taken_at <= until]
    return (before[-1], after) if before else (after, None)


def _check_free(settings: Settings, replace: bool) -> None:
    with closing(CommandForwarder(settings.data_dir)) as server:
        if server.connection() is not None:
            raise InvalidInput(f"a server runs on {settings.data_dir}; stop it first")
    file = database_file(settings)
    if file is None:
        emptied(settings.database_url)
    elif file.exists() and not replace:
        raise InvalidInput(
            f"{file} is there already; choose an empty directory by --data, or put it aside by --replace"
        )


def _brought(source: BackupPlace, backup: Backup, file: Path) -> None:
    """The backup's database as a file of this machine, with a name of its own: no watermark is about it."""
    path = f"databases/{backup.name}"
    folder = source.store.fetch(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes((folder / DATABASE).read_bytes())
    for each in backup.database:
        if each.name == DATABASE:
            each.check(file.parent, f"{source.name}/{path}/{each.name}")
    source.release(path)


def _roll(source: BackupPlace, base: Backup, later: Backup | None, file: Path, until: float, work: Path) -> None:
    with closing(Database(f"sqlite:///{file}")) as database:
        if later is not None and later.name != base.name:
            other = work / "later" / DATABASE
            _brought(source, later, other)
            with closing(Database(f"sqlite:///{other}")) as following:
                _go_on(database, following, base, later)
        cut_at(database, until)


def _go_on(database: Database, following: Database, base: Backup, later: Backup) -> None:
    """Appends what a later backup's log has of the groups that are there."""
    groups = [each.uid for each in Records(database).list(DatasetGroupRecord) if each.deleted_at is None]
    c = log.c
    for group in groups:
        tail = sa.select(c.seq).where(c.grp == group).order_by(c.seq.desc()).limit(TAIL)
        ends = [row.seq for row in database.rows(tail)]
        left = sa.select(c.seq).where(c.grp == group, c.seq.in_(ends)).limit(1)
        if ends and following.value(left) is None:
            raise InvalidInput(
                f"the log of the backup of {later.time} no longer has what came after that of {base.time}: "
                "restore to one of these times, and have RECGATE_LOG_DAYS above the days between two backups"
            )
    wanted = sa.select(log).where(c.grp.in_(groups), c.kind.in_(STATE_KINDS))
    after = base.seq
    while rows := following.rows(wanted.where(c.seq > after).order_by(c.seq).limit(copying.PAGE)):
        after = rows[-1].seq
        with database.write() as within:
            copying.insert_rows(database, within, log, rows)


def cut_at(database: Database, until: float) -> None:
    """Removes what the log got later. Raises `InvalidInput` where that is in a snapshot already."""
    last = database.value(sa.select(sa.func.max(log.c.seq)).where(log.c.at <= until)) or 0
    if (database.value(sa.select(sa.func.max(snapshots.c.seq))) or 0) > last:
        raise InvalidInput(
            f"there is no backup of before {in_words(until)}, and the first one has compacted later data"
        )
    with database.write() as within:
        within.execute(sa.delete(log).where(log.c.seq > last))


def _copy_folders(
    settings: Settings, source: BackupPlace, base: Backup, progress: Progress, clock: Callable[[], float]
) -> None:
    target = open_artifacts(settings.storage_url, settings.data_dir, settings.storage_cache_bytes, clock)
    there = {path for kind in ("groups", "models") for path in target.paths(kind)}
    for number, (path, files) in enumerate(base.folders.items()):
        progress(number / len(base.folders), path)
        if path not in there or not is_whole(target, path, files):
            copy_folder(source.store, target, path, files)
            source.release(path)


def _install(settings: Settings, file: Path, base: Backup, now: float) -> None:
    with closing(Database(f"sqlite:///{file}")) as database:
        with database.write() as within:
            within.execute(sa.update(commits).values(id=uuid4().hex))
        target = database_file(settings)
        if target is None:
            _copy_rows(database, settings.database_url, f"the backup of {base.time}")
            return
    _put_aside(target, f"replaced-{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}")
    with closing(Watermark.of(target)) as mark:
        mark.clear()
    for own in [file, file.parent]:
        _sync(own)
    file.replace(target)
    _sync(target.parent)


def _copy_rows(database: Database, url: str, name: str) -> None:
    with incoming_database(url, name) as target:
        with database.read() as reader:
            for table in copying.COPIED:
                copying.replace(reader, target, table)
            copying.copy_numbers(database, reader, target)
        with target.write() as within:
            handover.end_incoming(within)


def _put_aside(file: Path, name: str) -> Sequence[Path]:
    there = [
        path for path in (file, *(file.with_name(f"{file.name}-{end}") for end in ("wal", "shm"))) if path.exists()
    ]
    for path in there:
        path.rename(path.with_name(f"{path.name}.{name}"))
    return there


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
