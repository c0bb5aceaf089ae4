"""The OpenAPI document as the generators of clients read it: its operations, by the names and types of a language."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
Schema = Mapping[str, Any]


class UnknownSchema(Exception):
    """A schema that a client's language has no type for."""


class Language(NamedTuple):
    """How a client's language writes names, and the types of values, of lists of ids and of bytes."""

    name_of: Callable[[str], str]
    type_of: Callable[[Schema], str]
    ids: str
    raw: str


class Argument(NamedTuple):
    """A parameter of an operation: its name here and on the wire."""

    own: str
    name: str
    annotation: str
    description: str


class ClientOperation(NamedTuple):
    """An operation as methods are made of it. `headers` are those that it needs. `result` is None where the answer has
    no body; the answer of one that `is_conditional` has an ETag."""

    name: str
    method: str
    path: str
    summary: str
    places: tuple[Argument, ...]
    headers: tuple[Argument, ...]
    query: tuple[Argument, ...]
    body: str | None
    result: str | None
    is_conditional: bool

    @property
    def is_admin(self) -> bool:
        return self.path.startswith("/admin/")


def read_document() -> Schema:
    parsed: Schema = json.loads((HERE / "openapi.json").read_text())
    return parsed


def operations_of(document: Schema, language: Language) -> Iterator[ClientOperation]:
    """The operations with an answer that ends: streams are not the client's."""
    for path, methods in document["paths"].items():
        for method, each in methods.items():
            success = next(answer for status, answer in each["responses"].items() if status.startswith("2"))
            contents = success.get("content", {})
            if "text/event-stream" in contents:
                continue
            yield ClientOperation(
                language.name_of(each["operationId"]),
                method.upper(),
                path,
                each["summary"],
                *(arguments(each, place, language) for place in ("path", "header", "query")),
                body_of(each, language),
                next((language.type_of(one["schema"]) for one in contents.values()), None),
                "304" in each["responses"],
            )


def arguments(operation: Schema, place: str, language: Language) -> tuple[Argument, ...]:
    """The parameters of one place. A header that is not needed is the transport's."""
    parameters = [each for each in operation.get("parameters", ()) if each["in"] == place]
    return tuple(argument(each, language) for each in parameters if place != "header" or each["required"])


def argument(parameter: Schema, language: Language) -> Argument:
    name = parameter["name"]
    annotation = language.ids if name == "item_ids" else language.type_of(parameter["schema"])
    return Argument(language.name_of(name), name, annotation, parameter.get("description", ""))


def body_of(operation: Schema, language: Language) -> str | None:
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return None
    return language.type_of(content["application/json"]["schema"]) if "application/json" in content else language.raw
