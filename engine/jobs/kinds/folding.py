"""Make a new snapshot of a dataset group, so that workers start from it and replay little; drop deleted datasets."""

from __future__ import annotations

from engine.jobs.group_data import current
from engine.jobs.work import Work
from engine.records import DatasetGroupRecord


def run(work: Work) -> str:
    group = work.directory.get(work.arn, DatasetGroupRecord)
    work.progress(0.1, "reading the log")
    snapshot = current(work, group)
    work.progress(0.9, "publishing")
    return f"{len(snapshot.snapshot.items):,} interactions"
