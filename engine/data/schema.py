"""The Avro-flavoured schemas of datasets, and the values that fit them (specification §2.1–2.3, §2.5).

A schema is a flat record of fields. `_RULES` lists, a row a reserved field, what each dataset type and domain ask for;
all else (a field's length limit, its bounds, its spelling as a property) follows from the field.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import msgspec

from engine.errors import InvalidInput

MAX_SCHEMA = 20_000  # characters of JSON
MILLISECONDS = 100_000_000_000  # as seconds, the year 5138; as milliseconds, March 1973
TYPES = ("string", "int", "long", "float", "double", "boolean")
BOOLEANS: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False}
DATASET_TYPES: Mapping[str, str] = {  # plain spelling -> the name a schema of that type bears
    "INTERACTIONS": "Interactions",
    "ITEMS": "Items",
    "USERS": "Users",
    "ACTIONS": "Actions",
    "ACTION_INTERACTIONS": "ActionInteractions",
}
DOMAINS = ("ECOMMERCE", "VIDEO_ON_DEMAND")

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,149}")
_IDS = frozenset({"USER_ID", "ITEM_ID", "ACTION_ID"})
_TIMES = frozenset({"TIMESTAMP", "CREATION_TIMESTAMP", "EXPIRATION_TIMESTAMP", "ACTION_EXPIRATION_TIMESTAMP"})
_KEYS = {"ITEMS": "ITEM_ID", "USERS": "USER_ID", "ACTIONS": "ACTION_ID"}
_MOST_METADATA = {"INTERACTIONS": 5, "ITEMS": 100, "USERS": 25, "ACTIONS": 10, "ACTION_INTERACTIONS": 5}
_EVENT_WORDS = frozenset({"userid", "sessionid", "eventtype", "timestamp", "recommendationid", "impression"})
_BOUNDS: Mapping[str, tuple[float, float]] = {"VALUE": (1, 10), "REPEAT_FREQUENCY": (1, 30)}
_RANGES: Mapping[str, tuple[float, float]] = {"int": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}


class _Rule(NamedTuple):
    """A reserved field: what it must be where it occurs, and whether it must occur."""

    name: str
    type: str
    flag: str = ""  # "": a string is plain | categorical | textual
    required: bool = False
    nullable: bool = True


def _key(name: str, type_: str = "string") -> _Rule:
    return _Rule(name, type_, required=True, nullable=False)


def _categorical(*names: str) -> tuple[_Rule, ...]:
    return tuple(_Rule(name, "string", "categorical") for name in names)


_RULES: Mapping[tuple[str, str | None], tuple[_Rule, ...]] = {
    ("INTERACTIONS", None): (
        _key("USER_ID"),
        _key("ITEM_ID"),
        _key("TIMESTAMP", "long"),
        _Rule("EVENT_TYPE", "string"),
        _Rule("EVENT_VALUE", "float"),
        _Rule("IMPRESSION", "string"),
        _Rule("RECOMMENDATION_ID", "string"),
        _Rule("EVENT_ATTRIBUTION_SOURCE", "string"),
    ),
    ("USERS", None): (_key("USER_ID"),),
    ("ITEMS", None): (_key("ITEM_ID"), _Rule("CREATION_TIMESTAMP", "long")),
    ("ACTIONS", None): (
        _key("ACTION_ID"),
        _Rule("CREATION_TIMESTAMP", "long"),
        _Rule("VALUE", "long"),
        _Rule("TYPE", "string"),
        _Rule("EXPIRATION_TIMESTAMP", "long"),
        _Rule("ACTION_EXPIRATION_TIMESTAMP", "long"),
        _Rule("REPEAT_FREQUENCY", "long"),
    ),
    ("ACTION_INTERACTIONS", None): (
        _key("USER_ID"),
        _key("ACTION_ID"),
        _key("EVENT_TYPE"),
        _key("TIMESTAMP", "long"),
        _Rule("IMPRESSION", "string"),
        _Rule("RECOMMENDATION_ID", "string"),
    ),
    ("INTERACTIONS", "ECOMMERCE"): (_key("EVENT_TYPE"),),
    ("INTERACTIONS", "VIDEO_ON_DEMAND"): (_key("EVENT_TYPE"),),
    ("ITEMS", "ECOMMERCE"): (
        _Rule("PRICE", "float", required=True),
        _Rule("CATEGORY_L1", "string", "categorical", required=True),
        *_categorical("CATEGORY_L2", "CATEGORY_L3", "AGE_GROUP", "ADULT", "GENDER"),
        _Rule("PRODUCT_DESCRIPTION", "string", "textual"),
    ),
    ("ITEMS", "VIDEO_ON_DEMAND"): (
        _key("CREATION_TIMESTAMP", "long"),
        _Rule("GENRES", "string", "categorical", required=True),
        _Rule("PRICE", "float"),
        _Rule("DURATION", "float"),
        _Rule("AVERAGE_RATING", "float"),
        *_categorical("GENRE_L2", "GENRE_L3", "CONTENT_OWNER", "CONTENT_CLASSIFICATION"),
        _Rule("PRODUCT_DESCRIPTION", "string", "textual"),
    ),
    ("USERS", "VIDEO_ON_DEMAND"): _categorical("SUBSCRIPTION_MODEL"),
}


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
        """Whether its numbers have no fraction."""
        return self.type in ("int", "long")

    @property
    def max_length(self) -> int:
        """Characters; longer text is cut where the field is textual and refused elsewhere."""
        return 256 if self.name in _IDS else 20_000 if self.textual else 1000

    @property
    def is_time(self) -> bool:
        """Whether it is one of the reserved timestamps, which are epoch seconds."""
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
        """The fields that every dataset group may name as it likes: all but the keys and the reserved ones."""
        reserved = rules_for(self.dataset_type, None)
        return tuple(field for field in self.fields if field.name not in reserved)

    @property
    def key(self) -> str | None:
        """The field that names a row of Items, Users or Actions; None for the two kinds of interactions."""
        return _KEYS.get(self.dataset_type)


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


def check_seconds(name: str, value: float) -> None:
    """Raises `InvalidInput` for a time that can't be epoch seconds."""
    if reason := _time_problem(value):
        raise InvalidInput(f"{name} {value:.0f} {reason}.")


# ---- reading


def parse_schema(text: str, domain: str | None = None) -> Schema:
    """The schema of a JSON text, checked against the dataset type that its name implies. Raises `InvalidInput`."""
    if len(text) > MAX_SCHEMA:
        raise InvalidInput(f"The schema has {len(text)} characters; at most {MAX_SCHEMA} are allowed.")
    try:
        record = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise InvalidInput(f"The schema is not a JSON object: {error}.") from error
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
    """Keys that the service does not know (`doc`, `default`) are passed over, as it does."""
    if not isinstance(row, dict) or not isinstance(row.get("name"), str):
        raise InvalidInput(f'Every field must be an object with a "name" and a "type"; found {json.dumps(row)}.')
    name = row["name"]
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"Field {name[:160]!r}: a name has letters, digits and underscores, does not start with a digit"
            " and has at most 150 characters; rename it."
        )
    type_, nullable = _type(name, row.get("type"))
    flags = {flag: row.get(flag, False) for flag in ("categorical", "textual", "itemName")}
    for flag, value in flags.items():
        if not isinstance(value, bool):
            raise InvalidInput(f'Field {name}: "{flag}" must be true or false, without quotes.')
        if value and type_ != "string":
            raise InvalidInput(f'Field {name}: only a string can be {flag}; its type is {type_}. Drop "{flag}".')
    if flags["categorical"] and flags["textual"]:
        raise InvalidInput(f"Field {name} is both categorical and textual; choose one.")
    return Field(
        name=name,
        type=type_,
        nullable=nullable,
        categorical=flags["categorical"],
        textual=flags["textual"],
        item_name=flags["itemName"],
    )


def _type(name: str, declared: object) -> tuple[str, bool]:
    """The scalar type, and whether null is allowed beside it."""
    union = declared if isinstance(declared, list) else [declared]
    scalars = [part for part in union if part != "null"]
    nulls = len(union) - len(scalars)
    if len(scalars) == 1 and scalars[0] in TYPES and nulls <= 1:
        return scalars[0], nulls == 1
    raise InvalidInput(
        f"Field {name}: type {json.dumps(declared)} is not supported;"
        f' use one of {", ".join(TYPES)}, or a union of one of them with "null".'
    )


# ---- checking


def check(schema: Schema, dataset_type: str, domain: str | None = None) -> None:
    """Whether the schema can be that of a dataset of this type. Raises `InvalidInput`: the field, the rule, the fix."""
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


def rules_for(dataset_type: str, domain: str | None) -> dict[str, _Rule]:
    rules = _RULES[dataset_type, None] + (_RULES.get((dataset_type, domain), ()) if domain else ())
    return {rule.name: rule for rule in rules}


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


def _check_rule(field: Field, rule: _Rule) -> None:
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
    if schema.key is not None and not any(_trainable(field) for field in schema.fields):
        textual = " (or textual)" if schema.dataset_type == "ITEMS" else ""
        raise InvalidInput(
            f"A schema of {schema.name} must have a metadata field beside {schema.key}: a number or a categorical"
            f"{textual} string. Add one, or mark a string field categorical."
        )


def _trainable(field: Field) -> bool:
    return field.numeric or field.categorical or field.textual


# ---- values


def number_problem(field: Field, value: float) -> str | None:
    """Which rule a number breaks, in words that follow the number; None where it fits the field."""
    low, high = field.bounds
    if field.whole and value != math.floor(value):
        return "is not a whole number"
    if low <= value <= high:
        return None
    if field.is_time:
        return _time_problem(value)
    return f"is not between {low:.0f} and {high:.0f}"


def length_problem(field: Field, text: str) -> str | None:
    """The service's own text for a value that is too long; None where it fits or is merely cut."""
    if field.textual or len(text) <= field.max_length:
        return None
    return f"Length cannot be more than {field.max_length} characters for {field.name}."


def _time_problem(value: float) -> str | None:
    if value >= MILLISECONDS:
        return "looks like milliseconds: seconds since 1970 are due, so divide it by 1000"
    return None if value >= 0 else "is negative: seconds since 1970 are due"


Value = str | int | float | bool | None


def check_properties(schema: Schema, properties: Mapping[str, object]) -> dict[str, Value]:
    """Properties of PutItems, PutUsers or PutEvents as values by field name.

    Several values come out joined by `|`, long text cut, empty text as None. Fields without a property stay out.
    Raises `InvalidInput` naming the property and the rule.
    """
    events = schema.dataset_type.endswith("INTERACTIONS")
    values: dict[str, Value] = {}
    for name, given in properties.items():
        if events and name.lower() in _EVENT_WORDS:
            raise InvalidInput(f"Property '{name}' is a reserved word; give it beside the event's properties.")
        field = schema.field_for(name)
        if field is None:
            known = ", ".join(property_name(field.name) for field in schema.fields if field.name != schema.key)
            raise InvalidInput(f"Property '{name}' is not in the {schema.name} schema, which has {known}.")
        if field.name == schema.key:
            raise InvalidInput(f"Property '{name}' names the record itself; leave it out of the properties.")
        if field.name in values:
            raise InvalidInput(f"Property '{name}' is given twice, under two spellings of {field.name}.")
        values[field.name] = _value(name, field, given)
    return values


def _value(name: str, field: Field, given: object) -> Value:
    if field.categorical and isinstance(given, list | tuple) and all(isinstance(part, str) for part in given):
        given = "|".join(given)
    if given is None or given == "":
        if field.nullable:
            return None
        raise InvalidInput(f"Property '{name}' must have a value; the type of {field.name} does not include null.")
    if field.type == "string":
        return _text(name, field, given)
    if field.type == "boolean":
        return _truth(name, given)
    return _number(name, field, given)


def _text(name: str, field: Field, given: object) -> str:
    if not isinstance(given, str):
        expected = "a string or a list of strings" if field.categorical else "a string"
        raise InvalidInput(f"Property '{name}' must be {expected}, not {json.dumps(given, default=str)[:40]}.")
    if reason := length_problem(field, given):
        raise InvalidInput(f"Property '{name}': {reason}")
    return given[: field.max_length]


def _truth(name: str, given: object) -> bool:
    known = BOOLEANS.get(str(given).lower()) if isinstance(given, bool | int | str) else None
    if known is None:
        raise InvalidInput(f"Property '{name}' must be true or false, not {json.dumps(given, default=str)[:40]}.")
    return known


def _number(name: str, field: Field, given: object) -> int | float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise InvalidInput(f"Property '{name}' must be a number, not {json.dumps(given, default=str)[:40]}.")
    if reason := number_problem(field, given):
        raise InvalidInput(f"Property '{name}': {given} {reason}.")
    return int(given) if field.whole else given


# ---- guessing

_INT = re.compile(r"-?(0|[1-9]\d{0,17})", re.ASCII)
_FLOAT = re.compile(r"-?\d*\.?\d+([eE][-+]?\d+)?", re.ASCII)
_FEW = 1000  # distinct values that a categorical column should not exceed (specification §2.3)


def infer_schema(
    dataset_type: str, header: Sequence[str], sample_rows: Iterable[Sequence[str]], domain: str | None = None
) -> str:
    """A schema as JSON text that fits a CSV's header and sample. Raises `InvalidInput` where none can.

    Reserved names get their reserved type; columns without a name (an exported index) are left out.
    """
    type_ = dataset_type_of(dataset_type)
    rules = {plain(rule.name): rule for rule in rules_for(type_, domain).values()}
    columns = list(zip(*(row for row in sample_rows if len(row) == len(header)), strict=True)) or [()] * len(header)
    rows = [
        _reserved(rules[plain(name)], cells) if plain(name) in rules else _guess(name, cells)
        for name, cells in zip(header, columns, strict=True)
        if name
    ]
    if type_ == "ITEMS":
        _mark_textual(rows, dict(zip(header, columns, strict=True)))
    _mark_metadata(rows, _KEYS.get(type_))
    record = {
        "type": "record",
        "name": DATASET_TYPES[type_],
        "namespace": "com.amazonaws.personalize.schema",
        "fields": rows,
        "version": "1.0",
    }
    text = json.dumps(record)
    parse_schema(text, domain)
    return text


def _reserved(rule: _Rule, cells: Sequence[str]) -> dict[str, Any]:
    row = {"name": rule.name, "type": _union(rule.type, rule.nullable and "" in cells)}
    return {**row, rule.flag: True} if rule.flag else row


def _union(type_: str, nullable: bool) -> str | list[str]:
    return ["null", type_] if nullable else type_


def _guess(name: str, cells: Sequence[str]) -> dict[str, Any]:
    filled = [cell for cell in cells if cell]
    row: dict[str, Any] = {"name": name, "type": "string"}
    if not filled:
        return {"name": name, "type": ["null", "string"]}
    if all(map(_INT.fullmatch, filled)):
        row["type"] = "long"
    elif all(map(_FLOAT.fullmatch, filled)) and not any(_padded(cell) for cell in filled):
        row["type"] = "double"
    elif {cell.lower() for cell in filled} <= {"true", "false"}:
        row["type"] = "boolean"
    elif _is_categorical(filled):
        row["categorical"] = True
    return {**row, "type": _union(row["type"], len(filled) < len(cells))}


def _padded(cell: str) -> bool:
    """Whether it is a code such as 00123 rather than a number."""
    return len(cell) > 1 and cell[0] == "0" and cell[1].isdigit()


def _is_categorical(filled: Sequence[str]) -> bool:
    if max(map(len, filled)) > _FEW:
        return False
    distinct = len(set(filled))
    return any("|" in cell for cell in filled) or (
        distinct <= _FEW and distinct <= max(20, len(filled) // 2) and _mean_length(filled) < 60
    )


def _mean_length(cells: Sequence[str]) -> float:
    return sum(map(len, cells)) / max(1, len(cells))


def _plain_strings(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        if "string" in row["type"] and not row.get("categorical") and not row.get("textual"):
            yield row


def _mark_textual(rows: Sequence[dict[str, Any]], columns: Mapping[str, Sequence[str]]) -> None:
    """The longest free text, if any is long, becomes the one textual field."""
    if any(row.get("textual") for row in rows):
        return
    lengths = {row["name"]: _mean_length(columns.get(row["name"], ())) for row in _plain_strings(rows)}
    for row in rows:
        if lengths.get(row["name"], 0) >= 60 and lengths[row["name"]] == max(lengths.values()):
            row["textual"] = True
            return


def _mark_metadata(rows: Sequence[dict[str, Any]], key: str | None) -> None:
    """Items and Users need something to learn from: where nothing else is, the first string is taken as categorical."""
    strings = [row for row in _plain_strings(rows) if row["name"] != key]
    if key is not None and len(strings) == len(rows) - 1 and strings:
        strings[0]["categorical"] = True
