"""The API of operators in the OpenAPI document: its schemas are those of the views themselves."""

from __future__ import annotations

import re
from functools import cache
from inspect import cleandoc
from typing import Any

import msgspec

from gateway.routes import (
    admin,
    admin_configuration,
    admin_data,
    admin_experiments,
    admin_filters,
    admin_looks,
    admin_models,
    admin_server,
    admin_stream,
)
from gateway.routes.admin_gate import RouteDoc

TAG = "Operators"
KEY = "OperatorKey"
REF = "#/components/schemas/{name}"
ROUTE_DOCS: tuple[RouteDoc, ...] = (
    *admin.DOCS,
    *admin_server.DOCS,
    *admin_experiments.DOCS,
    *admin_configuration.DOCS,
    *admin_stream.DOCS,
    *admin_data.DOCS,
    *admin_looks.DOCS,
    *admin_models.DOCS,
    *admin_filters.DOCS,
)
REFUSALS = {
    "400": "The request breaks a rule, which the message names.",
    "401": "The key of X-Api-Key is missing, not known or has expired.",
    "403": "The key may not do this: its role or its namespaces.",
    "404": "There is no such thing; without keys, for callers of other machines not even such a path.",
}


class ErrorView(msgspec.Struct, frozen=True):
    """An error, as every route tells it."""

    type: str
    code: str
    message: str


def with_admin(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the API of operators."""
    paths, schemas = described_routes()
    components = dict(document.get("components") or {})
    schemes = {**components.get("securitySchemes", {}), KEY: {"type": "apiKey", "in": "header", "name": "X-Api-Key"}}
    components |= {"schemas": {**components.get("schemas", {}), **schemas}, "securitySchemes": schemes}
    tags = [
        *document.get("tags", []),
        {"name": TAG, "description": "For keys of `admin`, or from the server's machine."},
    ]
    return {**document, "paths": {**document["paths"], **paths}, "components": components, "tags": tags}


@cache
def described_routes() -> tuple[dict[str, Any], dict[str, Any]]:
    """The paths and the schemas that they name; they are of no configuration."""
    types = [each for doc in ROUTE_DOCS for each in (doc.result, doc.body) if each is not None and each is not bytes]
    shapes, schemas = msgspec.json.schema_components(list(dict.fromkeys([*types, ErrorView])), ref_template=REF)
    named = dict(zip(dict.fromkeys([*types, ErrorView]), shapes, strict=True))
    paths: dict[str, Any] = {}
    for doc in ROUTE_DOCS:
        paths.setdefault(doc.path, {})[doc.method.lower()] = operation(doc, named)
    return paths, {name: _without_indentation(schema) for name, schema in schemas.items()}


def _without_indentation(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with its docstring as Python 3.13 has it."""
    return {**schema, "description": cleandoc(schema["description"])} if "description" in schema else schema


def operation(doc: RouteDoc, shapes: dict[type, Any]) -> dict[str, Any]:
    names = re.findall(r"{(\w+)}", doc.path)
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    parameters += [{"name": name, "in": "query", "required": False, "schema": {"type": "string"}} for name in doc.query]
    parameters += [
        {"name": name, "in": "header", "required": True, "schema": {"type": "string"}} for name in doc.headers
    ]
    refused = {"content": {"application/json": {"schema": shapes[ErrorView]}}}
    media_type = "text/event-stream" if doc.result is str else "application/json"
    answered = {"description": doc.summary, "content": {media_type: {"schema": shapes[doc.result]}}}
    described: dict[str, Any] = {
        "operationId": doc.name,
        "summary": doc.summary,
        "tags": [TAG],
        "security": [{KEY: []}, {}],
        "responses": {
            str(doc.status): answered,
            **{status: {"description": words, **refused} for status, words in REFUSALS.items()},
        },
    }
    if parameters:
        described["parameters"] = parameters
    if doc.body is not None:
        content = {"text/csv": {}} if doc.body is bytes else {"application/json": {"schema": shapes[doc.body]}}
        described["requestBody"] = {"required": True, "content": content}
    return described
