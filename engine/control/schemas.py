"""Schemas: Avro-flavoured JSON texts (specification §2.1). They have no lifecycle; deletion is immediate."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from sqlalchemy import Connection

from engine.control.control import Control, refuse_dependants
from engine.control.family import ResourceFamily, view
from engine.control.fields import Domain, Name, Request
from engine.control.operation import operation
from engine.data.schema import Schema, parse_schema
from engine.records import DatasetRecord, JsonMap, SchemaRecord


class CreateSchema(Request, frozen=True, kw_only=True):
    name: Name
    schema: Annotated[str, Meta(max_length=20_000)]
    domain: Domain | None = None


@operation
def create_schema(control: Control, request: CreateSchema) -> JsonMap:
    parse_schema(request.schema, request.domain)
    schema = SchemaRecord(
        schema=request.schema,
        domain=request.domain,
        **control.new_fields(f"schema/{request.name}", request.name),
    )
    with control.database.write() as within:
        control.create(schema, within)
    return view(schema, "arn")


def schemas_of(control: Control, group_arn: str, within: Connection) -> dict[str, Schema]:
    """The schemas of a dataset group's datasets by type."""
    datasets = control.every(DatasetRecord, parent=group_arn, within=within)
    schemas = ((each.dataset_type, control.records.get(each.schema_arn, SchemaRecord, within)) for each in datasets)
    return {dataset_type: parse_schema(schema.schema, schema.domain) for dataset_type, schema in schemas}


def _delete(control: Control, schema: SchemaRecord, within: Connection) -> None:
    refuse_dependants(schema.arn, control.every(DatasetRecord, uses=schema.arn, within=within))
    control.records.delete(schema.arn, within)


FAMILY = ResourceFamily(
    SchemaRecord,
    summary=("name", "arn", "creation_date_time", "last_updated_date_time", "domain"),
    detail=("schema",),
    delete=_delete,
)
