"""Operations of operators: a file imported, a user or a dataset group deleted, a version deployed or trained."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from engine.arns import arn_of, region_of
from engine.control.control import Control
from engine.control.operation import perform
from engine.data.guess import guess_schema
from engine.data.options import TAG_PREFIX, ImportOptions
from engine.data.readers import RowForm
from engine.data.source import open_source
from engine.engine import Engine
from engine.errors import AlreadyExists
from engine.inspection.groups import check_idle, deletions
from engine.jobs.group_data import schemas_in
from engine.records import DataDeletionJobRecord, DatasetGroupRecord
from engine.storage.uploads import keep_upload, readable_location
from engine.storage.writes import write

LOCAL_ROLE = "arn:aws:iam::000000000000:role/local"


class CsvFile(NamedTuple):
    name: str
    body: bytes


class Operations:
    """The operations of Personalize on an open engine, without the pending states of the API."""

    def __init__(self, engine: Engine) -> None:
        settings = msgspec.structs.replace(engine.settings, pending_s=0.0, allow_file_urls=True)
        self.engine = engine
        self.control: Control = engine.resources.control(settings.account_id, settings.region, settings)

    def call(self, operation: str, **members: Any) -> dict[str, Any]:
        """One operation, in and out as boto3 spells it. Raises `EngineError`."""
        answer = perform(self.control, operation, msgspec.json.encode(members))
        self.engine.directory.forget()
        decoded: dict[str, Any] = msgspec.json.decode(answer) if answer else {}
        return decoded

    def ensure(self, operation: str, **members: Any) -> bool:
        """True where this made the resource, False where it was there."""
        try:
            self.call(operation, **members)
        except AlreadyExists:
            return False
        return True

    # ---- data

    def import_files(self, group: str, dataset_type: str, file: CsvFile, options: Mapping[str, str]) -> str:
        """The name of an import job for a CSV file; group, schema (guessed) and dataset are made where they are
        missing. `options` are of `engine.data.options`, `mode` among them. Raises `InvalidInput`, and `StorageFault`
        where the file can't be stored."""
        store = self.engine.store
        self.ensure("CreateDatasetGroup", name=group)
        arn = self._arn(f"dataset-group/{group}")
        uid = self.engine.directory.get(arn, DatasetGroupRecord).uid
        upload = keep_upload(store, uid, file.name, file.body, self.engine.clock())
        if dataset_type not in self.engine.directory.datasets(arn):
            source = open_source(readable_location(store, upload), allow_file_urls=True)
            columns = ImportOptions(columns=options.get("columns", "")).column_of
            schema = guess_schema(source, dataset_type, RowForm(columns))
            name = f"{group[:40]}-{dataset_type.lower()}-{time.time_ns():x}"[:63]
            self.call("CreateSchema", name=name, schema=schema)
            members = {"schemaArn": self._arn(f"schema/{name}"), "datasetGroupArn": arn, "datasetType": dataset_type}
            self.call("CreateDataset", name=name, **members)
        job = f"{group[:30]}-{dataset_type.lower()}-{time.time_ns():x}"[:63]
        tags = [{"tagKey": TAG_PREFIX + key, "tagValue": text} for key, text in options.items() if key != "mode"]
        self.call(
            "CreateDatasetImportJob",
            jobName=job,
            datasetArn=self._arn(f"dataset/{group}/{dataset_type}"),
            dataSource={"dataLocation": upload.location},
            importMode=options.get("mode", "FULL"),
            roleArn=LOCAL_ROLE,
            tags=tags,
        )
        return job

    def delete_group(self, group_arn: str) -> list[str]:
        """Deletes a dataset group with all that hangs on it; what was deleted, in its order. Raises `InUse`."""
        check_idle(self.engine, self.control, group_arn)
        deleted = []
        for operation, members in deletions(self.control, group_arn):
            self.call(operation, **members)
            deleted.append(next(iter(members.values())).rpartition(":")[2])
        return deleted

    # ---- models

    def deploy(self, campaign_arn: str, version_arn: str) -> None:
        """Let a campaign answer with a version; answers of this process are its own when this returns."""
        self.call("UpdateCampaign", campaignArn=campaign_arn, solutionVersionArn=version_arn)
        if self.engine.follower.is_following:
            self.engine.follower.catch_up()

    def train(self, solution_arn: str) -> str:
        """The ARN of a new version, whose training waits."""
        arn: str = self.call("CreateSolutionVersion", solutionArn=solution_arn)["solutionVersionArn"]
        return arn

    def _arn(self, resource: str) -> str:
        return arn_of(self.engine.settings.region, self.engine.settings.account_id, resource)


def delete_users_by(engine: Engine, group_arn: str, column: str, value: str) -> int:
    """Delete, by a job, all users whose row has the value in a column, of any spelling, with all that they and their
    sessions did. Their number; 0 where nothing tells of any. Raises `NotFound`."""
    schema = schemas_in(engine.directory, group_arn).get("USERS")
    field = None if schema is None else schema.field_for(column)
    if field is None:
        return 0
    engine.feed.catch_up()
    group = engine.feed.follower.group(engine.directory.get(group_arn, DatasetGroupRecord).uid)
    indexes = (each for each in range(len(group.users)) if group.user_table.value(each, field.name) == value)
    users = tuple(name for name in map(group.users.name, indexes) if group.users.find(name) >= 0)
    if users:
        _delete_users(engine, group_arn, users)
    return len(users)


def delete_user(engine: Engine, group_arn: str, user: str) -> str:
    """The ARN of a job that deletes a user with all that it and its sessions did. Raises `NotFound`."""
    return _delete_users(engine, group_arn, (user,))


@write
def _delete_users(engine: Engine, group_arn: str, users: tuple[str, ...]) -> str:
    control = engine.resources.control(group_arn.split(":")[4], region_of(group_arn))
    name = f"user-{control.new_id()}"
    with control.database.write() as within:
        control.active(group_arn, DatasetGroupRecord, within)
        record = DataDeletionJobRecord(
            dataset_group_arn=group_arn,
            data_source={},
            role_arn=LOCAL_ROLE,
            users=users,
            status="PENDING",
            **control.new_fields(f"data-deletion-job/{name}", name),
        )
        control.create(record, within, "deleting")
    return record.arn
