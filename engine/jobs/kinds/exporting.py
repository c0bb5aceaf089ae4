"""A dataset export job: everything that the group has by now, as one CSV file (specification §2.6)."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain

import numpy as np

from engine.control.lifecycle import ACTIVE
from engine.data import exporter
from engine.data.destination import open_destination
from engine.data.schema import Schema
from engine.data.stored import EMPTY, Flags, Stored
from engine.jobs.group_data import current
from engine.jobs.work import Work, perform_resource_job
from engine.records import DatasetExportJobRecord, DatasetGroupRecord, DatasetRecord

SAID_EVERY = 50_000  # rows


def run(work: Work) -> str:
    return perform_resource_job(work, DatasetExportJobRecord, _export, "exported before its process ended")


failed = Work.fail


def _export(work: Work, job: DatasetExportJobRecord) -> str:
    dataset = work.directory.get(job.dataset_arn, DatasetRecord)
    group = work.directory.get(dataset.dataset_group_arn, DatasetGroupRecord)
    schema = work.directory.schema(dataset)
    stored = current(work, group)
    folder = job.job_output["s3DataDestination"]["path"]
    allowed = work.engine.settings.allow_file_urls
    count = 0
    with open_destination(folder, f"{job.name}.csv", allow_file_urls=allowed) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([field.name for field in schema.fields])
        for row in _rows(stored, dataset.dataset_type, schema, job.ingestion_mode):
            writer.writerow(row)
            count += 1
            if count % SAID_EVERY == 0:
                work.progress(0.5, f"{count:,} rows written")
        work.progress(0.9, "putting the file in its place")
    work.change(job, status=ACTIVE)
    return f"{count:,} rows"


def _rows(stored: Stored, dataset_type: str, schema: Schema, mode: str) -> Iterator[exporter.Row]:
    if dataset_type.startswith("ACTION"):
        stored = stored.actions or EMPTY
    if dataset_type in ("ITEMS", "ACTIONS"):
        return exporter.items(stored, schema, _wanted(stored.item_put, mode))
    if dataset_type == "USERS":
        return exporter.users(stored, schema, _wanted(stored.user_put, mode))
    bulk = exporter.bulk_interactions(stored, schema) if mode != "PUT" else iter(())
    put = exporter.put_interactions(stored, schema) if mode != "BULK" else iter(())
    return chain(bulk, put)


def _wanted(put: Flags, mode: str) -> Flags:
    return {"PUT": put, "BULK": ~put, "ALL": np.ones_like(put)}[mode]
