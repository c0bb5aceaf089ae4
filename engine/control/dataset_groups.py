"""Dataset groups: the container of datasets, trackers, filters and solutions."""

from __future__ import annotations

from itertools import chain

import msgspec

from engine.control.control import Control, refuse_dependants
from engine.control.fields import (
    Arn,
    Domain,
    KmsKeyArn,
    ListRequest,
    Name,
    Request,
    ResourceShape,
    RoleArn,
    Shape,
    Tags,
    tag_map,
    view,
)
from engine.control.lifecycle import BUSY
from engine.control.operation import operation
from engine.control.pages import page
from engine.errors import InvalidInput
from engine.records import (
    DataDeletionJob,
    Dataset,
    DatasetGroup,
    EventTracker,
    Filter,
    MetricAttribution,
    Recommender,
    Solution,
)


class CreateDatasetGroup(Request, frozen=True, kw_only=True):
    name: Name
    role_arn: RoleArn | None = None
    kms_key_arn: KmsKeyArn | None = None
    domain: Domain | None = None
    tags: Tags = ()


class CreateDatasetGroupResponse(Shape, frozen=True):
    dataset_group_arn: str
    domain: str | None = None


class DescribeDatasetGroup(Request, frozen=True):
    dataset_group_arn: Arn


class DatasetGroupSummary(ResourceShape, frozen=True, kw_only=True):
    name: str
    arn: str = msgspec.field(name="datasetGroupArn")
    failure_reason: str | None = None
    domain: str | None = None


class DatasetGroupShape(DatasetGroupSummary, frozen=True, kw_only=True):
    role_arn: str | None = None
    kms_key_arn: str | None = None


class DescribeDatasetGroupResponse(Shape, frozen=True):
    dataset_group: DatasetGroupShape


class ListDatasetGroups(ListRequest, frozen=True):
    pass


class ListDatasetGroupsResponse(Shape, frozen=True):
    dataset_groups: list[DatasetGroupSummary]
    next_token: str | None = None


class DeleteDatasetGroup(Request, frozen=True):
    dataset_group_arn: Arn


@operation
def create_dataset_group(control: Control, request: CreateDatasetGroup) -> CreateDatasetGroupResponse:
    if request.kms_key_arn and not request.role_arn:
        raise InvalidInput("A kmsKeyArn needs a roleArn that may use the key.")
    now = control.now()
    group = DatasetGroup(
        arn=control.arn(f"dataset-group/{request.name}"),
        account=control.account,
        name=request.name,
        uid=control.new_id(),
        domain=request.domain,
        role_arn=request.role_arn,
        kms_key_arn=request.kms_key_arn,
        tags=tag_map(request.tags),
        creation_date_time=now,
        last_updated_date_time=now,
    )
    with control.database.write() as within:
        control.create(group, within)
    return CreateDatasetGroupResponse(group.arn, group.domain)


@operation
def describe_dataset_group(control: Control, request: DescribeDatasetGroup) -> DescribeDatasetGroupResponse:
    group = control.get(request.dataset_group_arn, DatasetGroup)
    return DescribeDatasetGroupResponse(view(group, DatasetGroupShape))


@operation
def list_dataset_groups(control: Control, request: ListDatasetGroups) -> ListDatasetGroupsResponse:
    return ListDatasetGroupsResponse(*page(control, request, DatasetGroup, DatasetGroupSummary))


@operation
def delete_dataset_group(control: Control, request: DeleteDatasetGroup) -> None:
    arn = request.dataset_group_arn
    with control.database.write() as within:
        group = control.settled(arn, DatasetGroup, within)
        kinds = (Dataset, EventTracker, Filter, Solution, Recommender, MetricAttribution)
        refuse_dependants(arn, chain(*(control.every(kind, parent=arn, within=within) for kind in kinds)))
        deletions = list(control.every(DataDeletionJob, parent=arn, within=within))
        refuse_dependants(arn, (job for job in deletions if job.status in BUSY))
        for record in (*deletions, group):
            control.delete(record, within)
        control.enqueue("forgetting", arn, within)
