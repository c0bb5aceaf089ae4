"""Members of resources as Personalize spells them: checked by botocore's model of the service, and as a JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import botocore.session

from gateway.document.report import Report, choices, inside
from gateway.manifest.kinds import KINDS, ResourceKind, parts_of

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-_]{0,62}", re.ASCII)
NAME_RULE = "a name has letters, digits, - and _, begins with a letter or digit, and has 63 characters at most"
LATER = frozenset({"roleArn"})  # members that Create needs and a file may leave out: --role-arn has them
KINDS_OF_VALUES = {
    "string": (str, "a text"),
    "boolean": (bool, "true or false"),
    "integer": (int, "a whole number"),
    "long": (int, "a whole number"),
    "float": (float, "a number"),
    "double": (float, "a number"),
}
JSON_TYPES = {
    "string": "string",
    "boolean": "boolean",
    "integer": "integer",
    "long": "integer",
    "float": "number",
    "double": "number",
}


@cache
def service_model() -> Any:
    return botocore.session.Session().get_service_model("personalize")


@cache
def input_of(operation: str) -> Any:
    return service_model().operation_model(operation).input_shape


@cache
def listed_key(operation: str) -> str:
    """The member of a List operation's answer that has the entries."""
    members = service_model().operation_model(operation).output_shape.members
    return next(str(name) for name, shape in members.items() if shape.type_name == "list")


def members_of(kind: ResourceKind) -> Mapping[str, Any]:
    """The members of a Create operation that a file can have."""
    shape = input_of(f"Create{kind.title}")
    return {name: member for name, member in shape.members.items() if name != kind.implied}


def required_of(kind: ResourceKind) -> set[str]:
    required = set(input_of(f"Create{kind.title}").required_members) - {kind.implied} - LATER
    return required | ({kind.named_by} if not kind.is_single else set())


def checked_members(
    kind: ResourceKind, data: Mapping[str, Any], place: str, report: Report, others: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """The members of a resource, in the types that the operation takes. `others` are keys for somebody else."""
    shapes = members_of(kind)
    members: dict[str, Any] = {}
    for key, value in data.items():
        if key in others or value is None:
            continue
        if key not in shapes:
            report.refuse(place, f"there is no {key!r} here; {choices(key, {*shapes, *others})}", key)
        else:
            members[key] = checked(value, shapes[key], inside(place, key), report)
    name = members.get(kind.named_by)
    if isinstance(name, str) and not NAME.fullmatch(name):
        report.refuse(inside(place, kind.named_by), f"{name!r} can't be a name: {NAME_RULE}")
    return members


def refuse_missing(kind: ResourceKind, members: Mapping[str, Any], place: str, report: Report) -> None:
    for name in sorted(required_of(kind) - members.keys()):
        report.refuse(place, f"{name!r} is missing: a {kind.words} needs it")


def checked(value: Any, shape: Any, place: str, report: Report) -> Any:
    """A value as the operation takes it; faults are reported, and what has some is left as it was."""
    if shape.type_name == "structure":
        return _structure(value, shape, place, report)
    if shape.type_name == "list":
        if not isinstance(value, list):
            report.refuse(place, f"must be a list, not {_shown(value)}")
            return value
        return [checked(each, shape.member, inside(place, at), report) for at, each in enumerate(value)]
    if shape.type_name == "map":
        if not isinstance(value, dict):
            report.refuse(place, f"must be a map of keys, not {_shown(value)}")
            return value
        return {str(key): checked(each, shape.value, inside(place, key), report) for key, each in value.items()}
    return _scalar(value, shape, place, report)


def _structure(value: Any, shape: Any, place: str, report: Report) -> Any:
    if not isinstance(value, dict):
        report.refuse(place, f"must be a map of keys, not {_shown(value)}")
        return value
    members: dict[str, Any] = {}
    for key, each in value.items():
        if key not in shape.members:
            report.refuse(place, f"there is no {key!r} here; {choices(key, shape.members)}", key)
        elif each is not None:
            members[key] = checked(each, shape.members[key], inside(place, key), report)
    for name in shape.required_members:
        if name not in members and name not in LATER:
            report.refuse(place, f"{name!r} is missing")
    return members


def _scalar(value: Any, shape: Any, place: str, report: Report) -> Any:
    kind, words = KINDS_OF_VALUES[shape.type_name]
    if kind is str and isinstance(value, int | float):  # a number or a flag where Personalize has texts
        value = str(value).lower() if isinstance(value, bool) else str(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        report.refuse(place, f"must be {words}, not {_shown(value)}")
    elif (enum := getattr(shape, "enum", None)) and value not in enum:
        report.refuse(place, f"{value!r} is not {choices(value, enum)}")
    return value


def _shown(value: Any) -> str:
    return "a map" if isinstance(value, dict) else "a list" if isinstance(value, list) else repr(value)


# ---- the JSON Schema


def manifest_schema() -> dict[str, Any]:
    """The JSON Schema of a file that declares resources."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "recgate resources",
        **_object({"roleArn": {"type": "string"}, **_parts_schema("")}, set()),
        "$defs": {noun: _kind_schema(kind) for noun, kind in KINDS.items()},
    }


def _kind_schema(kind: ResourceKind) -> dict[str, Any]:
    members = {name: _shape_schema(shape) for name, shape in members_of(kind).items()}
    if kind.noun == "schema":
        members["schema"] = {"anyOf": [{"type": "string"}, {"type": "object"}]}
    return _object({**members, **_parts_schema(kind.noun)}, required_of(kind))


def _parts_schema(noun: str) -> dict[str, Any]:
    parts = {}
    for key, kind in parts_of(noun).items():
        reference = {"$ref": f"#/$defs/{kind.noun}"}
        parts[key] = reference if kind.is_single else {"type": "array", "items": reference}
    return parts


def _object(properties: Mapping[str, Any], required: set[str]) -> dict[str, Any]:
    needed = {"required": sorted(required)} if required else {}
    return {"type": "object", "properties": properties, **needed, "additionalProperties": False}


def _shape_schema(shape: Any) -> dict[str, Any]:
    if shape.type_name == "structure":
        members = {name: _shape_schema(member) for name, member in shape.members.items()}
        return _object(members, set(shape.required_members) - LATER)
    if shape.type_name == "list":
        return {"type": "array", "items": _shape_schema(shape.member)}
    if shape.type_name == "map":
        return {"type": "object", "additionalProperties": _shape_schema(shape.value)}
    if enum := getattr(shape, "enum", None):
        return {"enum": list(enum)}
    if shape.type_name == "string":
        return {"type": ["string", "number", "boolean"]}
    return {"type": JSON_TYPES[shape.type_name]}
