"""The operands of predicates as plain values: literals, and the parameters that a question brings along (§4.3)."""

from __future__ import annotations

import re

from engine.data.schema import BOOLEANS, Field
from engine.errors import InvalidInput

Value = str | float | int

_TOKEN = re.compile(
    r"""\s*(?: "((?:\\.|[^"\\])*)" | '((?:\\.|[^'\\])*)' | ([^",][^,]*) )\s*(?:,|$)""", re.VERBOSE | re.DOTALL
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def split_values(place: str, encoded: str) -> tuple[str, ...]:
    """`"Comedy","Drama"` is two values; those without quotes are taken as they are. Empty: none.

    Raises `InvalidInput`, naming the place.
    """
    parts, at, end = [], 0, len(encoded.rstrip())
    while at < end:
        token = _TOKEN.match(encoded, at)
        if token is None:
            raise InvalidInput(
                f"{place} can't be read at character {at + 1}: {encoded[at : at + 40]!r}; "
                'write each value in double quotes, with commas between, such as "Comedy","Drama".'
            )
        quoted = token[1] if token[1] is not None else token[2]
        parts.append(token[3].strip() if quoted is None else _ESCAPED.sub(r"\1", quoted))
        at = token.end()
    return tuple(parts)


def parameter_values(name: str, encoded: str, field: Field | None, *, one: bool) -> tuple[Value, ...]:
    """A parameter's values for a field (none: a text). Raises `InvalidInput` where they don't fit."""
    texts = split_values(f"filterValues: the value of {name}", encoded)
    if one and len(texts) != 1:
        raise InvalidInput(f"filterValues: {name} needs exactly one value, not {len(texts)}.")
    try:
        return tuple(typed(text, field) for text in texts)
    except ValueError:
        kind = "true or false" if field is not None and field.type == "boolean" else "a number"
        raise InvalidInput(f"filterValues: {name} must be {kind}, not {encoded[:40]!r}.") from None


def typed(text: str, field: Field | None) -> Value:
    """The value as the field's column has it. Raises `ValueError`."""
    if field is None or field.type == "string":
        return text
    if field.type == "boolean":
        if text.lower() not in BOOLEANS:
            raise ValueError(text)
        return int(BOOLEANS[text.lower()])
    number = float(text)
    if number != number:
        raise ValueError(text)
    return int(text) if abs(number) < 2**63 and text.strip().lstrip("+-").isdigit() else number
