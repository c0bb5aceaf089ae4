"""A dataset import job: files to columns, checked whole, then one new snapshot (specification §2.4)."""

from __future__ import annotations

import msgspec

from engine.attribution.imported import count_import
from engine.control.lifecycle import ACTIVE
from engine.data.fold import Import, fold_import
from engine.data.importer import import_csv
from engine.data.source import open_source
from engine.errors import EngineError
from engine.jobs.kinds.folding import folding
from engine.jobs.work import Work
from engine.records import Dataset, DatasetGroup, DatasetImportJob
from engine.settings import Settings

GIGABYTE = 1 << 30
MAX_BYTES = {"FULL": 100 * GIGABYTE, "INCREMENTAL": GIGABYTE}


def run(work: Work) -> str:
    job = work.engine.records.get(work.arn, DatasetImportJob)
    if job.status == ACTIVE:
        return "imported before its process ended"
    job = work.change(job, status="CREATE IN_PROGRESS")
    try:
        return _import(work, job)
    except EngineError as error:
        failed(work, error.message)
        raise


def failed(work: Work, reason: str) -> None:
    job = work.engine.records.get(work.arn, DatasetImportJob)
    work.change(job, status="CREATE FAILED", failure_reason=reason)


def _too_few(rows: int, dataset: Dataset, settings: Settings) -> str | None:
    least = settings.min_interactions if settings.quotas == "aws" and dataset.dataset_type == "INTERACTIONS" else 0
    return (
        f"The input has {rows:,} records; an import of interactions has at least {least:,}." if rows < least else None
    )


def _import(work: Work, job: DatasetImportJob) -> str:
    dataset = work.directory.get(job.dataset_arn, Dataset)
    group = work.directory.get(dataset.dataset_group_arn, DatasetGroup)
    settings = work.engine.settings
    limit = MAX_BYTES[job.import_mode] if settings.quotas == "aws" else None
    source = open_source(job.data_source["dataLocation"], allow_file_urls=settings.allow_file_urls, max_bytes=limit)
    imported = import_csv(source, work.directory.schema(dataset), lambda f, m: work.progress(0.8 * f, m))
    report = msgspec.to_builtins(imported.report)
    reason = imported.report.failure_reason() or _too_few(imported.report.rows, dataset, settings)
    if reason is not None:
        work.change(job, status="CREATE FAILED", failure_reason=reason, report=report)
        return f"refused: {reason}"
    work.progress(0.85, "making the snapshot")
    state = work.state(group)
    table = Import(imported.rows, full=job.import_mode == "FULL")
    snapshot, new = fold_import(folding(work, group, state, {dataset.dataset_type: table}))
    counted = None
    if dataset.dataset_type == "INTERACTIONS":
        counted = count_import(work, job, group, imported.rows, new, snapshot, state.items)
    work.progress(0.95, "publishing")
    work.publish(state, snapshot, status=ACTIVE, report=report, counts=counted)
    return f"{imported.report.kept:,} rows"
