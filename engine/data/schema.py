"""The Avro-flavoured schemas of datasets (specification §2.1–2.3).

A schema is a flat record of fields. `reserved` lists what each dataset type and domain ask for; all else (a field's
length limit, its bounds, its spelling as a property) follows from the field.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from engine.data.reserved import DATASET_TYPES, KEYS, ReservedField, rules_for
from engine.errors import InvalidInput
from engine.words import in_words

MAX_SCHEMA = 20_000  # characters of JSON
MILLISECONDS = 100_000_000_000  # as seconds, the year 5138; as milliseconds, March 1973
TYPES = ("string", "int", "long", "float", "double", "boolean")
BOOLEANS: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False}
DOMAINS = ("ECOMMERCE", "VIDEO_ON_DEMAND")

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,149}")
_IDS = frozenset({"USER_ID", "ITEM_ID", "ACTION_ID"})
_TIMES = frozenset({"TIMESTAMP", "CREATION_TIMESTAMP", "EXPIRATION_TIMESTAMP", "ACTION_EXPIRATION_TIMESTAMP"})
_MOST_METADATA = {"INTERACTIONS": 5, "ITEMS": 100, "USERS": 25, "ACTIONS": 10, "ACTION_INTERACTIONS": 5}
_BOUNDS: Mapping[str, tuple[float, float]] = {"VALUE": (1, 10), "REPEAT_FREQUENCY": (1, 30)}
_RANGES: Mapping[str, tuple[float, float]] = {"int": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}


class Field(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    type: str  # one of TYPES
    nullable: bool = False
    categorical: bool = False
    textual: bool = False
    item_name: bool = False

    @property
    def numeric(self) -> bool:
        return self.type not in ("string", "boolean")

    @property
    def whole(self) -> bool:
        """Its numbers have no fraction."""
        return self.type in ("int", "long")

    @property
    def max_length(self) -> int:
        """The most characters; longer text is cut where the field is textual and refused elsewhere."""
        return 256 if self.name in _IDS else 20_000 if self.textual else 1000

    @property
    def is_time(self) -> bool:
        """It is one of the reserved timestamps, which are epoch seconds."""
        return self.numeric and self.name in _TIMES

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest number that fit."""
        if self.is_time:
            return 0, MILLISECONDS - 1
        return _BOUNDS.get(self.name, _RANGES.get(self.type, (-math.inf, math.inf)))


@dataclass(frozen=True)
class Schema:
    name: str
    dataset_type: str  # a key of DATASET_TYPES
    fields: tuple[Field, ...]

    @cached_property
    def _by_property(self) -> dict[str, Field]:
        return {plain(field.name): field for field in self.fields}

    def field_for(self, property_name: str) -> Field | None:
        """The field of a property or column: underscores and case don't count."""
        return self._by_property.get(plain(property_name))

    @property
    def metadata(self) -> tuple[Field, ...]:
        """The fields with names of the dataset group's own: all but the keys and the reserved ones."""
        reserved = rules_for(self.dataset_type, None)
        return tuple(field for field in self.fields if field.name not in reserved)

    @property
    def key(self) -> str | None:
        """The field that names a row of Items, Users or Actions; None for the two kinds of interactions."""
        return KEYS.get(self.dataset_type)


def plain(name: str) -> str:
    return name.replace("_", "").lower()


def property_name(field_name: str) -> str:
    """CATEGORY_L2 -> categoryL2."""
    first, *rest = [part for part in field_name.split("_") if part] or [field_name]
    return first.lower() + "".join(part[0].upper() + part[1:].lower() for part in rest)


def dataset_type_of(name: str) -> str:
    """INTERACTIONS for `interactions`, ACTION_INTERACTIONS for `ActionInteractions`. Raises `InvalidInput`."""
    for dataset_type in DATASET_TYPES:
        if plain(dataset_type) == plain(name):
            return dataset_type
    raise InvalidInput(f"{name!r} is no dataset type; use one of {', '.join(DATASET_TYPES.values())}.")


def numeric_column(name: str, items: Schema | None, place: str) -> str:
    """The column as the schema spells it. Raises `InvalidInput` where Items have no numeric column of the name."""
    names = [field.name for field in (() if items is None else items.fields) if field.numeric]
    for each in names:
        if each.casefold() == name.casefold():
            return each
    raise InvalidInput(f"{place}: Items have no numeric column {name}; they have {', '.join(names) or 'none'}.")


# ---- reading


def parse_schema(text: str, domain: str | None = None) -> Schema:
    """The schema of a JSON text, checked against the dataset type that its name implies. Raises `InvalidInput`."""
    if len(text) > MAX_SCHEMA:
        raise InvalidInput(f"The schema has {len(text)} characters; at most {MAX_SCHEMA} are allowed.")
    try:
        record = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise InvalidInput(f"The schema is not a JSON object: {in_words(error)}.") from error
    name, rows = record.get("name"), record.get("fields")
    if record.get("type") != "record":
        raise InvalidInput('The schema must be a record: set "type": "record".')
    if not isinstance(name, str):
        raise InvalidInput(f'The schema has no name: set "name" to one of {", ".join(DATASET_TYPES.values())}.')
    if not isinstance(rows, list) or not rows:
        raise InvalidInput('The schema has no fields: set "fields" to a list of {"name": …, "type": …}.')
    schema = Schema(name, dataset_type_of(name), tuple(_field(row) for row in rows))
    check(schema, schema.dataset_type, domain)
    return schema


def _field(row: object) -> Field:
    """Read a field. Keys that the service does not know (`doc`, `default`) are passed over, as it does."""
    if not isinstance(row, dict) or not isinstance(row.get("name"), str):
        raise InvalidInput(f'Every field must be an object with a "name" and a "type"; found {json.dumps(row)[:80]}.')
    name = row["name"]
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"Field {name[:160]!r}: a name has letters, digits and underscores, does not start with a digit"
            " and has at most 150 characters; rename it."
        )
    type_, nullable = _type(name, row.get("type"))
    flags = {flag: row.get(property_name(flag), False) for flag in ("categorical", "textual", "item_name")}
    for flag, value in flags.items():
        spelling = property_name(flag)
        if not isinstance(value, bool):
            raise InvalidInput(f'Field {name}: "{spelling}" must be true or false, without quotes.')
        if value and type_ != "string":
            raise InvalidInput(
                f'Field {name}: only a string can be {spelling}; its type is {type_}. Drop "{spelling}".'
            )
    if flags["categorical"] and flags["textual"]:
        raise InvalidInput(f"Field {name} is both categorical and textual; choose one.")
    return Field(name=name, type=type_, nullable=nullable, **flags)


def _type(name: str, declared: object) -> tuple[str, bool]:
    """The scalar type, and whether null is allowed beside it."""
    union = declared if isinstance(declared, list) else [declared]
    scalars = [part for part in union if part != "null"]
    nulls = len(union) - len(scalars)
    if len(scalars) == 1 and scalars[0] in TYPES and nulls <= 1:
        return scalars[0], nulls == 1
    raise InvalidInput(
        f"Field {name}: type {json.dumps(declared)[:80]} is not supported;"
        f' use one of {", ".join(TYPES)}, or a union of one of them with "null".'
    )


# ---- checking


def check(schema: Schema, dataset_type: str, domain: str | None = None) -> None:
    """Raises `InvalidInput` (the field, the rule, the fix) where no dataset of this type can have the schema."""
    wanted = dataset_type_of(dataset_type)
    if schema.dataset_type != wanted:
        raise InvalidInput(
            f"The schema's name is {schema.name}, the dataset's type {wanted}: name the schema {DATASET_TYPES[wanted]}."
        )
    if domain is not None and domain not in DOMAINS:
        raise InvalidInput(f"{domain!r} is no domain; use one of {', '.join(DOMAINS)}, or none.")
    if domain is not None and wanted.startswith("ACTION"):
        raise InvalidInput(f"A {domain} dataset group can't hold {DATASET_TYPES[wanted]}; use a group without domain.")
    _check_names(schema)
    _check_flags(schema)
    _check_reserved(schema, domain)
    _check_metadata(schema)


def _check_names(schema: Schema) -> None:
    seen: dict[str, str] = {}
    for field in schema.fields:
        other = seen.setdefault(plain(field.name), field.name)
        if other is not field.name:
            raise InvalidInput(
                f"Fields {other} and {field.name} are the same name once underscores and case are removed; rename one."
            )


def _check_flags(schema: Schema) -> None:
    for flag in ("textual", "item_name"):
        names = [field.name for field in schema.fields if getattr(field, flag)]
        spelling = property_name(flag)
        if names and schema.dataset_type != "ITEMS":
            raise InvalidInput(f'Field {names[0]}: "{spelling}" is for Items schemas only; drop it.')
        if len(names) > 1:
            raise InvalidInput(f'Fields {", ".join(names)}: at most one field may be {spelling}; drop "{spelling}".')


def _check_reserved(schema: Schema, domain: str | None) -> None:
    fields = {field.name: field for field in schema.fields}
    rules = rules_for(schema.dataset_type, domain)
    missing = [rule for rule in rules.values() if rule.required and rule.name not in fields]
    if missing:
        kind = " ".join(filter(None, (domain, schema.name)))
        lacks = ", ".join(f"{rule.name} ({' '.join(filter(None, (rule.flag, rule.type)))})" for rule in missing)
        raise InvalidInput(f"A schema of {kind} must have the field {lacks}; add it.")
    for name in filter(rules.__contains__, fields):
        _check_rule(fields[name], rules[name])


def _check_rule(field: Field, rule: ReservedField) -> None:
    name = field.name
    if field.type != rule.type:
        raise InvalidInput(f"Field {name} is reserved and must be of type {rule.type}, not {field.type}; change it.")
    if field.nullable and not rule.nullable:
        raise InvalidInput(f'Field {name} must have a value in every row: its type can\'t include "null"; drop it.')
    flag = "categorical" if field.categorical else "textual" if field.textual else ""
    if flag == rule.flag:
        return
    if rule.flag:
        raise InvalidInput(f'Field {name} is reserved and must be {rule.flag}: set "{rule.flag}": true.')
    raise InvalidInput(f'Field {name} is reserved and can\'t be {flag}: drop "{flag}".')


def _check_metadata(schema: Schema) -> None:
    metadata = [field.name for field in schema.metadata]
    most = _MOST_METADATA[schema.dataset_type]
    if len(metadata) > most:
        raise InvalidInput(
            f"{schema.name} may have {most} metadata fields, this schema has {len(metadata)};"
            f" drop some of {', '.join(metadata[most:])} or of the fields before."
        )
    if schema.key is not None and not any(f.numeric or f.categorical or f.textual for f in schema.fields):
        textual = " (or textual)" if schema.dataset_type == "ITEMS" else ""
        raise InvalidInput(
            f"A schema of {schema.name} must have a metadata field beside {schema.key}: a number or a categorical"
            f"{textual} string. Add one, or mark a string field categorical."
        )
