"""JSON bodies: not JSON at all, JSON of the wrong shape, or what was wanted."""

from __future__ import annotations

import json
from typing import TypeVar

import msgspec

from engine import in_words
from gateway.errors import Invalid

T = TypeVar("T")


def decode(body: bytes, wanted: type[T], described: str, code: str = "InvalidRequestPayload") -> T:
    """Raises `Invalid`: `InvalidJSONRequestPayload` with the place of the fault, or `code` with the member at fault."""
    try:
        return msgspec.json.decode(body, type=wanted)
    except msgspec.ValidationError as error:
        raise Invalid(code, f"the body is {described}: {in_words(error)}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid("InvalidJSONRequestPayload", _fault(body, error)) from error


def _fault(body: bytes, error: Exception) -> str:
    """The standard library says line and column, which msgspec does not."""
    try:
        json.loads(body)
    except (ValueError, RecursionError) as fault:
        return f"the body is not JSON: {fault}"
    return f"the body is not JSON: {error}"
