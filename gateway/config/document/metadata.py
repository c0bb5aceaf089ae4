"""Where items' metadata come from, and what they hide."""

from __future__ import annotations

from typing import ClassVar, Literal

from gateway.config.document.context import OperatorName
from gateway.config.document.values import (
    CircuitBreaker,
    Duration,
    Locale,
    MetadataField,
    Part,
    Region,
    Remember,
    Retries,
    Seconds,
    SyncInterval,
    TableName,
    Text,
    Url,
    Value,
)


class MetadataPart(Part, frozen=True, tag_field="type"):
    """Which fields, or all; with locales, title_de and titleDe are the German title, for who asks ?locale=de."""

    item_columns: tuple[Text, ...] = ()
    locales: tuple[Locale, ...] = ()


class EngineMetadata(MetadataPart, frozen=True, tag="engine"):
    """Columns of the engine's items dataset; none named: all. `model` says whose, where another origin answers."""

    model: str = ""


class PersonalizeMetadata(MetadataPart, frozen=True, tag="personalize"):
    """Columns that the origin returns with its answer."""


class LocalDbMetadata(MetadataPart, frozen=True, tag="localdb"):
    """JSON Lines, each an object with an `id`: a file, folder or `s3://` prefix, looked after every so many seconds.
    A folder is the union of its files named *.jsonl, *.jsonl.gz or *.jsonl.gzip, or of those in import/NAMESPACE/."""

    source: str = ""
    sync_interval: SyncInterval = 300


class Throughput(Part, frozen=True, forbid_unknown_fields=False):
    """Capacity of a table; accepted, and not used."""

    extra: ClassVar[bool] = True

    read_capacity_units: Seconds = 0
    write_capacity_units: Seconds = 0


class DynamoDbMetadata(MetadataPart, frozen=True, tag="dynamodb"):
    """Rows `{id, attributes}` of a DynamoDB table, by default PersonalizationApiItemMetadata_NAMESPACE, with the
    credentials of AWS's usual environment variables; each is remembered for so many seconds."""

    table: TableName | None = None
    region: Region | None = None
    endpoint_url: Url | None = None
    remember: Remember = 60
    timeout: Duration = 1
    retries: Retries = 1
    circuit_breaker: CircuitBreaker = CircuitBreaker()
    auto_provision: bool | None = None
    billing_mode: Literal["PROVISIONED", "PAY_PER_REQUEST"] | None = None
    provisioned_throughput: Throughput | None = None


AnyMetadata = EngineMetadata | PersonalizeMetadata | LocalDbMetadata | DynamoDbMetadata


class Hide(Part, frozen=True):
    """Items whose metadata compares so are left out on the way out, from cached answers too; refilled from below."""

    field: MetadataField
    operator: OperatorName
    value: Value
