"""The work of one job: the engine, its progress, and the ways to publish what it made."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

from engine.attribution import ledger
from engine.control.lifecycle import ACTIVE
from engine.data import stored
from engine.data.entries import RECORDS_OF, Pointer, encode
from engine.data.group import Group
from engine.data.log import LogEntry
from engine.data.stored import Stored
from engine.engine import Engine
from engine.errors import EngineError, JobStopped, SnapshotOvertaken, Unavailable
from engine.feed.directory import Directory
from engine.queue.queue import Job
from engine.recipe import Progress
from engine.records import DatasetGroupRecord, Record, kind_of
from engine.storage.artifact_store import ArtifactStore
from engine.storage.tables import snapshots
from engine.storage.writes import write

log = logging.getLogger(__name__)

R = TypeVar("R", bound=Record)

Totals = list[tuple[ledger.Key, ledger.Sum]]

CANCELLED = "cancelled"
T = TypeVar("T")

TRIES = 5
SNAPSHOTS_KEPT = 2
KEYS_AT_ONCE = 500


def undisturbed(attempt: Callable[[], T]) -> T:
    """Reads a group's state and publishes the next, and tries again where another job published meanwhile."""
    for _ in range(TRIES):
        try:
            return attempt()
        except SnapshotOvertaken:
            continue
    return attempt()


@dataclass(frozen=True)
class Work:
    engine: Engine
    job: Job
    progress: Progress
    directory: Directory  # fresh: the job process does not follow the log
    bases: dict[str, str | None] = field(default_factory=dict)  # group's uid -> the snapshot that it was read from

    @property
    def arn(self) -> str:
        """The ARN of the resource that the job is about."""
        return self.job.arn

    def change(self, record: R, **changes: Any) -> R:
        """Store `changes` and the time, on top of what others have changed of the record meanwhile.

        Raises where the job is no longer ours: whoever took it has the say.
        """
        stored = store(self.engine, self.job, record.arn, changes)
        return msgspec.json.decode(stored, type=type(record))

    def check(self) -> None:
        """Raises where the job is no longer ours: to be called before a file is put where others read it."""
        if not self.engine.jobs.is_still_held(self.job):
            raise JobStopped(CANCELLED)

    def fail(self, reason: str, status: str = "CREATE FAILED") -> None:
        """Shows by the resource that the job has failed."""
        store(self.engine, self.job, self.arn, {"status": status, "failure_reason": reason})

    def folder_name(self, name: str) -> str:
        """The name of a folder that this lease of the job alone writes: whoever had an earlier lease, and comes back,
        must not change what this one publishes."""
        return name if self.job.lease < 2 else f"{name}-{self.job.lease}"

    def state(self, group: DatasetGroupRecord) -> Group:
        """The group as of now, of this job alone."""
        self.bases[group.uid] = self.engine.follower.newest_path(group.uid)
        state = self.engine.follower.restored(group.uid)
        state.oldest_event = self.engine.log.oldest(group.uid, "event")
        return state

    def publish(self, group: Group, snapshot: Stored, **also: Any) -> None:
        """Make a snapshot, of that state, the one that workers read; `also` are changes of the resource that the job is
        about, and `counts`, see `publish`, done in the same transaction.

        Raises where the job was cancelled or taken over, and `SnapshotOvertaken` where another's has come since the
        state was read: a snapshot begun before another's must not replace it.
        """
        for dataset_type, seq in group.cleared.items():  # first: the state is the same without what was deleted
            remove(self, group.uid, seq, RECORDS_OF[dataset_type])
        self._remove_erased(group)
        store, path = self.engine.store, f"groups/{group.uid}/{snapshot.seq}-{self.engine.new_id()[:8]}"
        stored.save(snapshot, store, path)
        counts = also.pop("counts", None)
        new = NewSnapshot(group.uid, self.bases.get(group.uid), path, snapshot.seq)
        try:
            publish(self.engine, self.job, new, also, counts)
        except SnapshotOvertaken:
            discard(store, [path])
            raise
        _forget_old(store, path, 1 if group.erased else SNAPSHOTS_KEPT)
        for seq in group.erased:  # the records themselves name who was deleted
            remove(self, group.uid, seq + 1, "erased")

    def _remove_erased(self, group: Group) -> None:
        """Removes all that deleted users and their sessions sent; the state is the same without."""
        for seq, names in group.erased.items():
            for start in range(0, len(names), KEYS_AT_ONCE):
                for kind in ("event", "action_event", "user"):
                    remove(self, group.uid, seq, kind, names[start : start + KEYS_AT_ONCE])


def perform_resource_job(
    work: Work,
    kind: type[R],
    perform: Callable[[Work, R], str],
    ended: str,
    faults: tuple[type[Exception], ...] = (EngineError,),
) -> str:
    """Performs a job whose resource is being created, unless it had `ended` before its process did.

    One of the `faults` is shown by the resource, and raised.
    """
    record = work.engine.records.get(work.arn, kind)
    if record.status == ACTIVE:
        return ended
    record = work.change(record, status="CREATE IN_PROGRESS")
    try:
        return perform(work, record)
    except faults as error:
        work.fail(str(error) or type(error).__name__)
        raise


def hold(engine: Engine, job: Job, within: sa.Connection) -> None:
    """Raises where the job is no longer its owner's, as of that transaction."""
    if not engine.jobs.holds(job, within):
        raise JobStopped(CANCELLED)


def changed(engine: Engine, job: Job, arn: str, changes: Mapping[str, Any], within: sa.Connection) -> Record:
    """Changes a record as `Work.change` does, in a transaction."""
    hold(engine, job, within)
    stored = engine.records.get(arn, kind_of(arn), within)
    record = msgspec.structs.replace(stored, last_updated_date_time=round(engine.clock(), 3), **changes)
    engine.records.replace(record, within)
    return record


@write
def store(engine: Engine, job: Job, arn: str, changes: dict[str, Any]) -> bytes:
    """The record, JSON."""
    with engine.database.write() as within:
        return msgspec.json.encode(changed(engine, job, arn, changes, within))


class NewSnapshot(msgspec.Struct, frozen=True):
    """A snapshot that was written to disk; `base` is where the state lies that it was made from."""

    uid: str  # the dataset group's
    base: str | None
    path: str
    seq: int  # of the last log record that is in it


@write
def publish(
    engine: Engine, job: Job, new: NewSnapshot, changes: dict[str, Any], counts: tuple[str, Totals] | None
) -> None:
    """Makes this snapshot the one that workers read; `counts` are what a metric attribution counts of it."""
    uid = new.uid
    with engine.database.write() as within:
        hold(engine, job, within)
        query = sa.select(snapshots.c.path).where(snapshots.c.grp == uid).with_for_update()
        if within.execute(query).scalar_one_or_none() != new.base:
            raise SnapshotOvertaken("another job has published a snapshot of the group meanwhile")
        within.execute(sa.delete(snapshots).where(snapshots.c.grp == uid))
        within.execute(sa.insert(snapshots).values({"grp": uid, "path": new.path, "seq": new.seq}))
        engine.log.append_within(within, [LogEntry(uid, "snapshot", new.path, encode(Pointer(new.path)))])
        if changes:
            changed(engine, job, job.arn, changes, within)
        if counts is not None and ledger.position(within, counts[0]) is not None:  # else deleted meanwhile
            ledger.add(within, counts[0], dict(counts[1]), ledger.TOTAL)


def remove(work: Work, uid: str, before: int, kind: str | None = None, keys: Sequence[str] | None = None) -> None:
    """Records of a group's log, see `Log.doomed`. Raises where the job is no longer ours."""
    for seqs in work.engine.log.doomed(uid, before, kind, keys):
        _remove(work.engine, work.job, seqs)


@write
def _remove(engine: Engine, job: Job, seqs: list[int]) -> None:
    with engine.database.write() as within:
        hold(engine, job, within)
        engine.log.remove(seqs, within)


def _forget_old(store: ArtifactStore, newest: str, most: int) -> None:
    """Older snapshots go; a process that still maps one keeps its pages until it lets go."""
    try:
        earlier = [path for path in store.paths(newest.rpartition("/")[0]) if path != newest and "/." not in path]
    except Unavailable as error:
        log.warning("what is older than %s is left to the next cleaning: %s", newest, error.message)
        return
    discard(store, sorted(earlier, key=_seq_of, reverse=True)[most - 1 :])


def discard(store: ArtifactStore, paths: Sequence[str]) -> None:
    """Remove what nothing uses any more; what was published instead counts whether that succeeds or not."""
    for path in paths:
        try:
            store.remove(path)
        except Unavailable as error:
            log.warning("%s is left to the next cleaning: %s", path, error.message)


def _seq_of(path: str) -> int:
    """The last log record that a snapshot has, by its path."""
    return int(path.rpartition("/")[2].partition("-")[0])
