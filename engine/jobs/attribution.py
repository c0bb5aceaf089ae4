"""Counts what the log brings, again and again; every quarter of an hour it writes what is new into a file.

Counts an import of interactions, too: into a file where the job asks for it, and into the totals where it is
incremental (specification §2.4).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import sqlalchemy as sa

from engine.attribution import ledger
from engine.attribution.figures import write_report
from engine.attribution.tally import WINDOW, Sources, Tally
from engine.data import entries
from engine.data.columns import Array, Column, Labels, Longs, Numbers
from engine.data.group import Group
from engine.data.log import Logged
from engine.data.stored import Stored
from engine.data.vocab import Vocab
from engine.engine import Engine
from engine.errors import EngineError, Unavailable
from engine.feed.directory import Directory
from engine.feed.follower import taken
from engine.jobs.work import Totals, Work
from engine.records import DatasetGroupRecord, DatasetImportJobRecord, MetricAttributionRecord
from engine.storage.writes import write

log = logging.getLogger(__name__)

PAGE = 10_000
METHOD = "PUT_EVENTS"  # in the names of files


class AttributionWorker:
    """One thread's. Several processes may have one: see `engine.attribution.ledger`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._groups: dict[str, Group] = {}  # by uid, where items are looked at

    def work(self) -> None:
        """Count and publish what is due, of every attribution."""
        for attribution in self._engine.records.list(MetricAttributionRecord):
            if attribution.deleted_at is None:
                try:
                    self._publish(attribution)  # first: a file ends where a window does
                    self._count(attribution)
                except Unavailable:  # the database has logged it
                    return
                except Exception:  # the others must be counted, and this one the next time
                    log.exception("%s is not counted", attribution.arn)

    # ---- counting

    def _count(self, attribution: MetricAttributionRecord) -> None:
        uid = self._engine.records.get(attribution.dataset_group_arn, DatasetGroupRecord).uid
        with self._engine.database.read() as connection:
            position = ledger.position(connection, attribution.arn)
        at = None if position is None else position.seq
        while at is not None and (page := self._engine.log.read(at, group=uid, limit=PAGE)):
            tally = Tally(attribution.metrics, self._sources(attribution))
            self._tally(page, uid, tally)
            counts = list(tally.counts.items())
            at = page[-1].seq if store(self._engine, attribution, at, page[-1].seq, counts) else None

    def _sources(self, attribution: MetricAttributionRecord) -> Sources:
        with self._engine.database.read() as connection:
            return sources_of(attribution, Directory(self._engine.records), connection)

    def _tally(self, page: Sequence[Logged], uid: str, tally: Tally) -> None:
        if not tally.needs_items:
            self._groups.pop(uid, None)
        elif uid not in self._groups:
            self._groups[uid] = self._engine.follower.restored(uid, page[0].seq - 1)
        for record in page:
            self._follow(record)
            if record.kind == "event":
                tally.add(entries.read_interaction(record.body), record.at, lambda *of: self._item_value(uid, *of))
        if uid in self._groups:
            self._groups[uid].settle()

    def _follow(self, record: Logged) -> None:
        """So that an event counts with its item as it was then."""
        group = self._groups.get(record.group)
        if group is None:
            return
        if record.kind == "snapshot":
            self._groups[record.group] = self._engine.follower.restored(record.group, record.seq)
        elif record.kind in entries.STATE_KINDS and record.seq > group.seq:
            taken(group, record)

    def _item_value(self, uid: str, item: str, column: str) -> Any:
        group = self._groups[uid]
        return group.item_table.value(group.items.find(item), column)

    # ---- publishing

    def _publish(self, attribution: MetricAttributionRecord) -> None:
        engine, arn = self._engine, attribution.arn
        now = engine.clock()
        with engine.database.read() as connection:
            position = ledger.position(connection, arn)
        if position is not None and now // WINDOW > position.published // WINDOW:
            gather(engine, arn, int(now * 1000), now)
        with engine.database.read() as connection:
            due = ledger.batches(connection, arn)
        for batch, counts in due.items():
            if not self._written(attribution, counts, batch):
                if batch / 1000 > now - engine.settings.log_days * 86_400:
                    return
                log.error("%s: the counts of a file that could not be written for so long are in totals only", arn)
            settle(engine, arn, batch)

    def _written(self, attribution: MetricAttributionRecord, counts: ledger.Counts, batch: int) -> bool:
        """The attribution shows why not."""
        reason = None
        try:
            write_report(attribution, counts, METHOD, batch, allow_file_urls=self._engine.settings.allow_file_urls)
        except EngineError as error:
            reason = error.message
        if reason != attribution.failure_reason:
            show_failure(self._engine, attribution.arn, reason)
        return reason is None


@write
def store(
    engine: Engine,
    attribution: MetricAttributionRecord,
    before: int,
    after: int,
    counts: list[tuple[ledger.Key, ledger.Sum]],
) -> bool:
    """False where somebody else counted, or the metrics have changed: the next round sees to it."""
    with engine.database.write() as within:
        now = engine.records.find(attribution.arn, MetricAttributionRecord, within)
        if now is None or now.deleted_at is not None or now.metrics != attribution.metrics:
            return False
        if not ledger.advance(within, attribution.arn, before, after):
            return False
        ledger.add(within, attribution.arn, dict(counts))
    return True


@write
def gather(engine: Engine, arn: str, batch: int, now: float) -> None:
    with engine.database.write() as within:
        ledger.gather(within, arn, batch, now)


@write
def settle(engine: Engine, arn: str, batch: int) -> None:
    with engine.database.write() as within:
        ledger.settle(within, arn, batch)


@write
def show_failure(engine: Engine, arn: str, reason: str | None) -> None:
    with engine.database.write() as within:
        stored = engine.records.get(arn, MetricAttributionRecord, within)
        engine.records.replace(msgspec.structs.replace(stored, failure_reason=reason), within)


def sources_of(attribution: MetricAttributionRecord, directory: Directory, connection: sa.Connection) -> Sources:
    """The sources of an attribution: the campaigns and recommenders of its account, and those with counts."""
    counted = (key.source for key in ledger.totals(connection, attribution.arn))
    own = {tag: arn for tag, arn in directory.sources().items() if arn.split(":")[4] == attribution.account}
    return Sources(own, counted)


class ImportedInteractions(NamedTuple):
    columns: Mapping[str, Column]
    new: Longs  # the rows that the group did not have before
    stored: Stored  # the snapshot that they are in
    items: Vocab


def count_import(
    work: Work, job: DatasetImportJobRecord, group: DatasetGroupRecord, imported: ImportedInteractions
) -> tuple[str, Totals] | None:
    """Counts the new rows with the items of their snapshot, and writes the counts into a file where the job asks for
    one; if the job is tried again, into the same file. Returns the attribution's ARN, and what the totals get if the
    import is incremental; None where the group has no attribution.

    Raises `InvalidInput` where the file can't be written.
    """
    of_group = work.engine.records.list(MetricAttributionRecord, parent=group.arn)
    attribution = next((each for each in of_group if each.deleted_at is None), None)
    if attribution is None:
        return None
    with work.engine.database.read() as connection:
        tally = Tally(attribution.metrics, sources_of(attribution, work.directory, connection))
    columns, item_columns = imported.columns, imported.stored.snapshot.item_columns
    names = columns["ITEM_ID"]
    assert isinstance(names, Labels)
    ids = np.array([imported.items.find(name) for name in names.names] or [0], np.int64)[names.codes]
    tally.add_rows(columns, imported.new, lambda name: _numbers(item_columns.get(name), ids))
    if job.publish_attribution_metrics_to_s3:
        allowed = work.engine.settings.allow_file_urls
        batch = round(job.creation_date_time * 1000)
        work.check()
        write_report(attribution, tally.counts, job.import_mode, batch, allow_file_urls=allowed)
    totals = ledger.total(tally.counts) if job.import_mode == "INCREMENTAL" else {}
    return attribution.arn, list(totals.items())


def _numbers(column: Column | None, ids: Longs) -> Array:
    return column.values.astype(np.float64)[ids] if isinstance(column, Numbers) else np.full(len(ids), np.nan)
