"""A dataset group's data as of now, in columns of today's schemas."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.data.cells import column_kind
from engine.data.columns import Column, Labels, Tags, Texts
from engine.data.compaction import Kinds, compact
from engine.data.reserved import DATASET_TYPES
from engine.data.schema import Field, Schema
from engine.data.stored import Stored
from engine.engine import Engine
from engine.errors import Unavailable
from engine.feed.directory import Directory
from engine.jobs.work import Work, undisturbed
from engine.records import DatasetGroupRecord

# what a snapshot has arrays for
ROWS = frozenset({"USER_ID", "ITEM_ID", "ACTION_ID", "TIMESTAMP", "EVENT_TYPE", "EVENT_VALUE"})
SPECIAL: Mapping[str, type[Column]] = {"IMPRESSION": Tags, "EVENT_ATTRIBUTION_SOURCE": Labels}


def interactions_of(engine: Engine, group_arn: str) -> int:
    """The rough number of a group's interactions: those of its snapshot, and records that came since."""
    group = engine.records.find(group_arn, DatasetGroupRecord)
    if group is None:
        return 0
    path = engine.follower.newest_path(group.uid)
    streamed = engine.log.count_after_snapshot(group.uid)
    try:
        file = engine.store.fetch(path) / "items.npy" if path else None
        return streamed + (len(np.load(file, mmap_mode="r")) if file else 0)
    except (OSError, Unavailable):  # replaced by a newer one at this moment, or out of reach
        return streamed


def current(work: Work, group: DatasetGroupRecord) -> Stored:
    """The group's snapshot with all that the log has; a new one is published where the log has more than the last."""
    return undisturbed(lambda: _current(work, group))


def _current(work: Work, group: DatasetGroupRecord) -> Stored:
    state = work.state(group)
    if not state.changed:
        return state.stored
    snapshot = compact(state, kinds_of(work, group))
    work.publish(state, snapshot)
    return snapshot


def kinds_of(work: Work, group: DatasetGroupRecord) -> dict[str, Kinds]:
    """The metadata columns of the group's datasets by type, as today's schemas have them."""
    return kinds_by(schemas_in(work.directory, group.arn))


def schemas_in(directory: Directory, group_arn: str) -> dict[str, Schema]:
    """The schemas of a group's datasets by type."""
    return {kind: directory.schema(each) for kind, each in directory.datasets(group_arn).items()}


def kinds_by(schemas: Mapping[str, Schema]) -> dict[str, Kinds]:
    """The metadata columns of datasets by type, none of those without a schema."""
    return {dataset_type: _kinds(schemas.get(dataset_type), dataset_type) for dataset_type in DATASET_TYPES}


def _kinds(schema: Schema | None, dataset_type: str) -> Kinds:
    if schema is None:
        return {}
    if dataset_type.endswith("INTERACTIONS"):
        return {field.name: _interaction_kind(field) for field in schema.fields if field.name not in ROWS}
    return {field.name: column_kind(field) for field in schema.fields if field.name != schema.key}


def _interaction_kind(field: Field) -> type[Column]:
    """Strings that are not categorical may differ in every row: a worker must not hold their list of names."""
    kind = SPECIAL.get(field.name, column_kind(field))
    return Texts if kind is Labels and field.name not in SPECIAL else kind
