"""Counts an import of interactions for metric attribution: into a file where the job asks for it, and into the totals
where it is incremental (specification §2.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from engine.attribution import ledger
from engine.attribution.report import write_report
from engine.attribution.tally import Tally
from engine.data.columns import Array, Column, Labels, Longs, Numbers
from engine.data.stored import Stored
from engine.data.vocab import Vocab
from engine.jobs.attribution import sources_of
from engine.jobs.work import Totals, Work
from engine.records import DatasetGroupRecord, DatasetImportJobRecord, MetricAttributionRecord


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
        write_report(attribution, tally.counts, job.import_mode, batch, allow_file_urls=allowed)
    totals = ledger.total(tally.counts) if job.import_mode == "INCREMENTAL" else {}
    return attribution.arn, list(totals.items())


def _numbers(column: Column | None, ids: Longs) -> Array:
    return column.values.astype(np.float64)[ids] if isinstance(column, Numbers) else np.full(len(ids), np.nan)
