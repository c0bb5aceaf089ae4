"""Follows the log: keeps every dataset group's live state, and tells listeners what changed once it can be seen."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import sqlalchemy as sa

from engine.data import entries, stored
from engine.data.group import Group
from engine.data.log import Log, Logged
from engine.question import Change
from engine.sql import Database, snapshots

log = logging.getLogger(__name__)

POLL_S = 0.005  # the doorbell: a look into shared memory
PAGE = 10_000
REMOTE_POLL_S = 0.5  # the database: what other machines appended rings no bell here

Listener = Callable[[Sequence[Change]], None]


class Follower:
    def __init__(self, data_dir: Path, database: Database, source: Log) -> None:
        self._data_dir, self._database, self._log = data_dir, database, source
        self._groups: dict[str, Group] = {}
        self._listeners: list[Listener] = []
        self._applying = threading.RLock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="log-follower", daemon=True)
        self.applied = 0  # the last sequence number that answers have seen
        self.applied_at = 0.0  # when the server took that record
        self.lag_s = 0.0  # how long the last record waited to be seen

    def load(self, group_uids: Sequence[str]) -> None:
        """Each group from its snapshot and what the log has after it."""
        last = self._log.last()
        for uid in group_uids:
            self._groups[uid] = self._restore(uid, last)
        self.applied = last

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def subscribe(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def group(self, uid: str) -> Group:
        """The live state; an empty one for a group that the log has never named."""
        found = self._groups.get(uid)
        return found if found is not None else self._groups.setdefault(uid, Group(uid))

    def behind(self, group_uid: str, key: str) -> bool:
        return self._log.rung_for(group_uid, key) > self.applied

    def catch_up(self) -> None:
        """Apply all that is committed; listeners have heard of it when this returns."""
        with self._applying:
            while records := self._log.read(self.applied, limit=PAGE):
                self._apply(records)

    def _apply(self, records: list[Logged]) -> None:
        for record in records:
            if record.kind == "snapshot":
                self._groups[record.group] = self._restore(record.group, record.seq)
            elif record.kind in entries.STATE_KINDS:
                group = self.group(record.group)
                if record.seq > group.seq:  # a snapshot just loaded may have it already
                    group.apply(record)
        changes = [Change(r.seq, r.group, r.kind, r.key) for r in records]
        for listener in self._listeners:
            listener(changes)
        self.applied, self.applied_at = records[-1].seq, records[-1].at
        self.lag_s = max(0.0, time.time() - self.applied_at)

    def _restore(self, uid: str, upto: int) -> Group:
        """A group as of `upto`, from its newest snapshot (which may be newer: records in it are not applied twice)."""
        with self._database.read() as connection:
            path = connection.execute(sa.select(snapshots.c.path).where(snapshots.c.grp == uid)).scalar_one_or_none()
        group = Group(uid, stored.EMPTY if path is None else stored.load(self._data_dir / path))
        replay(self._log, group, upto)
        return group

    def _follow(self) -> None:
        polled = time.monotonic()
        while not self._stop.wait(POLL_S):
            now = time.monotonic()
            if self._log.rung() <= self.applied and now - polled < REMOTE_POLL_S:
                continue
            polled = now
            try:
                self.catch_up()
            except Exception:  # following must go on: the next round tries again
                log.exception("the event log can't be followed")
                self._stop.wait(1.0)


def replay(source: Log, group: Group, upto: int) -> None:
    """Apply the log's records of one group after what it has seen."""
    while group.seq < upto and (records := source.read(group.seq, group=group.uid, upto=upto, limit=PAGE)):
        for record in records:
            if record.kind in entries.STATE_KINDS:
                group.apply(record)
        group.seq = records[-1].seq
    group.seq = max(group.seq, upto)
