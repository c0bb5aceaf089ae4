"""Examination of a data directory: its database, what was acknowledged in it, its snapshots and models."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from engine.control.lifecycle import ACTIVE
from engine.data import stored
from engine.errors import Damaged, EngineError, Unavailable
from engine.records import CampaignRecord, DatasetGroupRecord, RecommenderRecord, Records, SolutionVersionRecord
from engine.serving import artifacts
from engine.serving.deployments import Deployable, Deployments, is_resting, own_path
from engine.settings import Settings
from engine.storage import watermark
from engine.storage.artifact_store import ArtifactStore, open_artifacts
from engine.storage.sql import Database
from engine.storage.tables import snapshots
from engine.storage.watermark import Watermark

MOST_FAULTS = 5  # of one database that are told


class Finding(NamedTuple):
    """A part of the directory, how much it is, and what is wrong with it ("": nothing)."""

    part: str
    about: str
    fault: str


def examine(settings: Settings) -> Iterator[Finding]:
    """Everything that a server over this directory would read, damaged or not. Writes nothing; a server may run
    meanwhile."""
    file = database_file(settings)
    if file is not None:
        findings = list(_file(file))
        yield from findings
        if not file.is_file() or any(each.fault and each.part == "database" for each in findings):
            return  # the rest can't be found without it
    read_only = f"sqlite:///file:{quote(str(file))}?mode=ro&uri=true"
    try:
        database = Database(settings.database_url if file is None else read_only, only_read=file is not None)
    except Unavailable as error:
        yield Finding("database", "", error.message)
        return
    artifacts_of = open_artifacts(settings.storage_url, settings.data_dir, settings.storage_cache_bytes, time.time)
    with closing(database), artifacts_of.examined() as store:
        try:
            yield from _snapshots(store, database)
            yield from _models(store, Records(database))
        except Unavailable as error:
            yield Finding("database", "", error.message)


def accept_loss(settings: Settings) -> list[str]:
    """Go on with what is there: a database that lacks what was acknowledged counts as whole from now on, and a file
    that is no database is put aside, so that an empty one takes its place. Says what was done; raises `Unavailable`."""
    file, done = database_file(settings), []
    if file is None:
        return []
    try:
        if file.is_file() and _is_unreadable(file):
            aside = f"damaged-{time.strftime('%Y%m%d-%H%M%S')}"
            for path in (file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")):
                with suppress(FileNotFoundError):
                    path.rename(path.with_name(f"{path.name}.{aside}"))
            done.append(f"{file} is now {file.name}.{aside}; an empty database takes its place")
        mark = Watermark.of(file)
        with closing(mark):
            before = mark.read()
            try:
                watermark.check(file, before)
            except Damaged:
                mark.clear()
                done.append("what the database lacks is no longer missed")
    except OSError as error:
        raise Unavailable(f"{error.filename} can't be changed: {error.strerror}") from error
    return done


def database_file(settings: Settings) -> Path | None:
    """The file of the database, where it is one."""
    url = make_url(settings.database_url)
    is_file = url.get_backend_name() == "sqlite" and url.database and not url.database.startswith((":memory:", "file:"))
    return Path(url.database or "") if is_file else None


def _file(file: Path) -> Iterator[Finding]:
    mark_path = file.with_name(f"{file.name}-watermark")
    mark = None
    if mark_path.is_file():
        with closing(Watermark.of(file)) as opened:
            mark = opened.read()
    if not file.exists() and mark is None:
        yield Finding("database", f"{file} is yet to be made", "")
        return
    if file.exists():
        yield Finding("database", f"{file}, {_size(file)}", _faults(file))
    try:
        about = watermark.check(file, mark) or ("nothing is known of it" if mark is None else f"{mark.seq} records")
        yield Finding("acknowledged", about, "")
    except Damaged as error:
        yield Finding("acknowledged", f"{mark.seq if mark else 0} records", error.message)


def _size(file: Path) -> str:
    log = file.with_name(f"{file.name}-wal")
    size = file.stat().st_size + (log.stat().st_size if log.exists() else 0)
    return f"{size / 1e6:.1f} MB with its write-ahead log"


def _faults(file: Path) -> str:
    """The faults that SQLite finds in every page and index of it."""
    if file.is_dir():
        return f"{file} is a folder: the database is a file of that name"
    if not os.access(file, os.R_OK):
        return f"{file} can't be read by this user"
    try:
        with closing(watermark.read_only(file)) as connection:
            rows = [row[0] for row in connection.execute(f"PRAGMA integrity_check({MOST_FAULTS})")]
    except sqlite3.Error as error:
        rows = [str(error)]
    return "" if rows == ["ok"] else f"{file} is damaged: {'; '.join(rows)}. {watermark.way_out(file)}"


def _is_unreadable(file: Path) -> bool:
    try:
        with closing(watermark.read_only(file)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as error:
        return not isinstance(error, sqlite3.OperationalError)
    return False


def _snapshots(store: ArtifactStore, database: Database) -> Iterator[Finding]:
    names = {group.uid: group.name for group in Records(database).list(DatasetGroupRecord) if group.deleted_at is None}
    rows = database.rows(sa.select(snapshots.c.grp, snapshots.c.path))
    for uid, path in rows:
        if uid in names:
            yield _tried(f"data of {names[uid]}", path, partial(_load_data, store, path))


def _models(store: ArtifactStore, records: Records) -> Iterator[Finding]:
    deployments = Deployments(store, records)
    groups = {group.arn: group.uid for group in records.list(DatasetGroupRecord) if group.deleted_at is None}
    for version in records.list(SolutionVersionRecord):
        uid = groups.get(version.dataset_group_arn)
        if uid is not None and version.deleted_at is None and version.status == ACTIVE:
            path = own_path(version, uid)
            yield _tried(f"model {version.name}", path, partial(_load_model, store, path))
    deployable: list[Deployable] = [*records.list(CampaignRecord), *records.list(RecommenderRecord)]
    for each in deployable:
        if each.deleted_at is None and each.dataset_group_arn in groups and not is_resting(each):
            yield _tried(f"{each.kind} {each.name}", each.arn, partial(deployments.load, each))


def _load_data(store: ArtifactStore, path: str) -> object:
    return stored.load(store.fetch(path))


def _load_model(store: ArtifactStore, path: str) -> object:
    return artifacts.load(store.fetch(path))


def _tried(part: str, place: str, load: Callable[[], object]) -> Finding:
    try:
        load()
    except FileNotFoundError as error:
        return Finding(part, "", f"{error.filename} is missing")
    except (EngineError, OSError, ValueError, KeyError, TypeError) as error:
        return Finding(part, "", str(error) if isinstance(error, EngineError) else f"{place}: {error!r}")
    return Finding(part, "", "")
