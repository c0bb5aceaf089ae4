"""The event log: the single source of truth, which histories and caches follow.

Appends of all threads are committed in groups by one writer thread, and acknowledged only when the commit is on
disk. A record that says it is the same as an earlier one (`once`) is acknowledged and not stored again. Where machines
share the log, an append is acknowledged once no replica answers from before it (see `engine.data.replicas`).
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from typing import NamedTuple

import sqlalchemy as sa

from engine.data import shared_append
from engine.data.doorbell import Doorbell, buckets_of
from engine.data.replicas import Replicas
from engine.data.shared_append import TURN, Appended, Columns
from engine.errors import Throttled, Unavailable
from engine.storage.sql import Database
from engine.storage.tables import log, snapshots

COMMIT_ROWS = 4000  # the most rows of one transaction
REMOVED_ROWS = 2000  # of one transaction: events wait for it
SINCE_ROWS = 50_000  # that a starting process reads back
# As the driver takes them: compiled for each row by SQLAlchemy, an insert costs as much again.
INSERT = "INSERT INTO log (grp, kind, key, body, at, once) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
AFTER = "SELECT seq, grp, kind, key, body, at FROM log WHERE seq > ? ORDER BY seq LIMIT ?"
LAST = "SELECT COALESCE(MAX(seq), 0) FROM log"
BACKLOG_ROWS = 50_000  # beyond this many waiting rows an append is refused

# event | item | user | action | action_event | shown | cleared | erased | snapshot | deploy | record | forgotten
Kind = str


DEPLOYED = ("", "deploy")  # the group and key that every deployment wakes, whatever campaign it is of
EVERYBODY = ("", "everybody")  # those that every record wakes which may change answers to any user
OF_ONE_USER = frozenset(("event", "action_event", "user", "shown"))  # kinds of records that change no other answers


class LogEntry(NamedTuple):
    """A record to append. `key` is the user, item, dataset type, snapshot, campaign or ARN it is about; `rings` are
    more keys that it wakes."""

    group: str
    kind: Kind
    key: str
    body: bytes
    once: bytes | None = None
    rings: tuple[str, ...] = ()


class Logged(NamedTuple):
    seq: int
    group: str
    kind: Kind
    key: str
    body: bytes
    at: float


Part = tuple[Sequence[LogEntry], Future[int]]  # one append


def bell_key(group: str, key: str) -> bytes:
    return f"{group}/{key}".encode()


class Log:
    def __init__(
        self,
        database: Database,
        doorbell: Doorbell,
        clock: Callable[[], float],
        *,
        beside: bool = False,
        replicas: Replicas | None = None,
    ) -> None:
        """`beside` a server, which has taken back the doorbell's false rings. `replicas` are those of a log that
        machines share."""
        self._database, self._doorbell, self._clock, self._replicas = database, doorbell, clock, replicas
        self._after = AFTER if replicas is None else AFTER.replace("?", "%s")
        self._waiting: queue.SimpleQueue[Part | None] = queue.SimpleQueue()
        self._backlog = 0
        self._closed = False
        self._lock = threading.Lock()  # of the two above
        if not beside:
            with database.write() as connection:
                database.wait_turn(connection, TURN)
                doorbell.take_back(_last(connection))
        self._writer = threading.Thread(target=self._write_groups, name="log-writer", daemon=True)
        self._writer.start()

    def append(self, entries: Sequence[LogEntry]) -> Future[int]:
        """A future of a sequence number at or after the entries', done when they are durable.

        Raises `Throttled` while too many wait; the future raises `Unavailable` where the commit failed (nothing of
        the append is stored then). It can't be cancelled: what is appended will be written.
        """
        future: Future[int] = Future()
        future.set_running_or_notify_cancel()
        with self._lock:
            if self._backlog > BACKLOG_ROWS:
                raise Throttled("more events are waiting to be written than the server can hold; try again in a second")
            if self._closed:
                future.set_exception(Unavailable("the event log is closed: the server is stopping"))
            else:
                self._backlog += len(entries)
                self._waiting.put((entries, future))
        return future

    def append_within(self, connection: sa.Connection, entries: Sequence[LogEntry]) -> int:
        """Append as part of the caller's transaction (see `Database.write`)."""
        return self._append(connection, entries).seq

    def _append(self, connection: sa.Connection, entries: Sequence[LogEntry]) -> Appended:
        about = {(e.group, key) for e in entries for key in (e.key, *e.rings)}
        if not (kinds := {e.kind for e in entries}) <= OF_ONE_USER:
            about.add(EVERYBODY)
        if "deploy" in kinds:
            about.add(DEPLOYED)
        bells, at = [bell_key(*each) for each in about], self._clock()
        if self._replicas is None:
            if entries:
                rows = [(e.group, e.kind, e.key, e.body, at, e.once) for e in entries]
                connection.exec_driver_sql(INSERT, rows)
            appended = Appended(_last(connection), [], {})
        else:
            parts = zip(*(entry[:5] for entry in entries), strict=True) if entries else ([], [], [], [], [])
            new = Columns._make(map(list, parts))
            appended = shared_append.append(connection, new, at, buckets_of(bells), self._replicas.place)
        self._doorbell.ring(bells, appended.seq)
        return appended

    def read(
        self, after: int, *, group: str | None = None, upto: int | None = None, limit: int = 10_000
    ) -> list[Logged]:
        """Records in order, of one group or of all."""
        if group is not None or upto is not None:
            return self._read_some(after, group, upto, limit)
        with self._database.read() as connection:
            return list(map(Logged._make, connection.exec_driver_sql(self._after, (after, limit))))

    def _read_some(self, after: int, group: str | None, upto: int | None, limit: int) -> list[Logged]:
        c = log.c
        query = sa.select(c.seq, c.grp, c.kind, c.key, c.body, c.at).where(c.seq > after).order_by(c.seq).limit(limit)
        if group is not None:
            query = query.where(c.grp == group)
        if upto is not None:
            query = query.where(c.seq <= upto)
        return list(map(Logged._make, self._database.rows(query)))

    def last(self) -> int:
        """The last committed sequence number, 0 where the log is empty."""
        with self._database.read() as connection:
            return _last(connection)

    def has(self, group: str, once: bytes) -> bool:
        """A record of the group that says it is the same is stored already."""
        query = sa.select(log.c.seq).where(log.c.grp == group, log.c.once == once)
        return self._database.value(query) is not None

    def any_after(self, seq: int, group: str, kinds: Sequence[Kind]) -> bool:
        """A group has a record of these kinds after a sequence number."""
        query = sa.select(log.c.seq).where(log.c.grp == group, log.c.seq > seq, log.c.kind.in_(kinds)).limit(1)
        return self._database.value(query) is not None

    def since(self, at: float) -> tuple[int, list[Logged]]:
        """The records that the server took after a time, without their bodies, at most `SINCE_ROWS` of them, and the
        sequence number of the last one before."""
        c = log.c
        query = sa.select(c.seq, c.grp, c.kind, c.key, c.at).order_by(c.seq.desc()).limit(SINCE_ROWS)
        with self._database.read() as connection:
            last = _last(connection)
            newest = [Logged(*row[:4], b"", row[4]) for row in connection.execute(query)]
        records = [record for record in reversed(newest) if record.at > at]
        return (records[0].seq - 1 if records else last), records

    def newest(self, group: str, kind: Kind) -> float | None:
        """The time at which the server took a group's last record of a kind, None where it has none."""
        query = sa.select(log.c.at).where(log.c.grp == group, log.c.kind == kind).order_by(log.c.seq.desc()).limit(1)
        return self._database.value(query)

    def oldest(self, group: str, kind: Kind) -> int:
        """The number of the oldest record of a kind; 0 where there is none."""
        query = sa.select(log.c.seq).where(log.c.grp == group, log.c.kind == kind).order_by(log.c.seq).limit(1)
        return self._database.value(query) or 0

    def count_after_snapshot(self, group: str) -> int:
        """The number of records that a starting worker would replay for a group."""
        since = sa.select(snapshots.c.seq).where(snapshots.c.grp == group).scalar_subquery()
        later = log.c.seq > sa.func.coalesce(since, 0)
        return self._database.value(sa.select(sa.func.count()).where(log.c.grp == group, later)) or 0

    def groups(self) -> list[str]:
        """The dataset groups that it has records of."""
        return [row.grp for row in self._database.rows(sa.select(log.c.grp).where(log.c.grp != "").distinct())]

    def doomed(
        self, group: str, before: int, kind: Kind | None = None, keys: Sequence[str] | None = None
    ) -> Iterator[list[int]]:
        """Sequence numbers to delete: of a group's records, or those of one kind or about some keys, before one that
        nobody reads up to again. They come in portions as large as `remove` takes."""
        query = sa.select(log.c.seq).where(log.c.grp == group, log.c.seq < before).order_by(log.c.seq)
        if kind is not None:
            query = query.where(log.c.kind == kind)
        if keys is not None:
            query = query.where(log.c.key.in_(keys))
        last = 0
        while True:
            page = [row.seq for row in self._database.rows(query.where(log.c.seq > last).limit(REMOVED_ROWS))]
            if not page:
                return
            last = page[-1]
            yield page

    def remove(self, seqs: Sequence[int], within: sa.Connection) -> None:
        """Delete records by their numbers alone, without a search: events wait for this."""
        within.execute(sa.delete(log).where(log.c.seq.in_(seqs)))

    def rung(self) -> int:
        return self._doorbell.last()

    def wait(self, seq: int, seconds: float) -> None:
        """Sleep until something after `seq` is appended, or for that long; it may return sooner."""
        self._doorbell.wait(seq, seconds)

    def wake(self) -> None:
        """End the sleep of whoever is in `wait`."""
        self._doorbell.wake()

    def rung_for(self, group: str, key: str) -> int:
        return self._doorbell.last_of(bell_key(group, key))

    def owed(self) -> int:
        """A number at or after all that was acknowledged, on whichever machine."""
        return self._doorbell.owed()

    def owed_to(self, group: str, user: str) -> int:
        """A number at or after all that was acknowledged for the user, on whichever machine."""
        return self._doorbell.owed_to(bell_key(group, user))

    def close(self) -> None:
        """Write what waits, then stop; later appends fail."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._waiting.put(None)  # nothing comes after it
        self._writer.join()

    def _write_groups(self) -> None:
        while True:
            first = self._waiting.get()
            if first is None or self._commit([first], COMMIT_ROWS):
                return

    def _drain(self, batch: list[Part], most: int) -> bool:
        """Add all that waits, as far as it fits one transaction. True: it is the last."""
        rows = sum(len(part) for part, _ in batch)
        while rows < most:
            try:
                waiting = self._waiting.get_nowait()
            except queue.Empty:
                break
            if waiting is None:
                return True
            batch.append(waiting)
            rows += len(waiting[0])
        return False

    def _commit(self, batch: list[Part], most: int = 0) -> bool:
        """Write the batch, and what else has come by the turn to write, up to so many rows. True: it is the last."""
        ended = False
        try:
            with self._database.write() as connection:
                ended = self._drain(batch, most)
                entries = [entry for part, _ in batch for entry in part]
                appended = self._append(connection, entries)
        except Exception as error:  # whatever it was, every waiter must hear of it
            if len(batch) > 1 and not isinstance(error, Unavailable):
                for part in batch:  # one that can't be stored must not take the others with it
                    self._commit([part])
                return ended
            reason = (
                error if isinstance(error, Unavailable) else Unavailable(f"the event log can't be written: {error}")
            )
            for _, future in batch:
                future.set_exception(reason)
        else:
            futures = [future for _, future in batch]
            if self._replicas is None:
                _acknowledge(futures, appended.seq)
            else:
                self._replicas.acknowledge(appended, partial(_acknowledge, futures, appended.seq))
        with self._lock:
            self._backlog -= sum(len(part) for part, _ in batch)
        return ended


def _acknowledge(futures: Sequence[Future[int]], seq: int) -> None:
    for future in futures:
        future.set_result(seq)


def _last(connection: sa.Connection) -> int:
    return int(connection.exec_driver_sql(LAST).scalar_one())
