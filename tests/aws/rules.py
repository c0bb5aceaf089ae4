"""Requests made from botocore's own input shapes: one that keeps every rule, and for each rule one that breaks only it.

The rules are the shapes' types, required members, lengths, sizes, ranges, patterns and enums, at every depth.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.model import OperationModel, Shape

PATTERNS = {  # a pattern of the models -> a text that fits, and some that don't
    r"^[a-zA-Z0-9][a-zA-Z0-9\-_]*": ("a-1", ("-a", "a b", "a\n", "é")),
    r"arn:([a-z\d-]+):personalize:.*:.*:.+": (
        "arn:aws:personalize:us-east-1:123456789012:campaign/none",
        ("arn", "arn:aws:s3:::b", "x arn:aws:personalize:::recipe/x"),
    ),
    r"(s3|http|https)://.+": ("s3://bucket/key/", ("ftp://bucket/key", "bucket")),
    r"arn:aws.*:kms:.*:[0-9]{12}:key/.*": (
        "arn:aws:kms:us-east-1:123456789012:key/1",
        ("key", "arn:aws:kms:x:1:key/1"),
    ),
    r"arn:([a-z\d-]+):iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+": (
        "arn:aws:iam::123456789012:role/R",
        ("role", "arn:aws:iam::1:role/R"),
    ),
    r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$": ("Größe 1", ("a#", "a\tb")),
    r"[A-Za-z_][A-Za-z\d_]*": ("PRICE", ("1a", "a-b")),
    r"^[A-Za-z_]+$": ("ITEMS", ("ITEMS1", "a b")),
    r"rate\(\d+ days?\)": ("rate(1 day)", ("cron(1)", "rate(1 days) ")),
    r"\p{ASCII}{0,1500}": ("token", ("é",)),
    r"[A-Za-z0-9_]+": ("KEY", ("a b", "é")),
    r"[A-Za-z\d_]+": ("KEY", ("a b", "é")),
    r"^[\x20-\x7E]*[\x21-\x7E]+[\x20-\x7E]*$": ("source", (" ", "é")),
}
TEXTS = {"HPOResource": "1", "DatasetType": "ITEMS"}  # where the specification asks for more than the model
SAMPLES = {"boolean": False, "integer": 1, "long": 1, "float": 0.5, "double": 0.5, "timestamp": 1_700_000_000}


@dataclass(frozen=True)
class Broken:
    rule: str
    member: str  # what a refusal must name
    body: Any


def sample(shape: Shape) -> Any:
    """A value that keeps every rule of the shape; structures are full."""
    rules = shape.metadata
    if shape.type_name == "structure":
        return {_wire(name, member): sample(member) for name, member in shape.members.items()}
    if shape.type_name == "list":
        return [sample(shape.member)]
    if shape.type_name == "map":
        return {sample(shape.key): sample(shape.value)}
    if shape.type_name != "string":
        return max(SAMPLES[shape.type_name], rules.get("min", 0)) if "min" in rules else SAMPLES[shape.type_name]
    if "jsonvalue" in shape.serialization:
        return "{}"
    if "enum" in rules:
        return rules["enum"][0]
    if shape.name in TEXTS:
        return TEXTS[shape.name]
    return PATTERNS[rules["pattern"]][0] if "pattern" in rules else "x" * max(1, rules.get("min", 1))


def broken(operation: OperationModel) -> Iterator[Broken]:
    """For each rule of the operation's input, a whole body that breaks it."""
    if operation.input_shape is not None:
        yield from _broken(operation.input_shape, "the body")


def nulls(shape: Shape) -> Iterator[Broken]:
    """For each member that isn't required, at any depth of structures, a body in which it is null."""
    for name, member in shape.members.items():
        wire = _wire(name, member)
        if name not in shape.required_members:
            yield Broken("null", wire, {**sample(shape), wire: None})
        if member.type_name == "structure":
            for inner in nulls(member):
                yield Broken("null", f"{wire}.{inner.member}", {**sample(shape), wire: inner.body})


def _broken(shape: Shape, member: str) -> Iterator[Broken]:
    yield Broken("type", member, 7 if shape.type_name == "string" else "x")
    if shape.type_name == "structure":
        yield from _broken_structure(shape)
    elif shape.type_name == "list":
        yield from _broken_list(shape, member)
    elif shape.type_name == "map":
        yield from _broken_map(shape, member)
    elif shape.type_name == "string":
        yield from (Broken(rule, member, text) for rule, text in _bad_texts(shape))
    else:
        yield from (Broken(rule, member, number) for rule, number in _bad_numbers(shape))


def _broken_structure(shape: Shape) -> Iterator[Broken]:
    whole = sample(shape)
    for name, member in shape.members.items():
        wire = _wire(name, member)
        rest = {key: value for key, value in whole.items() if key != wire}
        if name in shape.required_members:
            yield Broken("required", wire, rest)
            yield Broken("required, null", wire, {**rest, wire: None})
        for inner in _broken(member, wire):
            yield Broken(inner.rule, inner.member, {**rest, wire: inner.body})


def _broken_list(shape: Shape, member: str) -> Iterator[Broken]:
    if "max" in shape.metadata:
        yield Broken("most", member, [sample(shape.member)] * (shape.metadata["max"] + 1))
    if shape.metadata.get("min"):
        yield Broken("least", member, [sample(shape.member)] * (shape.metadata["min"] - 1))
    for inner in _broken(shape.member, member):
        yield Broken(f"[{inner.rule}]", inner.member, [sample(shape.member), inner.body])


def _broken_map(shape: Shape, member: str) -> Iterator[Broken]:
    if "max" in shape.metadata and "enum" not in shape.key.metadata:
        keys = [f"K{number}" for number in range(shape.metadata["max"] + 1)]
        if shape.key.metadata.get("pattern") == "^[A-Za-z_]+$":
            keys = ["_" * number for number in range(1, len(keys) + 1)]
        yield Broken("most", member, {key: sample(shape.value) for key in keys})
    for rule, key in _bad_texts(shape.key):
        yield Broken(f"key {rule}", member, {key: sample(shape.value)})
    for inner in _broken(shape.value, member):
        yield Broken(f"value {inner.rule}", inner.member, {sample(shape.key): inner.body})


def _bad_texts(shape: Shape) -> Iterator[tuple[str, str]]:
    rules = shape.metadata
    if "enum" in rules:
        yield "enum", "OTHER"
        yield "enum, case", rules["enum"][0].lower()
    fit = str(sample(shape))
    if "max" in rules:
        yield "most", fit + "x" * (rules["max"] + 1 - len(fit))
    if rules.get("min"):
        yield "least", ""
    if "pattern" in rules:
        yield from (("pattern", text) for text in PATTERNS[rules["pattern"]][1])


def _bad_numbers(shape: Shape) -> Iterator[tuple[str, float]]:
    if shape.type_name in ("integer", "long"):
        yield "whole", 1.5
    if "min" in shape.metadata:
        yield "least", shape.metadata["min"] - 1
    if "max" in shape.metadata:
        yield "most", shape.metadata["max"] + 1


def _wire(name: str, member: Shape) -> str:
    return str(member.serialization.get("name", name))


def known(pattern: str) -> re.Pattern[str] | None:
    """None for those that Python can't read."""
    return None if r"\p" in pattern else re.compile(pattern)
