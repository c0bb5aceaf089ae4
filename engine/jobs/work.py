"""What one job works with: the engine, a clock, its progress; and how it says what it made."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

from engine.data import stored
from engine.data.entries import Pointer, encode
from engine.data.group import Group
from engine.data.log import Entry
from engine.data.stored import Stored
from engine.directory import Directory
from engine.engine import Engine
from engine.follower import replay
from engine.recipes.base import Progress
from engine.records import DatasetGroup, Record
from engine.sql import snapshots

R = TypeVar("R", bound=Record)

SNAPSHOTS_KEPT = 2


@dataclass(frozen=True)
class Work:
    engine: Engine
    arn: str
    progress: Progress
    directory: Directory  # fresh: the job process does not follow the log

    def change(self, record: R, within: sa.Connection | None = None, **changes: Any) -> R:
        """Store the record with `changes` and the time."""
        changed = msgspec.structs.replace(record, last_updated_date_time=round(self.engine.clock(), 3), **changes)
        self.engine.records.replace(changed, within)
        return changed

    def state(self, group: DatasetGroup) -> Group:
        """The group as of now, of this job alone."""
        return restore(self.engine, group.uid)

    def publish(
        self, group: DatasetGroup, snapshot: Stored, also: Callable[[sa.Connection], object] | None = None
    ) -> None:
        """Make a snapshot the one that workers read; `also` is done in the same transaction."""
        path = f"groups/{group.uid}/{snapshot.seq}-{self.engine.new_id()[:8]}"
        folder = self.engine.settings.data_dir / path
        folder.parent.mkdir(parents=True, exist_ok=True)
        stored.save(snapshot, folder)
        row = {"grp": group.uid, "path": path, "seq": snapshot.seq}
        with self.engine.database.write() as connection:
            connection.execute(sa.delete(snapshots).where(snapshots.c.grp == group.uid))
            connection.execute(sa.insert(snapshots).values(row))
            self.engine.log.append_within(connection, [Entry(group.uid, "snapshot", path, encode(Pointer(path)))])
            if also is not None:
                also(connection)
        _forget_old(folder)


def restore(engine: Engine, uid: str) -> Group:
    """A group's live state as of the log's end, made afresh: nobody else sees or changes it."""
    upto = engine.log.last()
    with engine.database.read() as connection:
        path = connection.execute(sa.select(snapshots.c.path).where(snapshots.c.grp == uid)).scalar_one_or_none()
    group = Group(uid, stored.EMPTY if path is None else stored.load(engine.settings.data_dir / path))
    replay(engine.log, group, upto)
    return group


def _forget_old(newest: Path) -> None:
    """Older snapshots go; a process that still maps one keeps its pages until it lets go."""
    folders = sorted(newest.parent.iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in folders[SNAPSHOTS_KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)
