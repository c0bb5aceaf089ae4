"""Dataset groups as operators see them: datasets with schemas and sizes, imports with bad rows; and their end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from engine.control.control import Control
from engine.control.tag_settings import hidden_items_in
from engine.data.columns import Bools
from engine.data.group import Group
from engine.data.report import ImportReport
from engine.data.reserved import rules_for
from engine.data.schema import Schema
from engine.doctor.examined import filled
from engine.engine import Engine
from engine.errors import InUse, NotFound
from engine.inspection.cards import Inspected, live_group
from engine.jobs.group_data import schemas_in
from engine.queue.queue import Job
from engine.records import (
    CampaignRecord,
    DatasetGroupRecord,
    DatasetImportJobRecord,
    DatasetRecord,
    EventTrackerRecord,
    FilterRecord,
    MetricAttributionRecord,
    R,
    RecommenderRecord,
    SchemaRecord,
    SolutionRecord,
    kind_of,
)

IMPORTS_SHOWN = 20


class FieldView(Inspected, frozen=True, kw_only=True):
    name: str
    type: str
    nullable: bool
    categorical: bool
    textual: bool
    reserved: bool


class DatasetView(Inspected, frozen=True, kw_only=True):
    type: str
    name: str
    schema_name: str
    created: float
    rows: int
    fields: list[FieldView]


class TrackerView(Inspected, frozen=True, kw_only=True):
    name: str
    tracking_id: str


class ImportView(Inspected, frozen=True, kw_only=True):
    """`report` says how many rows were read, kept and bad, and the first lines of each kind of bad row."""

    name: str
    arn: str
    type: str
    status: str
    created: float
    updated: float
    mode: str
    location: str
    failure_reason: str | None = None
    fraction: float | None = None
    message: str | None = None
    report: ImportReport | None = None
    notes: list[str]


class GroupView(Inspected, frozen=True, kw_only=True):
    group: str
    arn: str
    domain: str | None = None
    created: float
    models: list[str]
    interactions: int
    users: int
    items: int
    event_types: dict[str, int]
    first_event: int | None = None
    last_event: int | None = None
    hidden_items: list[str]
    datasets: list[DatasetView]
    trackers: list[TrackerView]
    imports: list[ImportView]


def group_views(engine: Engine, groups: frozenset[str] | None = None) -> list[GroupView]:
    """The dataset groups of the settings' account; `groups` are the ARNs that may be seen, None: all."""
    records = engine.records.list(DatasetGroupRecord, account=engine.settings.account_id)
    shown = (each for each in records if each.deleted_at is None and (groups is None or each.arn in groups))
    return [group_view(engine, each.arn) for each in shown]


def group_view(engine: Engine, group_arn: str) -> GroupView:
    """Raises `NotFound`."""
    record = engine.records.get(group_arn, DatasetGroupRecord)
    state, schemas = live_group(engine, record.arn), schemas_in(engine.directory, record.arn)
    answering: list[CampaignRecord | RecommenderRecord] = [*engine.records.list(CampaignRecord)]
    answering += engine.records.list(RecommenderRecord)
    streamed = [each for many in list(state.streamed.values()) for each in tuple(many)]
    snapshot = state.stored.snapshot
    times = np.concatenate((snapshot.times[:], np.array([each.time for each in streamed], np.int64)))
    datasets = engine.directory.datasets(record.arn)
    return GroupView(
        group=record.name,
        arn=record.arn,
        domain=record.domain,
        created=record.creation_date_time,
        models=sorted(each.name for each in answering if each.dataset_group_arn == record.arn and not each.deleted_at),
        interactions=len(times),
        users=len(state.users),
        items=len(state.items),
        event_types=_event_types(state, [each.type for each in streamed]),
        first_event=int(times.min()) if len(times) else None,
        last_event=int(times.max()) if len(times) else None,
        hidden_items=list(hidden_items_in(record.tags)),
        datasets=[_dataset(engine, each, schemas[kind], state, len(times)) for kind, each in datasets.items()],
        trackers=[
            TrackerView(name=each.name, tracking_id=each.tracking_id)
            for each in _of_group(engine, EventTrackerRecord, record.arn)
        ],
        imports=imports_of(engine, record.arn)[:IMPORTS_SHOWN],
    )


def _event_types(state: Group, streamed: list[int]) -> dict[str, int]:
    codes = np.concatenate((state.stored.snapshot.types[:], np.array(streamed, np.int32)))
    counts = np.bincount(codes, minlength=len(state.event_types)).tolist()
    pairs = [(name, count) for name, count in zip(state.event_types, counts, strict=False) if count]
    return dict(sorted(pairs, key=lambda pair: -pair[1]))


def _dataset(engine: Engine, record: DatasetRecord, schema: Schema, state: Group, interactions: int) -> DatasetView:
    reserved = rules_for(record.dataset_type, None)
    return DatasetView(
        type=record.dataset_type,
        name=record.name,
        schema_name=engine.records.get(record.schema_arn, SchemaRecord).name,
        created=record.creation_date_time,
        rows=_rows(record.dataset_type, state, interactions),
        fields=[
            FieldView(
                name=each.name,
                type=each.type,
                nullable=each.nullable,
                categorical=each.categorical,
                textual=each.textual,
                reserved=each.name in reserved,
            )
            for each in schema.fields
        ],
    )


def _rows(dataset_type: str, state: Group, interactions: int) -> int:
    if dataset_type == "INTERACTIONS":
        return interactions
    if dataset_type == "ACTION_INTERACTIONS":
        return len(state.actions.stored.snapshot.items) + sum(map(len, list(state.actions.streamed.values())))
    table = {"ITEMS": state.item_table, "USERS": state.user_table, "ACTIONS": state.actions.item_table}[dataset_type]
    has_row: Bools = np.zeros(max(map(len, table.columns.values()), default=0), np.bool_)
    for column in table.columns.values():
        has_row[: len(column)] |= filled(column)
    return int(has_row.sum()) + sum(index >= len(has_row) or not has_row[index] for index in list(table.rows))


def _of_group(engine: Engine, kind: type[R], group_arn: str) -> list[R]:
    return [each for each in engine.records.list(kind, parent=group_arn) if each.deleted_at is None]


# ---- imports


def imports_of(engine: Engine, group_arn: str) -> list[ImportView]:
    """The imports into a group's datasets, newest first."""
    jobs = {job.arn: job for job in reversed(engine.jobs.newest(1000)) if job.kind == "importing"}
    every = [
        (job, kind)
        for kind, dataset in engine.directory.datasets(group_arn).items()
        for job in engine.records.list(DatasetImportJobRecord, parent=dataset.arn)
        if job.deleted_at is None
    ]
    every.sort(key=lambda pair: -pair[0].creation_date_time)
    return [_import(record, kind, jobs.get(record.arn)) for record, kind in every]


def import_of(engine: Engine, group_arn: str, name: str) -> ImportView:
    """Raises `NotFound`."""
    for each in imports_of(engine, group_arn):
        if each.name == name:
            return each
    raise NotFound(f"There is no import {name} into {group_arn.rpartition('/')[2]}.")


def _import(record: DatasetImportJobRecord, dataset_type: str, job: Job | None) -> ImportView:
    report = msgspec.convert(record.report, ImportReport) if record.report else None
    return ImportView(
        name=record.name,
        arn=record.arn,
        type=dataset_type,
        status=record.status,
        created=record.creation_date_time,
        updated=record.last_updated_date_time,
        mode=record.import_mode,
        location=record.data_source.get("dataLocation", ""),
        failure_reason=record.failure_reason,
        fraction=None if job is None else round(job.fraction, 4),
        message=None if job is None else job.message,
        report=report,
        notes=[] if report is None or record.failure_reason else report.notes(),
    )


# ---- the end of a group


def check_idle(engine: Engine, control: Control, group_arn: str) -> None:
    """Raises `InUse` where a job works on the group: it could not be deleted whole."""
    solutions = {each.arn for each in control.every(SolutionRecord, parent=group_arn)}
    datasets = {each.arn for each in control.every(DatasetRecord, parent=group_arn)}
    recommenders = {each.arn for each in control.every(RecommenderRecord, parent=group_arn)}
    for job in engine.jobs.unfinished_jobs():
        record = engine.records.find(job.arn, kind_of(job.arn)) if "/" in job.arn else None
        about = {job.arn, *(() if record is None else (record.parent, getattr(record, "solution_arn", "")))}
        if job.kind != "folding" and about & (solutions | datasets | recommenders | {group_arn}):
            raise InUse(
                f"The job {job.id} ({job.kind} {job.arn}) works on it: cancel it first, or wait until it has ended."
            )


def deletions(control: Control, group_arn: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The operations that delete a dataset group with all that hangs on it, in an order in which none is refused."""
    solutions = list(control.every(SolutionRecord, parent=group_arn))
    for solution in solutions:
        for campaign in control.every(CampaignRecord, parent=solution.arn):
            yield "DeleteCampaign", {"campaignArn": campaign.arn}
    kinds: tuple[tuple[type[Any], str, str], ...] = (
        (RecommenderRecord, "DeleteRecommender", "recommenderArn"),
        (MetricAttributionRecord, "DeleteMetricAttribution", "metricAttributionArn"),
        (EventTrackerRecord, "DeleteEventTracker", "eventTrackerArn"),
        (FilterRecord, "DeleteFilter", "filterArn"),
    )
    for kind, operation, member in kinds:
        for each in control.every(kind, parent=group_arn):
            yield operation, {member: each.arn}
    for solution in solutions:
        yield "DeleteSolution", {"solutionArn": solution.arn}
    schemas = []
    for dataset in control.every(DatasetRecord, parent=group_arn):
        schemas.append(dataset.schema_arn)
        yield "DeleteDataset", {"datasetArn": dataset.arn}
    yield "DeleteDatasetGroup", {"datasetGroupArn": group_arn}
    others = {each.schema_arn for each in control.every(DatasetRecord)}
    for arn in dict.fromkeys(schemas):
        if arn not in others:
            yield "DeleteSchema", {"schemaArn": arn}
