"""One exchange as HTTP/1.1 has it: the bytes of a request, and the parts of an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from functools import cached_property, lru_cache
from typing import Any

import httptools
import httpx
import msgspec

LARGEST_ANSWER = 8 * 1024 * 1024
AGAIN = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})  # idempotent (RFC 9110, section 9.2.2)
USUAL = {  # what httpx says of itself where the caller says nothing
    "accept": "*/*",
    "accept-encoding": "gzip, deflate",
    "connection": "keep-alive",
    "user-agent": f"python-httpx/{httpx.__version__}",
}
ENCODED = b"content-encoding"
FRAMING = frozenset({"content-length", "transfer-encoding"})  # ours: bodies are sent whole
BODIED = frozenset({"POST", "PUT", "PATCH"})  # that say so where their body is empty

RawHeaders = list[tuple[bytes, bytes]]


class PreparedRequest(msgspec.Struct, frozen=True):
    """A request as it goes out. `again`: it may be sent twice; `most`: bytes of body that are taken as an answer."""

    data: bytes
    head_only: bool
    again: bool
    most: int


class OutboundResponse:
    """An answer, whole. `head` is all that came till its head was there: most answers' headers nobody asks for."""

    def __init__(self, status: int, body: bytes, head: bytes = b"", raw: RawHeaders | None = None) -> None:
        self.status, self.body, self._head = status, body, head
        if raw is not None:
            self.raw = raw

    @cached_property
    def raw(self) -> RawHeaders:
        return headers_in(self._head)

    @cached_property
    def headers(self) -> Mapping[str, str]:
        return httpx.Headers(self.raw)

    @property
    def is_encoded(self) -> bool:
        """Tell whether the body has a content coding, most likely."""
        head = self._head
        if head.startswith(b"HTTP/1.1 2"):  # no other head follows: only the body, some of which is here
            head = head[: head.find(b"\r\n\r\n")]
        return ENCODED in head.lower()


class _Fields:
    """Header fields as a parser tells them, but for those of interim answers and those after the body."""

    def __init__(self) -> None:
        self.found: RawHeaders = []
        self.whole = False
        self.parser: Any = httptools.HttpResponseParser(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.whole:
            self.found.append((name, value))

    def on_headers_complete(self) -> None:
        if self.parser.get_status_code() < 200:
            self.found.clear()
        else:
            self.whole = True


def headers_in(head: bytes) -> RawHeaders:
    """Header fields of an answer that begins so, which has been parsed before."""
    fields = _Fields()
    with suppress(httptools.HttpParserError, httptools.HttpParserUpgrade):
        fields.parser.feed_data(head)
    fields.parser = None  # they hold each other
    return fields.found


class TooMuch(httpx.DecodingError):
    """The body is larger than whoever asked wants to have it."""


def ready(
    method: str,
    host: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes | None,
    most: int = LARGEST_ANSWER,
) -> PreparedRequest:
    """Raises `httpx.LocalProtocolError` where a header would end another one."""
    head = fields(host, method in BODIED or bool(body), len(body or b""), *headers.items())
    data = b"%b %b HTTP/1.1\r\n%b" % (method.encode(), target.encode("ascii"), head)
    return PreparedRequest(data + body if body else data, method == "HEAD", method in AGAIN, most)


@lru_cache(256)  # callers send the same few again and again
def fields(host: str, bodied: bool, length: int, *headers: tuple[str, str]) -> bytes:
    """The lines of a request after its first, with what httpx would add; of a name in two spellings the last counts.
    Raises `httpx.LocalProtocolError`."""
    spelled = {name.lower(): f"{name}: {value}" for name, value in headers}
    lines = [] if "host" in spelled else [f"host: {host}"]
    lines += [f"{name}: {value}" for name, value in USUAL.items() if name not in spelled]
    lines += [line for name, line in spelled.items() if name not in FRAMING]
    if bodied:
        lines.append(f"content-length: {length}")
    head = "".join(f"{line}\r\n" for line in lines)
    if head.count("\n") != len(lines) or head.count("\r") != len(lines) or "\0" in head:
        raise httpx.LocalProtocolError("a header has a line break in it")
    try:
        return f"{head}\r\n".encode("latin-1")
    except UnicodeEncodeError as error:
        raise httpx.LocalProtocolError("a header has a character that HTTP has not") from error


async def whole(status: int, response: httpx.Response, raw: RawHeaders, most: int) -> OutboundResponse:
    """The decoded body of httpx's response. Raises `TooMuch`."""
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > most:
            raise TooMuch(f"answers with more than {most} bytes")
    return OutboundResponse(status, bytes(body), raw=raw)


class Pieces(httpx.AsyncByteStream):
    """A body that is there, in parts: a compressed one is stopped before it has grown out of all proportion."""

    SIZE = 64 * 1024

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for at in range(0, len(self._body), self.SIZE):
            yield self._body[at : at + self.SIZE]


def named(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Values by name. The values of a name that comes more than once are one list (RFC 9110, section 5.2)."""
    values: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        values[name] = f"{values[name]}, {value}" if name in values else value
    return values
