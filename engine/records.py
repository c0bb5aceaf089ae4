"""Named resources: what the Create calls make, the Describe calls show and the Delete calls remove, in SQL.

One frozen struct a kind; its fields are spelled as the specification's Appendix A spells them (camel case on the
wire and in the stored JSON). An ARN is unique per kind, account and region, and holds the name (specification §1.3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar, TypeVar

import msgspec
import sqlalchemy as sa

from engine.data.options import ImportOptions
from engine.errors import AlreadyExists, NotFound
from engine.storage.sql import Database
from engine.storage.tables import records

JsonMap = dict[str, Any]


class Record(msgspec.Struct, kw_only=True, frozen=True, rename="camel", omit_defaults=True):
    """The fields that every resource has. `status` is stored as it was last set; times are epoch seconds."""

    kind: ClassVar[str] = ""
    staged: ClassVar[bool] = True  # its first moments are shown as CREATE PENDING and IN_PROGRESS
    parent_field: ClassVar[str] = ""  # the names of the fields behind `parent`, `uses` and `latest_update`
    uses_field: ClassVar[str] = ""
    update_field: ClassVar[str] = ""
    arn: str = msgspec.field(name="arn")
    account: str
    name: str
    status: str = "ACTIVE"
    failure_reason: str | None = None
    creation_date_time: float
    last_updated_date_time: float
    deleted_at: float | None = None  # when its deletion was asked for; for how long it still shows: engine.control
    tags: dict[str, str] = {}

    @property
    def parent(self) -> str:
        """The ARN that List calls filter this kind by; empty where they filter by none."""
        arn: str = getattr(self, self.parent_field, "")
        return arn

    @property
    def uses(self) -> str:
        """The ARN of something else that must outlive this record; empty where there is none."""
        return getattr(self, self.uses_field, None) or ""

    @property
    def latest_update(self) -> JsonMap:
        """Its latest Update call, as Describe shows it; empty where there was none."""
        update: JsonMap = getattr(self, self.update_field, {})
        return update


class DatasetGroupRecord(Record, frozen=True, kw_only=True):
    kind: ClassVar[str] = "dataset-group"
    uid: str  # names the group in the event log and on disk; another group of the same name has another
    domain: str | None = None
    role_arn: str | None = None
    kms_key_arn: str | None = None


class SchemaRecord(Record, frozen=True, kw_only=True):
    kind: ClassVar[str] = "schema"
    staged: ClassVar[bool] = False
    schema: str
    domain: str | None = None


class _InGroup(Record, frozen=True, kw_only=True):
    parent_field: ClassVar[str] = "dataset_group_arn"
    dataset_group_arn: str


class DatasetRecord(_InGroup, frozen=True, kw_only=True):
    kind: ClassVar[str] = "dataset"
    uses_field: ClassVar[str] = "schema_arn"
    update_field: ClassVar[str] = "latest_dataset_update"
    dataset_type: str  # INTERACTIONS | ITEMS | USERS | ACTIONS | ACTION_INTERACTIONS
    schema_arn: str
    latest_dataset_update: JsonMap = {}


class DatasetImportJobRecord(Record, frozen=True, kw_only=True):
    kind: ClassVar[str] = "dataset-import-job"
    staged: ClassVar[bool] = False
    parent_field: ClassVar[str] = "dataset_arn"
    dataset_arn: str
    data_source: JsonMap  # {"dataLocation": "s3://…"}
    role_arn: str | None = None
    import_mode: str = "FULL"
    publish_attribution_metrics_to_s3: bool = msgspec.field(name="publishAttributionMetricsToS3", default=False)
    options: ImportOptions = ImportOptions()  # ours
    report: JsonMap = {}  # ours: rows read, kept, duplicates, and bad rows by kind with line numbers


class DatasetExportJobRecord(Record, frozen=True, kw_only=True):
    kind: ClassVar[str] = "dataset-export-job"
    staged: ClassVar[bool] = False
    parent_field: ClassVar[str] = "dataset_arn"
    dataset_arn: str
    ingestion_mode: str
    role_arn: str
    job_output: JsonMap  # {"s3DataDestination": {"path": "s3://…"}}


class DataDeletionJobRecord(_InGroup, frozen=True, kw_only=True):
    kind: ClassVar[str] = "data-deletion-job"
    staged: ClassVar[bool] = False
    data_source: JsonMap  # {"dataLocation": "s3://…"}
    role_arn: str
    num_deleted: int | None = None  # interactions and rows of users
    users: tuple[str, ...] = ()  # ours: in place of a file


class _BatchJob(Record, frozen=True, kw_only=True):
    """Answers for a file of questions, by a solution version without a campaign."""

    parent_field: ClassVar[str] = "solution_version_arn"
    uses_field: ClassVar[str] = "filter_arn"
    solution_version_arn: str
    filter_arn: str | None = None
    num_results: int
    job_input: JsonMap  # {"s3DataSource": {"path": "s3://…"}}
    job_output: JsonMap  # {"s3DataDestination": {"path": "s3://…"}}
    role_arn: str
    report: JsonMap = {}  # ours: how many lines were read, and how many of them are answered by an error


class BatchInferenceJobRecord(_BatchJob, frozen=True, kw_only=True):
    kind: ClassVar[str] = "batch-inference-job"
    staged: ClassVar[bool] = False
    batch_inference_job_config: JsonMap = {}
    batch_inference_job_mode: str = "BATCH_INFERENCE"
    theme_generation_config: JsonMap = {}


class BatchSegmentJobRecord(_BatchJob, frozen=True, kw_only=True):
    kind: ClassVar[str] = "batch-segment-job"
    staged: ClassVar[bool] = False


class EventTrackerRecord(_InGroup, frozen=True, kw_only=True):
    kind: ClassVar[str] = "event-tracker"
    account_id: str
    tracking_id: str


class FilterRecord(_InGroup, frozen=True, kw_only=True):
    kind: ClassVar[str] = "filter"
    filter_expression: str


class AttributedMetric(msgspec.Struct, kw_only=True, frozen=True, rename="camel"):
    metric_name: str
    event_type: str
    expression: str
    since: float  # ours: when it was added; what the server took before does not count


class SolutionRecord(_InGroup, frozen=True, kw_only=True):
    kind: ClassVar[str] = "solution"
    staged: ClassVar[bool] = False  # AWS's samples make a version of it in the next statement
    update_field: ClassVar[str] = "latest_solution_update"
    recipe_arn: str
    perform_hpo: bool = msgspec.field(name="performHPO", default=False)
    perform_auto_ml: bool = msgspec.field(name="performAutoML", default=False)
    perform_auto_training: bool = True
    perform_incremental_update: bool = False
    event_type: str | None = None
    solution_config: JsonMap = {}
    latest_solution_update: JsonMap = {}
    next_training_at: float | None = None  # ours: when it trains by itself; None: never
    first_training_since: float | None = None  # ours: when automatic training was asked for; None: the first is over


class SolutionVersionRecord(Record, frozen=True, kw_only=True):
    kind: ClassVar[str] = "solution-version"
    staged: ClassVar[bool] = False
    parent_field: ClassVar[str] = "solution_arn"
    solution_arn: str
    dataset_group_arn: str
    recipe_arn: str
    perform_hpo: bool = msgspec.field(name="performHPO", default=False)
    perform_auto_ml: bool = msgspec.field(name="performAutoML", default=False)
    perform_incremental_update: bool = False
    event_type: str | None = None
    solution_config: JsonMap = {}
    training_mode: str = "FULL"
    training_type: str = "MANUAL"
    tuned_hpo_params: JsonMap = msgspec.field(name="tunedHPOParams", default={})
    stopped_at: float | None = None  # ours: when its training was told to stop
    model_folder: str = ""  # ours: the name of its model's, where that is not the version's
    items_folder: str = ""  # ours: beside its model's, the one that knows items of later; empty: there is none
    training_hours: float | None = None
    metrics: dict[str, float] = {}
    chosen: JsonMap = {}  # ours: what the recipe tried and kept
    forecast: JsonMap = {}  # ours: the seconds and gigabytes that training was to take, and what was left out to fit


class CampaignRecord(Record, frozen=True, kw_only=True):
    kind: ClassVar[str] = "campaign"
    parent_field: ClassVar[str] = "solution_arn"
    uses_field: ClassVar[str] = "solution_version_arn"
    update_field: ClassVar[str] = "latest_campaign_update"
    solution_arn: str
    dataset_group_arn: str = ""
    solution_version_arn: str  # the one that answers
    min_provisioned_tps: int = msgspec.field(name="minProvisionedTPS", default=1)
    campaign_config: JsonMap = {}
    latest_campaign_update: JsonMap = {}


class RecommenderRecord(_InGroup, frozen=True, kw_only=True):
    kind: ClassVar[str] = "recommender"
    staged: ClassVar[bool] = False
    update_field: ClassVar[str] = "latest_recommender_update"
    recipe_arn: str  # of a use case
    recommender_config: JsonMap = {}
    latest_recommender_update: JsonMap = {}
    model_metrics: dict[str, float] = {}
    solution_version_arn: str = ""  # ours: the model that answers, `<recommender ARN>/<8 hex digits>`
    items_folder: str = ""  # ours: as of a solution version
    trained_at: float = 0.0  # ours: when that was
    next_training_at: float | None = None  # ours: when it trains again; None: it never has
    turned_at: float | None = None  # ours: when it was last stopped or started

    @property
    def campaign_config(self) -> JsonMap:
        """The configuration, under the name that a campaign has for it."""
        return self.recommender_config


class MetricAttributionRecord(_InGroup, frozen=True, kw_only=True):
    kind: ClassVar[str] = "metric-attribution"
    metrics: tuple[AttributedMetric, ...]
    metrics_output_config: JsonMap  # {"roleArn": …, "s3DataDestination": {"path": "s3://…"}}

    @property
    def output(self) -> str | None:
        """The folder that its files go to, if they go anywhere."""
        path: str | None = self.metrics_output_config.get("s3DataDestination", {}).get("path")
        return path


IN_GROUP: tuple[type[Record], ...] = tuple(_InGroup.__subclasses__())
KINDS: dict[str, type[Record]] = {
    kind.kind: kind for base in (Record, _InGroup, _BatchJob) for kind in base.__subclasses__() if kind.kind
}
BATCH_JOBS: tuple[type[BatchInferenceJobRecord] | type[BatchSegmentJobRecord], ...] = (
    BatchInferenceJobRecord,
    BatchSegmentJobRecord,
)


def kind_of(arn: str) -> type[Record]:
    """The kind of resource that an ARN names, by its spelling alone. Raises `NotFound` where it names none."""
    kind, _, name = arn.rpartition(":")[2].partition("/")
    if kind == SolutionRecord.kind and "/" in name:
        return SolutionVersionRecord
    if kind not in KINDS or kind == SolutionVersionRecord.kind:
        raise NotFound(f"Resource Arn {arn} does not exist.")
    return KINDS[kind]


R = TypeVar("R", bound=Record)
Announce = Callable[[sa.Connection, str], None]


Key = tuple[float, str]  # (creation time, ARN): the order of lists
START: Key = (0.0, "")
BATCH = 200


# Statements are made once, because making one takes longer than its answer.
_FIND = sa.select(records.c.body).where(records.c.arn == sa.bindparam("arn"), records.c.kind == sa.bindparam("kind"))
_INSERT = sa.insert(records)
_UPDATE = sa.update(records).where(records.c.arn == sa.bindparam("of"))
_DELETE = sa.delete(records).where(records.c.arn == sa.bindparam("of"))


@cache
def _of_kind(*columns: str, is_batch: bool = False) -> sa.Select[Any]:
    """The query for the bodies of a kind, oldest first, whose `columns` are parameters; of a batch the first ones after
    a `created` and an `arn`."""
    query = sa.select(records.c.body).order_by(records.c.created, records.c.arn)
    for name in ("kind", *columns):
        query = query.where(records.c[name] == sa.bindparam(name))
    if not is_batch:
        return query
    at = records.c.created == sa.bindparam("created")
    later = sa.or_(records.c.created > sa.bindparam("created"), sa.and_(at, records.c.arn > sa.bindparam("after")))
    return query.where(later).limit(BATCH)


def _wanted(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}


def _silent(connection: sa.Connection, arn: str) -> None:
    """Nobody follows."""


class Records:
    """All resources of all accounts. Every method is one transaction; pass `within` to join a caller's.

    `announce(connection, arn)` is told of every change inside the transaction that makes it.
    """

    def __init__(self, database: Database, announce: Announce = _silent) -> None:
        self._database, self._announce = database, announce

    def create(self, record: Record, within: sa.Connection | None = None) -> None:
        """Raises `AlreadyExists` where the ARN is taken."""
        row = {
            "arn": record.arn,
            "account": record.account,
            "kind": record.kind,
            "parent": record.parent,
            "uses": record.uses,
            "created": record.creation_date_time,
            "body": msgspec.json.encode(record),
        }
        try:
            self._write(record.arn, _INSERT, row, within)
        except sa.exc.IntegrityError as error:
            raise AlreadyExists(f"Another resource with Arn {record.arn} already exists.") from error

    def get(self, arn: str, kind: type[R], within: sa.Connection | None = None) -> R:
        """Raises `NotFound` for an ARN that names nothing of this kind."""
        record = self.find(arn, kind, within)
        if record is None:
            raise NotFound(f"Resource Arn {arn} does not exist.")
        return record

    def find(self, arn: str, kind: type[R], within: sa.Connection | None = None) -> R | None:
        with self._reading(within) as connection:
            body = connection.execute(_FIND, {"arn": arn, "kind": kind.kind}).scalar_one_or_none()
        return None if body is None else msgspec.json.decode(body, type=kind)

    def replace(self, record: Record, within: sa.Connection | None = None) -> None:
        """Store a changed record. Raises `NotFound` where it has been deleted meanwhile."""
        values = {"parent": record.parent, "uses": record.uses, "body": msgspec.json.encode(record)}
        if self._write(record.arn, _UPDATE, {"of": record.arn, **values}, within) == 0:
            raise NotFound(f"Resource Arn {record.arn} does not exist.")

    def delete(self, arn: str, within: sa.Connection | None = None) -> None:
        """Raises `NotFound` where there is nothing to delete."""
        if self._write(arn, _DELETE, {"of": arn}, within) == 0:
            raise NotFound(f"Resource Arn {arn} does not exist.")

    def batch(
        self,
        kind: type[R],
        after: Key,
        *,
        account: str,
        parent: str | None = None,
        uses: str | None = None,
        within: sa.Connection | None = None,
    ) -> list[R]:
        """The next `BATCH` of an account's resources of a kind after the one of that key, oldest first."""
        wanted = _wanted(account=account, parent=parent, uses=uses)
        values = {**wanted, "created": after[0], "after": after[1]}
        return self._read(kind, _of_kind(*wanted, is_batch=True), values, within)

    def _read(
        self, kind: type[R], query: sa.Select[Any], values: dict[str, Any], within: sa.Connection | None
    ) -> list[R]:
        with self._reading(within) as connection:
            bodies = connection.execute(query, {"kind": kind.kind, **values}).scalars().all()
        return [msgspec.json.decode(body, type=kind) for body in bodies]

    def list(
        self,
        kind: type[R],
        *,
        account: str | None = None,
        parent: str | None = None,
        within: sa.Connection | None = None,
    ) -> list[R]:
        """All of a kind, oldest first."""
        wanted = _wanted(account=account, parent=parent)
        return self._read(kind, _of_kind(*wanted), wanted, within)

    @contextmanager
    def _reading(self, within: sa.Connection | None) -> Iterator[sa.Connection]:
        if within is not None:
            yield within
            return
        with self._database.read() as connection:
            yield connection

    def _write(self, arn: str, statement: sa.Executable, values: dict[str, Any], within: sa.Connection | None) -> int:
        if within is None:
            with self._database.write() as connection:
                return self._write(arn, statement, values, connection)
        changed: int = within.execute(statement, values).rowcount
        if changed:
            self._announce(within, arn)
        return changed
