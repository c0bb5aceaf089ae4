"""Parts of requests as they were sent: paths, split first, then decoded, exactly once, so that an id may hold any
character; JSON bodies, decoded to what was wanted."""

from __future__ import annotations

import json
from typing import Annotated, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec
from litestar.exceptions import NotFoundException
from msgspec import Meta

from engine import MOST_RESULTS, in_words, nul_in
from gateway.errors import Invalid
from gateway.routes.replies import AnyRequest

LONGEST_ID = 256  # characters, as Personalize has it
Id = Annotated[str, Meta(min_length=1, max_length=LONGEST_ID)]
Ids = Annotated[tuple[Id, ...], Meta(max_length=MOST_RESULTS)]
T = TypeVar("T")


def segments(request: AnyRequest, first: str, count: int) -> list[bytes]:
    """The segments after `first`, still encoded. Raises 404 where there are not `count` of them.

    Litestar matched the decoded path; only the raw one tells `a%2Fb` from two segments.
    """
    raw = request.scope["raw_path"].partition(b"?")[0].split(b"/")
    rest = raw[2:]
    if raw[:2] != [b"", first.encode()] or len(rest) != count or not all(rest):
        raise NotFoundException
    return rest


def decoded(raw: bytes, name: str) -> str:
    try:
        return (unquote_to_bytes(raw) if b"%" in raw else raw).decode()
    except UnicodeDecodeError as error:
        raise Invalid("ValidationError", f"{name}: the path is not UTF-8") from error


def checked_id(value: str, name: str) -> str:
    if not 1 <= len(value) <= LONGEST_ID:
        raise Invalid("ValidationError", f"{name} has 1 to {LONGEST_ID} characters, not {len(value)}")
    if "\0" in value:
        raise Invalid("ValidationError", f"{name} has no character U+0000")
    return value


def decode(body: bytes, wanted: type[T], described: str, code: str = "InvalidRequestPayload") -> T:
    """Raises `Invalid`: `InvalidJSONRequestPayload` with the place of the fault, or `code` with the member at fault."""
    try:
        if fault := nul_in(body):
            raise Invalid(code, f"the body is {described}: {fault}")
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
