"""What an import of interactions adds to the counts: to a file where the job asks for it, and to the totals where it is
incremental (specification §2.4).
"""

from __future__ import annotations

from collections.abc import Mapping

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


def count_import(
    work: Work,
    job: DatasetImportJobRecord,
    group: DatasetGroupRecord,
    columns: Mapping[str, Column],
    rows: Longs,
    stored: Stored,
    items: Vocab,
) -> tuple[str, Totals] | None:
    """The new `rows` of imported interactions, counted with the items of the snapshot they are in, and written into a
    file where the job asks for one; if it is tried again, into the same file. The attribution's ARN, and what the
    totals get if the import is incremental; None where the group has no attribution.

    Raises `InvalidInput` where the file can't be written.
    """
    of_group = work.engine.records.list(MetricAttributionRecord, parent=group.arn)
    attribution = next((each for each in of_group if each.deleted_at is None), None)
    if attribution is None:
        return None
    with work.engine.database.read() as connection:
        tally = Tally(attribution.metrics, sources_of(attribution, work.directory, connection))
    names = columns["ITEM_ID"]
    assert isinstance(names, Labels)
    ids = np.array([items.find(name) for name in names.names] or [0], np.int64)[names.codes]
    tally.add_rows(columns, rows, lambda name: _numbers(stored.snapshot.item_columns.get(name), ids))
    if job.publish_attribution_metrics_to_s3:
        allowed = work.engine.settings.allow_file_urls
        made = round(job.creation_date_time * 1000)
        write_report(attribution, tally.counts, job.import_mode, made, allow_file_urls=allowed)
    totals = ledger.total(tally.counts) if job.import_mode == "INCREMENTAL" else {}
    return attribution.arn, list(totals.items())


def _numbers(column: Column | None, ids: Longs) -> Array:
    return column.values.astype(np.float64)[ids] if isinstance(column, Numbers) else np.full(len(ids), np.nan)
