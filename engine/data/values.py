"""The values that fit a schema's fields: numbers, texts, times, and properties put one by one (§2.3, §2.5)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from engine.data.options import Timestamps
from engine.data.schema import BOOLEANS, MILLISECONDS, Field, Schema, plain, property_name
from engine.errors import InvalidInput

MISSING = "has no value where one is required"
WHOLE = re.compile(r"\s*[+-]?\d{1,40}(\.0*)?\s*", re.ASCII)  # as numbers are written
DECIMAL = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_EVENT_WORDS = frozenset({"userid", "sessionid", "eventtype", "timestamp", "recommendationid", "impression"})
_DATE = re.compile(r"\s*\d{4}-\d\d-\d\d.*", re.ASCII)  # with dashes: eight digits alone are no date
_OFFER = "import with --timestamps {0} (API: tag recgate:timestamps={0}) to read it"


def check_seconds(name: str, value: float) -> None:
    """Raises `InvalidInput` for a time that can't be epoch seconds."""
    if reason := _time_problem(value):
        raise InvalidInput(f"{name} {value:.0f} {reason}.")


def number_problem(field: Field, value: float) -> str | None:
    """The rule that a number breaks, in words that follow the number; None where it fits the field."""
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
    for name, value in properties.items():
        if events and plain(name) in _EVENT_WORDS:
            raise InvalidInput(f"Property '{name}' is a reserved word; give it beside the event's properties.")
        field = schema.field_for(name)
        if field is None:
            names = ", ".join(property_name(field.name) for field in schema.fields if field.name != schema.key)
            raise InvalidInput(f"Property '{name}' is not in the {schema.name} schema, which has {names}.")
        if field.name == schema.key:
            raise InvalidInput(f"Property '{name}' names the record itself; leave it out of the properties.")
        if field.name in values:
            raise InvalidInput(f"Property '{name}' is given twice, under two spellings of {field.name}.")
        values[field.name] = value_of(name, field, value)
    return values


def value_of(name: str, field: Field, value: object) -> Value:
    """One property as its field keeps it. Raises `InvalidInput` naming the property and the rule."""
    if field.categorical and isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
        value = "|".join(value)
    if value is None or value == "":
        if field.nullable:
            return None
        raise InvalidInput(f"Property '{name}' must have a value; the type of {field.name} does not include null.")
    if field.type == "string":
        return _text(name, field, value)
    if field.type == "boolean":
        truth = BOOLEANS.get(str(value).lower()) if isinstance(value, bool | int | str) else None
        if truth is None:
            raise InvalidInput(f"Property '{name}' must be true or false, not {_shown(value)}.")
        return truth
    return _number(name, field, value)


def _text(name: str, field: Field, value: object) -> str:
    if not isinstance(value, str):
        expected = "a string or a list of strings" if field.categorical else "a string"
        raise InvalidInput(f"Property '{name}' must be {expected}, not {_shown(value)}.")
    if reason := length_problem(field, value):
        raise InvalidInput(f"Property '{name}': {reason}")
    return value[: field.max_length]


def _number(name: str, field: Field, value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
        raise InvalidInput(f"Property '{name}' must be a number, not {_shown(value)}.")
    if reason := number_problem(field, value):
        raise InvalidInput(f"Property '{name}': {_shown(value)} {reason}.")
    return int(value) if field.whole else value


def _is_finite(number: int | float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # a whole number beyond a float
        return False


def _shown(value: object) -> str:
    """The beginning of the value as JSON, or its kind where it is nested."""
    if isinstance(value, dict | list | tuple):
        return "an object" if isinstance(value, dict) else "a list"
    return json.dumps(value, default=str)[:40]


def _seconds(cell: str) -> int:
    if WHOLE.fullmatch(cell):
        return int(cell.partition(".")[0])
    if len(cell) <= 40 and DECIMAL.fullmatch(cell):
        raise ValueError(f"is not a whole number of seconds; {_OFFER.format('decimal')}, without its fraction")
    if _is_iso(cell):
        raise ValueError(f"is not a whole number of seconds but an ISO 8601 time; {_OFFER.format('iso')}")
    raise ValueError("is not a whole number")


def _milliseconds(cell: str) -> int:
    if not WHOLE.fullmatch(cell):
        raise ValueError("is not a whole number of milliseconds")
    return int(cell.partition(".")[0]) // 1000


def _decimal(cell: str) -> int:
    value = float(cell) if DECIMAL.fullmatch(cell) else math.nan
    if not math.isfinite(value):
        raise ValueError("is not a number of seconds")
    return math.floor(value)


def _iso(cell: str) -> int:
    """Read an ISO 8601 time; one without an offset is UTC."""
    if not _is_iso(cell):
        raise ValueError("is not an ISO 8601 time such as 2026-12-01T09:30:00Z")
    moment = datetime.fromisoformat(cell.strip())
    return math.floor((moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp())


def _is_iso(cell: str) -> bool:
    if not _DATE.fullmatch(cell):
        return False
    try:
        datetime.fromisoformat(cell.strip())
    except ValueError:
        return False
    return True


# Functions that read a cell as whole epoch seconds; they raise `ValueError` with the rule that the cell breaks.
TIME_READERS: Mapping[Timestamps, Callable[[str], int]] = {
    "seconds": _seconds,
    "milliseconds": _milliseconds,
    "decimal": _decimal,
    "iso": _iso,
}
