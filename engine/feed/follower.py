"""Follows the log: keeps every dataset group's live state, and tells listeners what changed once it can be seen."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import sqlalchemy as sa

from engine.data import entries, stored
from engine.data.group import Group
from engine.data.log import Log, LogEntry, Logged
from engine.data.stored import Stored
from engine.errors import Damaged, NotFetched, StorageFault, Unavailable
from engine.feed.fetcher import Fetcher
from engine.question import Change
from engine.storage.artifact_store import ArtifactStore
from engine.storage.sql import Database
from engine.storage.tables import snapshots

log = logging.getLogger(__name__)

POLL_S = 0.005  # the doorbell: a look into shared memory
IDLE_AFTER_S = 1.0  # without a record, it sleeps until the doorbell rings; who asks for what is new does not wait
END_S = 0.02  # between two attempts to wake the thread that shall end
REST_S = 0.02  # after there was something: under load records come many at a time; who asks for its own does not wait
PAGE = 10_000
REMOTE_POLL_S = 0.5  # the database: what other machines appended rings no bell here

EVERYBODYS = {"cleared": "snapshot", "erased": "snapshot"}  # kinds of records -> of changes: all answers may differ

Listener = Callable[[Sequence[Change]], None]


class Follower:
    def __init__(
        self,
        store: ArtifactStore,
        database: Database,
        source: Log,
        clock: Callable[[], float],
        fetcher: Fetcher | None = None,
    ) -> None:
        self._store, self._database, self._log, self._clock = store, database, source, clock
        self._fetcher = fetcher
        self._groups: dict[str, Group] = {}
        self._paths: dict[str, str] = {}  # by uid, of the snapshots that the groups began with
        self._listeners: list[Listener] = []
        self._applying = threading.RLock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="log-follower", daemon=True)
        self.applied = 0  # the last sequence number that answers have seen
        self.applied_at = 0.0  # when the server took that record
        self.lag_s = 0.0  # how long the last record waited to be seen

    def load(self, group_uids: Sequence[str]) -> None:
        """Each group from its snapshot and what the log has after it; what can't be read is tried when asked for."""
        self.applied = self._log.last()
        self._fetch_all(group_uids)
        for uid in group_uids:
            try:
                self.group(uid)
            except Unavailable as error:
                log.error("a dataset group is not there: %s", error.message)

    def start(self) -> None:
        self._thread.start()

    @property
    def is_following(self) -> bool:
        """Tells that a thread applies what is appended."""
        return self._thread.is_alive()

    def close(self) -> None:
        self._stop.set()
        while self._thread.is_alive():
            self._log.wake()  # it may be about to sleep, and not hear this one
            self._thread.join(END_S)

    def subscribe(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def group(self, uid: str) -> Group:
        """The live state as of `applied`. Raises `Unavailable` where its files can't be read."""
        group = self._groups.get(uid)
        if group is not None:
            return group
        with self._applying:
            if uid not in self._groups:
                self._groups[uid] = self._readable(uid, self.applied)
            return self._groups[uid]

    def snapshot_seq(self, uid: str) -> int | None:
        """The last log record in the snapshot that a group answers from; None where it is not loaded."""
        group = self._groups.get(uid)
        return None if group is None else group.stored.seq

    def snapshot_paths(self) -> set[str]:
        """The paths of the snapshots that this process maps."""
        return set(self._paths.values())

    def owner(self, group_uid: str, session: str) -> str | None:
        """The user whose session it is, as far as this process has heard."""
        group = self._groups.get(group_uid)
        return None if group is None else group.links.get(session)

    def behind(self, group_uid: str, key: str) -> bool:
        return self._log.rung_for(group_uid, key) > self.applied

    def behind_user(self, group_uid: str, user: str) -> bool:
        """There may be acknowledged events of the user that answers have not seen."""
        return self._log.owed_to(group_uid, user) > self.applied

    def catch_up(self) -> None:
        """Apply all that is committed; listeners have heard of it when this returns: of what has changed several times
        once, with the last record of it."""
        with self._applying:
            full = True
            while full and (records := self._log.read(self.applied, limit=PAGE)):
                self._apply(records)
                full = len(records) == PAGE

    def _apply(self, records: list[Logged]) -> None:
        heard: dict[tuple[str, str, str], int] = {}  # what has changed -> by which record last
        for record in records:
            kind = EVERYBODYS.get(record.kind, record.kind)
            for key in self._taken(record):
                heard[record.group, kind, key] = record.seq
        for group in self._groups.values():
            group.settle()
        changes = [Change(seq, *what) for what, seq in heard.items()]
        for listener in self._listeners:
            try:
                listener(changes)
            except Exception:  # the others must hear of it, and of what comes after
                log.exception("a listener failed at the log records %d to %d", records[0].seq, records[-1].seq)
        self.applied, self.applied_at = records[-1].seq, records[-1].at
        self.lag_s = max(0.0, self._clock() - self.applied_at)

    def _taken(self, record: Logged) -> tuple[str, ...]:
        """Take one record in; whom or what it is about. One that can't be applied stops neither others nor the rest."""
        try:
            if record.kind in entries.STATE_KINDS:
                group = self.group(record.group)
                if record.seq > group.seq:  # a snapshot just loaded may have it already
                    return taken(group, record) or (record.key,)
            elif record.kind == "snapshot":
                if self.newest_path(record.group) != self._paths.get(record.group):
                    self._groups[record.group] = self._readable(record.group, record.seq)
            elif record.kind == "forgotten":
                self._forget(record.key)
        except NotFetched:
            pass  # the state that is there goes on until then
        except Unavailable as error:
            log.error("log record %d (%s) is not applied: %s", record.seq, record.kind, error.message)
        return (record.key,)

    def _forget(self, uid: str) -> None:
        self._groups.pop(uid, None)
        self._paths.pop(uid, None)
        if self._fetcher is not None:
            self._fetcher.drop(_key(uid))

    def _fetch_all(self, uids: Sequence[str]) -> None:
        """Fetch what is not here yet, until the storage fails: the fetcher goes on then."""
        with suppress(StorageFault):
            for uid in uids:
                path = self.newest_path(uid)
                with suppress(OSError, Damaged):  # the fetcher tells when it tries again
                    if path is not None:
                        self._store.fetch(path)

    def _readable(self, uid: str, upto: int) -> Group:
        """See `restored`. Raises `NotFetched` where the files are yet to come, and sees to it that they do."""
        path, fetcher = self.newest_path(uid), self._fetcher
        if path is not None and fetcher is not None and self._store.local(path) is None:
            fetcher.want(_key(uid), path, [LogEntry(uid, "snapshot", path, entries.encode(entries.Pointer(path)))])
            raise NotFetched(f"the snapshot {path} is yet to come from the storage")
        if fetcher is not None:
            fetcher.drop(_key(uid))
        group = self._restored(uid, upto)
        if path is not None:
            self._paths[uid] = path
        return group

    def _restored(self, uid: str, upto: int) -> Group:
        try:
            return self.restored(uid, upto)
        except (OSError, ValueError, KeyError, TypeError, Damaged) as error:
            raise Unavailable(
                f"the snapshot of dataset group {uid} can't be read: {error}; restore its files from a backup, or "
                "import its data again"
            ) from error

    def restored(self, uid: str, upto: int | None = None) -> Group:
        """A group as of `upto` (none: now), from its newest snapshot, made afresh: nobody else sees or changes it.

        The snapshot may be newer; records in it are not applied twice.
        """
        group = Group(uid, self._newest(uid))
        replay(self._log, group, self._log.last() if upto is None else upto)
        return group

    def _newest(self, uid: str) -> Stored:
        path = self.newest_path(uid)
        while path is not None:
            try:
                return stored.load(self._store.fetch(path))
            except FileNotFoundError:
                missed, path = path, self.newest_path(uid)
                if path == missed:  # else a newer one came, and this one went, while we read
                    raise
        return stored.EMPTY

    def newest_path(self, uid: str) -> str | None:
        """The path of the group's snapshot that workers read."""
        return self._database.value(sa.select(snapshots.c.path).where(snapshots.c.grp == uid))

    def _follow(self) -> None:
        polled = rung = time.monotonic()
        rest, commits = POLL_S, self._database.watch_commits()
        while not self._stop.wait(rest):
            now, rest = time.monotonic(), POLL_S
            if now - rung >= IDLE_AFTER_S:
                self._log.wait(self.applied, REMOTE_POLL_S)
                now, rest = time.monotonic(), 0.0
            if self._log.rung() > self.applied:
                rung, rest = now, REST_S
            elif now - polled < REMOTE_POLL_S or not commits.has_news():
                continue
            polled = now
            try:
                self.catch_up()
            except Exception as error:  # following must go on: the next round tries again
                if not isinstance(error, Unavailable):  # which the database has logged
                    log.exception("the event log can't be followed")
                self._stop.wait(1.0)


def _key(uid: str) -> str:
    return f"the snapshot of dataset group {uid}"


def taken(group: Group, record: Logged) -> tuple[str, ...]:
    """See `Group.take`; a record that can't be read is left out, since the log goes on after it."""
    try:
        return group.take(record)
    except Exception:
        log.exception("log record %d (%s of group %s) is left out", record.seq, record.kind, group.uid)
        return ()


def replay(source: Log, group: Group, upto: int) -> None:
    """Apply the log's records of one group after what it has seen."""
    while group.seq < upto and (records := source.read(group.seq, group=group.uid, upto=upto, limit=PAGE)):
        for record in records:
            if record.kind in entries.STATE_KINDS:
                taken(group, record)
        group.settle()
        group.seq = records[-1].seq
    group.seq = max(group.seq, upto)
