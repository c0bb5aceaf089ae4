"""Schemas: Avro-flavoured JSON texts (specification §2.1). They have no lifecycle; deletion is immediate."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from engine.control.control import Control, refuse_dependants
from engine.control.fields import Arn, Domain, ListRequest, Name, Request, Shape, view
from engine.control.operation import operation
from engine.control.pages import page
from engine.data.schema import parse_schema
from engine.records import Dataset, Schema


class CreateSchema(Request, frozen=True, kw_only=True):
    name: Name
    schema: Annotated[str, Meta(max_length=20_000)]
    domain: Domain | None = None


class CreateSchemaResponse(Shape, frozen=True):
    schema_arn: str


class DescribeSchema(Request, frozen=True):
    schema_arn: Arn


class SchemaSummary(Shape, frozen=True, kw_only=True):
    name: str
    arn: str = msgspec.field(name="schemaArn")
    creation_date_time: float
    last_updated_date_time: float
    domain: str | None = None


class SchemaShape(SchemaSummary, frozen=True, kw_only=True):
    schema: str


class DescribeSchemaResponse(Shape, frozen=True):
    schema: SchemaShape


class ListSchemas(ListRequest, frozen=True):
    pass


class ListSchemasResponse(Shape, frozen=True):
    schemas: list[SchemaSummary]
    next_token: str | None = None


class DeleteSchema(Request, frozen=True):
    schema_arn: Arn


@operation
def create_schema(control: Control, request: CreateSchema) -> CreateSchemaResponse:
    parse_schema(request.schema, request.domain)
    now = control.now()
    schema = Schema(
        arn=control.arn(f"schema/{request.name}"),
        account=control.account,
        name=request.name,
        schema=request.schema,
        domain=request.domain,
        creation_date_time=now,
        last_updated_date_time=now,
    )
    with control.database.write() as within:
        control.create(schema, within)
    return CreateSchemaResponse(schema.arn)


@operation
def describe_schema(control: Control, request: DescribeSchema) -> DescribeSchemaResponse:
    return DescribeSchemaResponse(view(control.get(request.schema_arn, Schema), SchemaShape))


@operation
def list_schemas(control: Control, request: ListSchemas) -> ListSchemasResponse:
    return ListSchemasResponse(*page(control, request, Schema, SchemaSummary))


@operation
def delete_schema(control: Control, request: DeleteSchema) -> None:
    with control.database.write() as within:
        schema = control.get(request.schema_arn, Schema, within)
        refuse_dependants(schema.arn, control.every(Dataset, uses=schema.arn, within=within))
        control.records.delete(schema.arn, within)
