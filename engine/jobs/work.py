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
from engine.recipes.base import Progress
from engine.records import DatasetGroup, Record
from engine.sql import snapshots

R = TypeVar("R", bound=Record)

SNAPSHOTS_KEPT = 2
KEYS_AT_ONCE = 500
RECORDS_OF = {  # dataset type -> kind of log records
    "INTERACTIONS": "event",
    "ITEMS": "item",
    "USERS": "user",
    "ACTIONS": "action",
    "ACTION_INTERACTIONS": "action_event",
}


class Stopped(Exception):
    """The job was cancelled, or the process is asked to end."""


@dataclass(frozen=True)
class Work:
    engine: Engine
    arn: str
    progress: Progress
    hold: Callable[[sa.Connection], None]  # raises where the job is no longer ours, as of that transaction
    directory: Directory  # fresh: the job process does not follow the log

    def change(self, record: R, within: sa.Connection | None = None, **changes: Any) -> R:
        """Store `changes` and the time, on top of what others have changed of the record meanwhile.

        Raises where the job is no longer ours: whoever took it has the say.
        """
        if within is None:
            with self.engine.database.write() as connection:
                return self.change(record, connection, **changes)
        self.hold(within)
        stored = self.engine.records.get(record.arn, type(record), within)
        changed = msgspec.structs.replace(stored, last_updated_date_time=round(self.engine.clock(), 3), **changes)
        self.engine.records.replace(changed, within)
        return changed

    def state(self, group: DatasetGroup) -> Group:
        """The group as of now, of this job alone."""
        return self.engine.follower.restored(group.uid)

    def publish(self, group: Group, snapshot: Stored, also: Callable[[sa.Connection], object] | None = None) -> None:
        """Make a snapshot, of that state, the one that workers read; `also` is done in the same transaction.

        Raises where the job was cancelled or taken over: a snapshot begun before another's must not replace it.
        """
        for dataset_type, seq in group.cleared.items():  # first: the state is the same without what was deleted
            if dataset_type in RECORDS_OF:
                self.engine.log.remove(group.uid, seq, RECORDS_OF[dataset_type])
        self._remove_erased(group)
        path = f"groups/{group.uid}/{snapshot.seq}-{self.engine.new_id()[:8]}"
        folder = self.engine.settings.data_dir / path
        stored.save(snapshot, folder)
        row = {"grp": group.uid, "path": path, "seq": snapshot.seq}
        with self.engine.database.write() as connection:
            self.hold(connection)
            connection.execute(sa.delete(snapshots).where(snapshots.c.grp == group.uid))
            connection.execute(sa.insert(snapshots).values(row))
            self.engine.log.append_within(connection, [Entry(group.uid, "snapshot", path, encode(Pointer(path)))])
            if also is not None:
                also(connection)
        _forget_old(folder, 1 if group.erased else SNAPSHOTS_KEPT)
        for seq in group.erased:  # the records themselves name who was deleted
            self.engine.log.remove(group.uid, seq + 1, "erased")

    def _remove_erased(self, group: Group) -> None:
        """What deleted users and their sessions sent; the state is the same without."""
        for seq, names in group.erased.items():
            for start in range(0, len(names), KEYS_AT_ONCE):
                for kind in ("event", "action_event", "user"):
                    self.engine.log.remove(group.uid, seq, kind, names[start : start + KEYS_AT_ONCE])


def _forget_old(newest: Path, kept: int) -> None:
    """Older snapshots go; a process that still maps one keeps its pages until it lets go."""
    folders = sorted(newest.parent.iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in folders[kept:]:
        shutil.rmtree(folder, ignore_errors=True)
