"""Make a new snapshot of a dataset group, so that workers start from it and replay little; drop deleted datasets."""

from __future__ import annotations

from engine.data.fold import Fold, Kinds, fold
from engine.data.importer import column_kind
from engine.data.stored import Stored
from engine.jobs.work import Work
from engine.records import DatasetGroup


def run(work: Work) -> str:
    group = work.directory.get(work.arn, DatasetGroup)
    work.progress(0.1, "reading the log")
    snapshot = current(work, group)
    work.progress(0.9, "publishing")
    return f"{len(snapshot.snapshot.items):,} interactions"


def current(work: Work, group: DatasetGroup) -> Stored:
    """The group's snapshot with all that the log has; a new one is published where the log has more than the last."""
    state = work.state(group)
    if not state.changed:
        return state.stored
    snapshot = fold(Fold(state, item_kinds=kinds(work, group, "ITEMS"), user_kinds=kinds(work, group, "USERS")))
    work.publish(state, snapshot)
    return snapshot


def kinds(work: Work, group: DatasetGroup, dataset_type: str) -> Kinds:
    """The metadata columns of one of the group's datasets, none where it has no such dataset."""
    dataset = work.directory.datasets(group.arn).get(dataset_type)
    if dataset is None:
        return {}
    schema = work.directory.schema(dataset)
    return {field.name: column_kind(field) for field in schema.fields if field.name != schema.key}
