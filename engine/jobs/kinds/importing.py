"""A dataset import job: files to columns, checked whole, then one new snapshot (specification §2.4)."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from engine.control.lifecycle import ACTIVE
from engine.data.compaction import Import, compact_import
from engine.data.importer import Imported, import_files
from engine.data.options import TAG_PREFIX
from engine.data.report import ImportReport
from engine.data.source import SourceLimits, open_source
from engine.engine import Engine
from engine.jobs.attribution import ImportedInteractions, count_import
from engine.jobs.group_data import kinds_of
from engine.jobs.work import Work, discard, perform_resource_job, undisturbed
from engine.queue.queue import Job
from engine.records import DatasetGroupRecord, DatasetImportJobRecord, DatasetRecord
from engine.settings import Settings
from engine.storage.uploads import readable_location, upload_at

log = logging.getLogger(__name__)

LONGEST_TAG = 256  # characters
GIGABYTE = 1 << 30
MAX_BYTES = {"FULL": 100 * GIGABYTE, "INCREMENTAL": GIGABYTE}
A_BYTE_S = 60.0 / (32 << 20)  # some seconds a million rows


failed = Work.fail


def run(work: Work) -> str:
    return perform_resource_job(work, DatasetImportJobRecord, _import, "imported before its process ended")


def seconds(engine: Engine, job: Job) -> float:
    """The estimate by the bytes of local files; 0 for others, whose size would take a question over the network."""
    record = engine.records.find(job.arn, DatasetImportJobRecord)
    location = "" if record is None else record.data_source["dataLocation"]
    if not location.startswith("file://"):
        return 0.0
    path = Path(unquote(urlsplit(location).path))
    try:
        files = list(path.iterdir()) if path.is_dir() else [path]
        return A_BYTE_S * sum(file.stat().st_size for file in files)
    except OSError:
        return 0.0


def _too_few(rows: int, dataset: DatasetRecord, settings: Settings) -> str | None:
    least = settings.min_interactions if settings.quotas == "aws" and dataset.dataset_type == "INTERACTIONS" else 0
    return (
        f"The input has {rows:,} records; an import of interactions has at least {least:,}." if rows < least else None
    )


def _nothing(report: ImportReport, job: DatasetImportJobRecord, dataset: DatasetRecord) -> str | None:
    if report.kept or job.import_mode != "FULL" or job.options.allow_empty:
        return None
    return (
        f"The input has no rows, and a FULL import of none would empty the {dataset.dataset_type} dataset; nothing was"
        " changed. Say so if that is meant: recgate import --allow-empty, or the tag recgate:allowEmpty=true."
    )


def _tags(report: ImportReport) -> dict[str, str]:
    """The tags by which a client of Amazon Personalize can read what was odd in an import that went well."""
    counts = {"rowsLeftOut": report.bad, "valuesReadAsNull": sum(flaw.count for flaw in report.nulls)}
    columns = re.sub(r"[^\w .:/=+\-@]", "_", " ".join(filter(None, report.ignored_columns)))
    tags = {name: str(count) for name, count in counts.items() if count}
    tags |= {"columnsLeftOut": columns[:LONGEST_TAG]} if columns else {}
    return {TAG_PREFIX + name: text for name, text in tags.items()}


def _import(work: Work, job: DatasetImportJobRecord) -> str:
    location = job.data_source["dataLocation"]
    upload, store = upload_at(location), work.engine.store
    if upload is None:
        return _import_from(work, job, location)
    outcome = _import_from(work, job, readable_location(store, upload))
    discard(store, [upload.path])
    return outcome


def _import_from(work: Work, job: DatasetImportJobRecord, location: str) -> str:
    dataset = work.directory.get(job.dataset_arn, DatasetRecord)
    group = work.directory.get(dataset.dataset_group_arn, DatasetGroupRecord)
    settings = work.engine.settings
    limit = MAX_BYTES[job.import_mode] if settings.quotas == "aws" else None
    # who may name a file was asked when the job was made
    source = open_source(location, allow_file_urls=True, limits=SourceLimits(max_bytes=limit))
    schema, now = work.directory.schema(dataset), work.engine.clock()
    imported = import_files(source, schema, lambda f, m: work.progress(0.8 * f, m), job.options, now)
    report = msgspec.to_builtins(imported.report)
    reason = (
        imported.report.failure_reason()
        or _too_few(imported.report.rows, dataset, settings)
        or _nothing(imported.report, job, dataset)
    )
    if reason is not None:
        work.change(job, status="CREATE FAILED", failure_reason=reason, report=report)
        return f"refused: {reason}"
    undisturbed(lambda: _publish(work, job, group, dataset.dataset_type, imported))
    rows = f"{imported.report.kept:,} rows"
    if not (notes := " ".join(imported.report.notes())):
        return rows
    log.info("%s: %s", job.arn, notes)
    return f"{rows}. {notes}"


def _publish(
    work: Work, job: DatasetImportJobRecord, group: DatasetGroupRecord, dataset_type: str, imported: Imported
) -> None:
    """The group's data with what was imported."""
    work.progress(0.85, "making the snapshot")
    state = work.state(group)
    table = Import(imported.rows, full=job.import_mode == "FULL")
    snapshot, new = compact_import(state, kinds_of(work, group), {dataset_type: table})
    counted = None
    if dataset_type == "INTERACTIONS":
        counted = count_import(work, job, group, ImportedInteractions(imported.rows, new, snapshot, state.items))
    work.progress(0.95, "publishing")
    tags = {**work.engine.records.get(job.arn, DatasetImportJobRecord).tags, **_tags(imported.report)}
    report = msgspec.to_builtins(imported.report)
    work.publish(state, snapshot, status=ACTIVE, report=report, tags=tags, counts=counted)
