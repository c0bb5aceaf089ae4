"""A dataset export job: everything that the group has by now, as one CSV file (specification §2.6)."""

from __future__ import annotations

import csv

from engine.control.lifecycle import ACTIVE
from engine.data import exporter
from engine.data.destination import open_destination
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
        for row in exporter.rows(stored, schema, job.ingestion_mode):
            writer.writerow(row)
            count += 1
            if count % SAID_EVERY == 0:
                work.progress(0.5, f"{count:,} rows written")
        work.progress(0.9, "putting the file in its place")
        work.check()
    work.change(job, status=ACTIVE)
    return f"{count:,} rows"
