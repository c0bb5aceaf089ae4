"""Paths as they were sent: split first, then decoded, exactly once, so that an id may hold any character."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from litestar.exceptions import NotFoundException

from gateway.errors import Invalid
from gateway.routes.replies import AnyRequest

LONGEST_ID = 256  # characters, as Personalize has it


def segments(request: AnyRequest, first: str, counts: tuple[int, ...]) -> list[bytes]:
    """The segments after `first`, still encoded. Raises 404 where there are not as many as one of `counts`.

    Litestar matched the decoded path; only the raw one tells `a%2Fb` from two segments.
    """
    raw = request.scope["raw_path"].partition(b"?")[0].split(b"/")
    rest = raw[2:]
    if raw[:2] != [b"", first.encode()] or len(rest) not in counts or not all(rest):
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
    return value
