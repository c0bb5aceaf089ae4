"""Datasets: one of each type in a dataset group, under a schema."""

from __future__ import annotations

from itertools import chain

from sqlalchemy import Connection

from engine.arns import name_of
from engine.control.control import Control, refuse_dependants
from engine.control.event_trackers import add_tracker, tracker_of
from engine.control.family import NAMED, ResourceFamily, view
from engine.control.fields import Arn, CreateRequest, DatasetType, Request
from engine.control.lifecycle import BUSY, stated
from engine.control.operation import operation
from engine.data.reserved import DATASET_TYPES
from engine.data.schema import check, parse_schema
from engine.errors import InUse, InvalidInput
from engine.records import (
    DatasetExportJobRecord,
    DatasetGroupRecord,
    DatasetImportJobRecord,
    DatasetRecord,
    JsonMap,
    RecommenderRecord,
    SchemaRecord,
    SolutionVersionRecord,
)

UPDATABLE = frozenset({"ITEMS", "USERS"})
CUSTOM_ONLY = frozenset({"ACTIONS", "ACTION_INTERACTIONS"})
TRACKED = "ACTION_INTERACTIONS"  # comes with an event tracker, where the group has none (specification §1.5)


class CreateDataset(CreateRequest, frozen=True, kw_only=True):
    schema_arn: Arn
    dataset_group_arn: Arn
    dataset_type: DatasetType


class UpdateDataset(Request, frozen=True):
    dataset_arn: Arn
    schema_arn: Arn


@operation
def create_dataset(control: Control, request: CreateDataset) -> JsonMap:
    dataset_type = request.dataset_type.upper()
    if dataset_type not in DATASET_TYPES:
        raise InvalidInput(f"datasetType {request.dataset_type} is none of {', '.join(DATASET_TYPES)}.")
    with control.database.write() as within:
        group = control.active(request.dataset_group_arn, DatasetGroupRecord, within)
        schema = control.get(request.schema_arn, SchemaRecord, within)
        _check_fit(dataset_type, group, schema)
        dataset = DatasetRecord(
            dataset_group_arn=group.arn,
            dataset_type=dataset_type,
            schema_arn=schema.arn,
            **control.new_fields(f"dataset/{name_of(group.arn)}/{dataset_type}", request.name, request.tags),
        )
        control.create(dataset, within)
        if dataset_type == TRACKED and tracker_of(control, group.arn, within) is None:
            add_tracker(control, group, request.name, (), within)
    return view(dataset, "arn")


@operation
def update_dataset(control: Control, request: UpdateDataset) -> JsonMap:
    """Another schema, with all the fields of the old one and more; its data stays (specification §1.8)."""
    with control.database.write() as within:
        dataset = control.usable(request.dataset_arn, DatasetRecord, within)
        if dataset.dataset_type not in UPDATABLE:
            raise InvalidInput(f"A dataset of type {dataset.dataset_type} can't be updated; only Items and Users can.")
        imports = control.every(DatasetImportJobRecord, parent=dataset.arn, within=within)
        if any(job.status in BUSY for job in imports):
            raise InUse(f"The dataset {dataset.arn} is being imported into; wait until that has ended.")
        schema = control.get(request.schema_arn, SchemaRecord, within)
        group = control.records.get(dataset.dataset_group_arn, DatasetGroupRecord, within)
        _check_fit(dataset.dataset_type, group, schema)
        _check_growth(control.records.get(dataset.schema_arn, SchemaRecord, within), schema)
        now = control.now()
        update = {"schemaArn": schema.arn, **stated(now)}
        control.change(dataset, within, now, schema_arn=schema.arn, latest_dataset_update=update)
    return view(dataset, "arn")


def _delete(control: Control, dataset: DatasetRecord, within: Connection) -> None:
    """Its import and export jobs go with it; not while one of them works on it, or a training in its group
    (specification §1.5)."""
    group = dataset.dataset_group_arn
    imports = control.every(DatasetImportJobRecord, parent=dataset.arn, within=within)
    jobs = [*imports, *control.every(DatasetExportJobRecord, parent=dataset.arn, within=within)]
    versions = (v for v in control.every(SolutionVersionRecord, within=within) if v.dataset_group_arn == group)
    trained = chain(versions, control.every(RecommenderRecord, parent=group, within=within))
    refuse_dependants(dataset.arn, (each for each in chain(jobs, trained) if each.status in BUSY))
    for record in (*jobs, dataset):
        control.delete(record, within)
    uid = control.records.get(group, DatasetGroupRecord, within).uid
    control.announce(uid, "cleared", dataset.dataset_type, within)
    control.enqueue("folding", group, within)


def _tracking_id(control: Control, dataset: DatasetRecord) -> str | None:
    tracker = tracker_of(control, dataset.dataset_group_arn) if dataset.dataset_type == TRACKED else None
    return None if tracker is None else tracker.tracking_id


def _check_growth(old: SchemaRecord, new: SchemaRecord) -> None:
    """Raises `InvalidInput` where a field of the old schema is gone or changed, or a new one doesn't allow null."""
    before = {field.name: field for field in parse_schema(old.schema, old.domain).fields}
    after = {field.name: field for field in parse_schema(new.schema, new.domain).fields}
    gone = sorted(before.keys() - after.keys())
    changed = sorted(name for name in before.keys() & after.keys() if before[name] != after[name])
    if gone or changed:
        raise InvalidInput(f"The new schema must keep every field as it is; removed: {gone}, changed: {changed}.")
    strict = sorted(name for name in after.keys() - before.keys() if not after[name].nullable)
    if strict:
        raise InvalidInput(f"The new schema's new fields must allow null: {strict}.")


def _check_fit(dataset_type: str, group: DatasetGroupRecord, schema: SchemaRecord) -> None:
    """Raises `InvalidInput` where type, group and schema don't go together."""
    if group.domain and dataset_type in CUSTOM_ONLY:
        raise InvalidInput(f"A dataset of type {dataset_type} can't be in a dataset group with a domain.")
    if group.domain != schema.domain:
        raise InvalidInput(
            f"The schema's domain ({schema.domain or 'none'}) is not the dataset group's ({group.domain or 'none'})."
        )
    check(parse_schema(schema.schema, schema.domain), dataset_type, schema.domain)


FAMILY = ResourceFamily(
    DatasetRecord,
    summary=(*NAMED, "dataset_type"),
    detail=("dataset_group_arn", "schema_arn", "trackingId", "latest_dataset_update"),
    derived={"trackingId": _tracking_id},
    delete=_delete,
)
