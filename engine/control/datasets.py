"""Datasets: one of each type in a dataset group, under a schema."""

from __future__ import annotations

import msgspec

from engine.arns import name_of
from engine.control.control import Control, refuse_dependants
from engine.control.event_trackers import add_tracker, tracker_of
from engine.control.fields import (
    Arn,
    DatasetType,
    JsonMap,
    ListRequest,
    Name,
    Request,
    ResourceShape,
    Shape,
    Tags,
    tag_map,
    view,
)
from engine.control.lifecycle import ACTIVE, BUSY
from engine.control.operation import operation
from engine.control.pages import page
from engine.data.schema import check, parse_schema
from engine.errors import InUse, InvalidInput
from engine.records import (
    Dataset,
    DatasetExportJob,
    DatasetGroup,
    DatasetImportJob,
    Recommender,
    Schema,
    SolutionVersion,
)

DATASET_TYPES = ("INTERACTIONS", "ITEMS", "USERS", "ACTIONS", "ACTION_INTERACTIONS")
UPDATABLE = frozenset({"ITEMS", "USERS"})
CUSTOM_ONLY = frozenset({"ACTIONS", "ACTION_INTERACTIONS"})
TRACKED = "ACTION_INTERACTIONS"  # comes with an event tracker, where the group has none (specification §1.5)


class CreateDataset(Request, frozen=True, kw_only=True):
    name: Name
    schema_arn: Arn
    dataset_group_arn: Arn
    dataset_type: DatasetType
    tags: Tags = ()


class CreateDatasetResponse(Shape, frozen=True):
    dataset_arn: str


class DescribeDataset(Request, frozen=True):
    dataset_arn: Arn


class DatasetSummary(ResourceShape, frozen=True, kw_only=True):
    name: str
    arn: str = msgspec.field(name="datasetArn")
    dataset_type: str


class DatasetShape(DatasetSummary, frozen=True, kw_only=True):
    dataset_group_arn: str
    schema_arn: str
    tracking_id: str | None = None
    latest_dataset_update: JsonMap = msgspec.field(default_factory=dict)


class DescribeDatasetResponse(Shape, frozen=True):
    dataset: DatasetShape


class ListDatasets(ListRequest, frozen=True, kw_only=True):
    dataset_group_arn: Arn | None = None


class ListDatasetsResponse(Shape, frozen=True):
    datasets: list[DatasetSummary]
    next_token: str | None = None


class UpdateDataset(Request, frozen=True):
    dataset_arn: Arn
    schema_arn: Arn


class UpdateDatasetResponse(Shape, frozen=True):
    dataset_arn: str


class DeleteDataset(Request, frozen=True):
    dataset_arn: Arn


@operation
def create_dataset(control: Control, request: CreateDataset) -> CreateDatasetResponse:
    dataset_type = request.dataset_type.upper()
    if dataset_type not in DATASET_TYPES:
        raise InvalidInput(f"datasetType {request.dataset_type} is none of {', '.join(DATASET_TYPES)}.")
    with control.database.write() as within:
        group = control.active(request.dataset_group_arn, DatasetGroup, within)
        schema = control.get(request.schema_arn, Schema, within)
        _check_fit(dataset_type, group, schema)
        now = control.now()
        dataset = Dataset(
            arn=control.arn(f"dataset/{name_of(group.arn)}/{dataset_type}"),
            account=control.account,
            name=request.name,
            dataset_group_arn=group.arn,
            dataset_type=dataset_type,
            schema_arn=schema.arn,
            tags=tag_map(request.tags),
            creation_date_time=now,
            last_updated_date_time=now,
        )
        control.create(dataset, within)
        if dataset_type == TRACKED and tracker_of(control, group.arn, within) is None:
            add_tracker(control, group, request.name, {}, within)
    return CreateDatasetResponse(dataset.arn)


@operation
def describe_dataset(control: Control, request: DescribeDataset) -> DescribeDatasetResponse:
    shape = view(control.get(request.dataset_arn, Dataset), DatasetShape)
    update = control.update(shape.latest_dataset_update)
    tracker = tracker_of(control, shape.dataset_group_arn) if shape.dataset_type == TRACKED else None
    tracking_id = tracker.tracking_id if tracker is not None else None
    return DescribeDatasetResponse(
        msgspec.structs.replace(shape, latest_dataset_update=update, tracking_id=tracking_id)
    )


@operation
def list_datasets(control: Control, request: ListDatasets) -> ListDatasetsResponse:
    return ListDatasetsResponse(*page(control, request, Dataset, DatasetSummary, request.dataset_group_arn))


@operation
def update_dataset(control: Control, request: UpdateDataset) -> UpdateDatasetResponse:
    """Another schema, with all the fields of the old one and more; its data stays (specification §1.8)."""
    with control.database.write() as within:
        dataset = control.usable(request.dataset_arn, Dataset, within)
        if dataset.dataset_type not in UPDATABLE:
            raise InvalidInput(f"A dataset of type {dataset.dataset_type} can't be updated; only Items and Users can.")
        imports = control.every(DatasetImportJob, parent=dataset.arn, within=within)
        if any(job.status in BUSY for job in imports):
            raise InUse(f"The dataset {dataset.arn} is being imported into; wait until that has ended.")
        schema = control.get(request.schema_arn, Schema, within)
        group = control.records.get(dataset.dataset_group_arn, DatasetGroup, within)
        _check_fit(dataset.dataset_type, group, schema)
        _check_growth(control.records.get(dataset.schema_arn, Schema, within), schema)
        now = control.now()
        update = {"schemaArn": schema.arn, "status": ACTIVE, "creationDateTime": now, "lastUpdatedDateTime": now}
        changed = msgspec.structs.replace(
            dataset, schema_arn=schema.arn, latest_dataset_update=update, last_updated_date_time=now
        )
        control.records.replace(changed, within)
    return UpdateDatasetResponse(dataset.arn)


@operation
def delete_dataset(control: Control, request: DeleteDataset) -> None:
    """With its import and export jobs; not while one of them works on it, or a training in its group (specification
    §1.5).
    """
    with control.database.write() as within:
        dataset = control.settled(request.dataset_arn, Dataset, within)
        imports = list(control.every(DatasetImportJob, parent=dataset.arn, within=within))
        exports = list(control.every(DatasetExportJob, parent=dataset.arn, within=within))
        refuse_dependants(dataset.arn, (job for job in (*imports, *exports) if job.status in BUSY))
        versions = control.every(SolutionVersion, within=within)
        group = dataset.dataset_group_arn
        refuse_dependants(dataset.arn, (v for v in versions if v.dataset_group_arn == group and v.status in BUSY))
        recommenders = control.every(Recommender, parent=group, within=within)
        refuse_dependants(dataset.arn, (each for each in recommenders if each.status in BUSY))
        for record in (*imports, *exports, dataset):
            control.delete(record, within)
        uid = control.records.get(group, DatasetGroup, within).uid
        control.announce(uid, "cleared", dataset.dataset_type, within)
        control.enqueue("folding", group, within)


def _check_growth(old: Schema, new: Schema) -> None:
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


def _check_fit(dataset_type: str, group: DatasetGroup, schema: Schema) -> None:
    """Raises `InvalidInput` where type, group and schema don't go together."""
    if group.domain and dataset_type in CUSTOM_ONLY:
        raise InvalidInput(f"A dataset of type {dataset_type} can't be in a dataset group with a domain.")
    if group.domain != schema.domain:
        raise InvalidInput(
            f"The schema's domain ({schema.domain or 'none'}) is not the dataset group's ({group.domain or 'none'})."
        )
    check(parse_schema(schema.schema, schema.domain), dataset_type, schema.domain)
