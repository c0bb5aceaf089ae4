"""Expressions of metrics: `SAMPLECOUNT()`, `SUM(Items.COLUMN)` or `SUM(Interactions.COLUMN)`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from engine.data.reserved import DATASET_TYPES
from engine.data.schema import Schema
from engine.errors import InvalidInput

_SPELLED = re.compile(
    r"\s*(?:(?P<count>SAMPLECOUNT)\s*\(\s*\)|SUM\s*\(\s*(?P<type>ITEMS|INTERACTIONS)\s*\.\s*(?P<column>\w+)\s*\))\s*",
    re.IGNORECASE | re.ASCII,
)


class Expression(NamedTuple):
    """`dataset_type` and `column` are empty for SAMPLECOUNT()."""

    function: str  # samplecount | sum
    dataset_type: str = ""
    column: str = ""


def parse_expression(text: str) -> Expression:
    """Raises `InvalidInput`."""
    match = _SPELLED.fullmatch(text)
    if match is None:
        raise InvalidInput(
            f"expression: {text!r} can't be read; write SUM(Items.COLUMN), SUM(Interactions.COLUMN) or SAMPLECOUNT()."
        )
    if match["count"]:
        return Expression("samplecount")
    return Expression("sum", match["type"].upper(), match["column"])


def check_expression(text: str, schemas: Mapping[str, Schema]) -> None:
    """Raises `InvalidInput` unless it adds up a numeric column of one of these datasets, by type."""
    expression = parse_expression(text)
    if expression.function == "samplecount":
        return
    name = DATASET_TYPES[expression.dataset_type]
    schema = schemas.get(expression.dataset_type)
    if schema is None:
        raise InvalidInput(f"expression: {text!r} needs an {name} dataset, which the dataset group does not have.")
    numeric = [field.name for field in schema.fields if field.numeric]
    if expression.column not in numeric:
        choices = ", ".join(numeric) or "none"
        raise InvalidInput(f"expression: {text!r} must name a numeric column of the {name} schema: {choices}.")
