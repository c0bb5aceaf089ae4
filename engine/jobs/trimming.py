"""What is old and of no more use leaves the database: log records that snapshots have, jobs that have ended.

Records go when they are `log_days` old and in their group's snapshot, and counted by its metric attribution. The newest
events of each group stay: automatic training looks at them. So does the last record, whose number tells where the log
is. What every process has heard of long ago, of no group, goes as well.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence

import sqlalchemy as sa

from engine.engine import Engine
from engine.records import DatasetGroupRecord, MetricAttributionRecord
from engine.storage.tables import attributions, jobs, log as log_table, snapshots
from engine.storage.writes import write

log = logging.getLogger(__name__)

TRIM_S = 3600.0
DAY_S = 86_400.0
PORTION = 2000  # rows of one transaction: events wait for it
LOOKED_AT = 20_000  # rows of one look for old ones
NEWEST_STAY = ("event", "action_event")


class Trimmer:
    """One thread's. Several processes may have one: what is gone is gone."""

    def __init__(self, engine: Engine, stopping: threading.Event | None = None) -> None:
        self._engine, self._trimmed_at = engine, -TRIM_S
        self._stopping = stopping or threading.Event()

    def trim_hourly(self) -> None:
        if time.monotonic() - self._trimmed_at >= TRIM_S:
            self.trim()
            self._trimmed_at = time.monotonic()

    def trim(self) -> int:
        """The number of log records that were removed. Between portions events have as much time as one takes."""
        engine, removed = self._engine, 0
        before = engine.clock() - engine.settings.log_days * DAY_S
        for seqs in self._old_records(before):
            began = time.monotonic()
            remove_records(engine, seqs)
            removed += len(seqs)
            if self._stopping.wait(time.monotonic() - began):
                break
        while remove_jobs(engine, before) == PORTION:
            pass
        if removed:
            log.info(
                "%d records left the log: they are in snapshots, and %g days old", removed, engine.settings.log_days
            )
        return removed

    def _old_records(self, before: float) -> Iterator[list[int]]:
        c, last = log_table.c, 0
        query = sa.select(c.seq, c.grp, c.at).order_by(c.seq).limit(LOOKED_AT)
        floors, staying = self._floors(), self._staying()
        found: list[int] = []
        while rows := self._engine.database.rows(query.where(c.seq > last)):
            last = rows[-1].seq
            found += [
                row.seq
                for row in rows
                if row.at < before and row.seq not in staying and (not row.grp or row.seq <= floors.get(row.grp, 0))
            ]
            while len(found) >= PORTION:
                yield found[:PORTION]
                del found[:PORTION]
            if rows[-1].at >= before:  # numbers and times go together but for a moment
                break
        if found:
            yield found

    def _floors(self) -> Mapping[str, int]:
        """By group, the last record that nobody needs from the log."""
        database, records = self._engine.database, self._engine.records
        floors = {row.grp: row.seq for row in database.rows(sa.select(snapshots.c.grp, snapshots.c.seq))}
        counted = {row.arn: row.seq for row in database.rows(sa.select(attributions.c.arn, attributions.c.seq))}
        groups = {each.arn: each.uid for each in records.list(DatasetGroupRecord)}
        for attribution in records.list(MetricAttributionRecord):
            uid = groups.get(attribution.dataset_group_arn, "")
            if attribution.arn in counted and uid in floors:
                floors[uid] = min(floors[uid], counted[attribution.arn])
        return floors

    def _staying(self) -> set[int]:
        database, c = self._engine.database, log_table.c
        newest = sa.select(c.seq).order_by(c.seq.desc()).limit(1)
        groups = [each.uid for each in self._engine.records.list(DatasetGroupRecord) if each.deleted_at is None]
        queries = [newest, *(newest.where(c.grp == uid, c.kind == kind) for uid in groups for kind in NEWEST_STAY)]
        return {seq for seq in map(database.value, queries) if seq is not None}


@write
def remove_records(engine: Engine, seqs: Sequence[int]) -> None:
    with engine.database.write() as within:
        engine.log.remove(seqs, within)


@write
def remove_jobs(engine: Engine, before: float) -> int:
    """Removes a portion of the jobs that ended before; returns how many."""
    ended = sa.select(jobs.c.id).where(jobs.c.state.in_(("done", "failed")), jobs.c.ended < before).limit(PORTION)
    with engine.database.write() as within:
        return within.execute(sa.delete(jobs).where(jobs.c.id.in_(ended))).rowcount
