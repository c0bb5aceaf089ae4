"""One exchange as HTTP/1.1 has it: the bytes of a request, and the parts of an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import httpx

LARGEST_ANSWER = 8 * 1024 * 1024
AGAIN = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})  # idempotent (RFC 9110, section 9.2.2)
USUAL = {  # what httpx says of itself where the caller says nothing
    "accept": "*/*",
    "accept-encoding": "gzip, deflate",
    "connection": "keep-alive",
    "user-agent": f"python-httpx/{httpx.__version__}",
}
FRAMING = frozenset({"content-length", "transfer-encoding"})  # ours: bodies are sent whole
BODIED = frozenset({"POST", "PUT", "PATCH"})  # that say so where their body is empty

RawHeaders = list[tuple[bytes, bytes]]


class Ready(NamedTuple):
    """A request as it goes out. `again`: it may be sent twice; `most`: bytes of body that are taken as an answer."""

    data: bytes
    head_only: bool
    again: bool
    most: int


@dataclass(frozen=True)
class Got:
    """An answer, whole."""

    status: int
    raw: RawHeaders
    body: bytes

    @cached_property
    def headers(self) -> Mapping[str, str]:
        return httpx.Headers(self.raw)

    def has(self, name: bytes) -> bool:
        """`name` in lower case."""
        return name in [known.lower() for known, _ in self.raw]


class TooMuch(httpx.DecodingError):
    """The body is larger than whoever asked wants to have it."""


def ready(
    method: str,
    host: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes | None,
    most: int = LARGEST_ANSWER,
) -> Ready:
    """Raises `httpx.LocalProtocolError` where a header would end another one."""
    hosted, usual, own = layout(tuple(headers))
    lines = [f"{method} {target} HTTP/1.1"]
    if not hosted:
        lines.append(f"host: {host}")
    lines += usual
    lines += [f"{name}: {headers[name]}" for name in own]
    if body or method in BODIED:
        lines.append(f"content-length: {len(body or b'')}")
    head = "\r\n".join(lines)
    if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1 or "\0" in head:
        raise httpx.LocalProtocolError("a header has a line break in it")
    try:
        data = f"{head}\r\n\r\n".encode("latin-1")
    except UnicodeEncodeError as error:
        raise httpx.LocalProtocolError("a header has a character that HTTP has not") from error
    return Ready(data + body if body else data, method == "HEAD", method in AGAIN, most)


@lru_cache(256)  # callers send the same few sets of headers again and again
def layout(names: tuple[str, ...]) -> tuple[bool, tuple[str, ...], tuple[str, ...]]:
    """Of a request with headers of these names: whether it names its host, the lines that it does not give itself, and
    those of the names that are sent; of a name in two spellings the last."""
    given = {name.lower(): name for name in names}
    usual = tuple(f"{name}: {value}" for name, value in USUAL.items() if name not in given)
    return "host" in given, usual, tuple(name for lower, name in given.items() if lower not in FRAMING)


async def whole(status: int, response: httpx.Response, raw: RawHeaders, most: int) -> Got:
    """The decoded body of httpx's response. Raises `TooMuch`."""
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > most:
            raise TooMuch(f"answers with more than {most} bytes")
    return Got(status, raw, bytes(body))


class Pieces(httpx.AsyncByteStream):
    """A body that is there, in parts: a compressed one is stopped before it has grown out of all proportion."""

    SIZE = 64 * 1024

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for at in range(0, len(self._body), self.SIZE):
            yield self._body[at : at + self.SIZE]


def named(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Of a name given more than once the values are one list (RFC 9110, section 5.2)."""
    told: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        told[name] = f"{told[name]}, {value}" if name in told else value
    return told
