"""Terms of the OpenAPI document: schemas, responses and operations, all of JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Parameter,
    Reference,
    RequestBody,
    Schema,
)
from litestar.openapi.spec.enums import OpenAPIType

Responses = Mapping[str, OpenAPIResponse | Reference]

TEXT = Schema(type=OpenAPIType.STRING)
NUMBER = Schema(type=OpenAPIType.NUMBER)
INTEGER = Schema(type=OpenAPIType.INTEGER)
FLAG = Schema(type=OpenAPIType.BOOLEAN)
ANY = Schema(type=OpenAPIType.OBJECT)


def record(properties: dict[str, Schema], *required: str, examples: list[Any] | None = None) -> Schema:
    """The schema of an object."""
    names = list(required) or None
    return Schema(type=OpenAPIType.OBJECT, required=names, properties={**properties}, examples=examples)


def array(items: Schema, **bounds: Any) -> Schema:
    return Schema(type=OpenAPIType.ARRAY, items=items, **bounds)


def content(schema: Schema) -> dict[str, OpenAPIMediaType]:
    return {"application/json": OpenAPIMediaType(schema=schema)}


def response(description: str, schema: Schema | None = None) -> OpenAPIResponse:
    return OpenAPIResponse(description=description, content=None if schema is None else content(schema))


def operation(
    name: str,
    summary: str,
    tag: str,
    responses: Responses,
    parameters: Sequence[Parameter] = (),
    body: Schema | None = None,
) -> Operation:
    return Operation(
        operation_id=name,
        summary=summary,
        tags=[tag],
        parameters=[*parameters] or None,
        request_body=None if body is None else RequestBody(content=content(body), required=True),
        responses={**responses},
    )


def path_parameter(name: str, description: str | None = None) -> Parameter:
    return Parameter(name=name, param_in="path", required=True, schema=TEXT, description=description)


def query_parameter(name: str, schema: Schema = TEXT, description: str | None = None) -> Parameter:
    return Parameter(name=name, param_in="query", schema=schema, description=description)


_refusal = record(dict.fromkeys(("type", "code", "message"), TEXT), "type", "code", "message")
REFUSALS: Responses = {
    "400": response("The request breaks a rule, which the message names.", _refusal),
    "401": response("Who calls is not known, where that is asked.", _refusal),
    "403": response("Who calls may not do this.", _refusal),
    "404": response("Nothing is configured or deployed by this name.", _refusal),
    "429": response("Asked too often; Retry-After says when again.", _refusal),
}
