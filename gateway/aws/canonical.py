"""A request in the one form that its sender signed and its receiver verifies (Signature Version 4)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote

BLANKS = re.compile(r"[ \t]+")  # str.split() knows more of them, also among the bytes of UTF-8

Pairs = list[tuple[str, str]]


class RawRequest(NamedTuple):
    """A request as it came, nothing decoded; header names in lower case, values of repeated ones joined by commas."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    peer: str | None = None  # the address of the connection's other end
    http_version: str = "1.1"


def canonical(request: RawRequest, query: Pairs, signed_headers: Sequence[str], payload: str) -> str:
    """Every byte a character; `payload` is the body's digest or what stands for it."""
    headers = [f"{name}:{single_spaced(request.headers[name])}" for name in signed_headers]
    names = ";".join(signed_headers)
    return "\n".join((request.method, path_of(request.path), query_of(query), *headers, "", names, payload))


def single_spaced(value: str) -> str:
    if "  " in value or "\t" in value:
        value = BLANKS.sub(" ", value)
    return value.strip(" ")


@lru_cache(maxsize=64)
def path_of(raw: str) -> str:
    """Drop dot segments and empty ones, and encode every segment once more, as all services but S3 have it."""
    segments: list[str] = []
    for segment in raw.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(quote(segment, safe="~", encoding="latin-1"))
    return "/" + "/".join(segments) + ("/" if segments and raw.endswith("/") else "")


def pairs_of(raw: str) -> Pairs:
    """(name, value) of each parameter, in canonical encoding."""
    if not raw:
        return []
    split = (part.partition("=") for part in raw.split("&") if part)
    return [(encoded(name), encoded(value)) for name, _, value in split]


def encoded(text: str) -> str:
    return quote(unquote(text, "latin-1"), safe="~", encoding="latin-1")


def query_of(query: Pairs) -> str:
    return (
        "" if not query else "&".join(f"{name}={value}" for name, value in sorted(query) if name != "X-Amz-Signature")
    )
