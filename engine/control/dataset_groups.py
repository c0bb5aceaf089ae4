"""Dataset groups: the container of datasets, trackers, filters and solutions."""

from __future__ import annotations

from itertools import chain

from sqlalchemy import Connection

from engine.control.control import Control, refuse_dependants
from engine.control.family import NAMED, ResourceFamily, view
from engine.control.fields import CreateRequest, Domain, KmsKeyArn, RoleArn
from engine.control.lifecycle import BUSY
from engine.control.operation import operation
from engine.control.tag_settings import check_group_tags
from engine.errors import InvalidInput
from engine.records import IN_GROUP, DataDeletionJobRecord, DatasetGroupRecord, JsonMap


class CreateDatasetGroup(CreateRequest, frozen=True, kw_only=True):
    role_arn: RoleArn | None = None
    kms_key_arn: KmsKeyArn | None = None
    domain: Domain | None = None


@operation
def create_dataset_group(control: Control, request: CreateDatasetGroup) -> JsonMap:
    if request.kms_key_arn and not request.role_arn:
        raise InvalidInput("A kmsKeyArn needs a roleArn that may use the key.")
    group = control.record(DatasetGroupRecord, request, uid=control.new_id())
    check_group_tags(group)
    with control.database.write() as within:
        control.create(group, within)
    return view(group, "arn", "domain")


def _delete(control: Control, group: DatasetGroupRecord, within: Connection) -> None:
    parts = {kind: list(control.every(kind, parent=group.arn, within=within)) for kind in IN_GROUP}
    deletions = parts.pop(DataDeletionJobRecord)
    refuse_dependants(group.arn, chain(*parts.values(), (job for job in deletions if job.status in BUSY)))
    for record in (*deletions, group):
        control.delete(record, within)
    control.enqueue("forgetting", group.arn, within)


FAMILY = ResourceFamily(
    DatasetGroupRecord,
    summary=(*NAMED, "failure_reason", "domain"),
    detail=("role_arn", "kms_key_arn"),
    delete=_delete,
)
