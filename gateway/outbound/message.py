"""One exchange as HTTP/1.1 has it: the bytes of a request, and the parts of an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from functools import cached_property, lru_cache
from typing import Any

import httptools
import httpx
import msgspec

LARGEST_ANSWER = 8 * 1024 * 1024
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})  # RFC 9110, section 9.2.2
DEFAULT_HEADERS = {  # what httpx says of itself where the caller says nothing
    "accept": "*/*",
    "accept-encoding": "gzip, deflate",
    "connection": "keep-alive",
    "user-agent": f"python-httpx/{httpx.__version__}",
}
ENCODED = b"content-encoding"
FRAMING = frozenset({"content-length", "transfer-encoding"})  # ours: bodies are sent whole
BODIED = frozenset({"POST", "PUT", "PATCH"})  # that say so where their body is empty

RawHeaders = list[tuple[bytes, bytes]]


class OutboundRequest(msgspec.Struct, frozen=True):
    """A request ready to go."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None


class PreparedRequest(msgspec.Struct, frozen=True):
    """A request as it goes out. `idempotent`: it may be sent twice."""

    data: bytes
    head_only: bool
    idempotent: bool


class OutboundResponse:
    """A whole answer. `head` is what came until its head ended; it is parsed only for who reads the headers."""

    def __init__(self, status: int, body: bytes, head: bytes = b"", raw: RawHeaders | None = None) -> None:
        self.status, self.body, self._head = status, body, head
        if raw is not None:
            self.raw = raw

    @cached_property
    def raw(self) -> RawHeaders:
        return parse_headers(self._head)

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


class _HeaderCollector:
    """Collects the header fields of the final answer: none of interim answers, none after the body."""

    def __init__(self) -> None:
        self.headers: RawHeaders = []
        self.complete = False
        self.parser: Any = httptools.HttpResponseParser(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.complete:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self.parser.get_status_code() < 200:
            self.headers.clear()
        else:
            self.complete = True


def parse_headers(head: bytes) -> RawHeaders:
    """Header fields of a head that was parsed once before, so that it has no fault."""
    collector = _HeaderCollector()
    with suppress(httptools.HttpParserError, httptools.HttpParserUpgrade):
        collector.parser.feed_data(head)
    collector.parser = None  # they hold each other
    return collector.headers


class ResponseTooLarge(httpx.DecodingError):
    """The answer's body has more than `LARGEST_ANSWER` bytes."""

    def __init__(self) -> None:
        super().__init__(f"answers with more than {LARGEST_ANSWER} bytes")


def encode_request(request: OutboundRequest, host: str, target: str) -> PreparedRequest:
    """Raises `httpx.LocalProtocolError` where a header would end another one."""
    method, body = request.method, request.body or b""
    head = header_lines(host, method in BODIED or bool(body), len(body), *request.headers.items())
    data = b"%b %b HTTP/1.1\r\n%b%b" % (method.encode(), target.encode("ascii"), head, body)
    return PreparedRequest(data, method == "HEAD", method in IDEMPOTENT)


@lru_cache(256)  # callers send the same few again and again
def header_lines(host: str, bodied: bool, length: int, *headers: tuple[str, str]) -> bytes:
    """The lines of a request after its first, with what httpx would add; of a name in two spellings the last counts.
    Raises `httpx.LocalProtocolError`."""
    spelled = {name.lower(): f"{name}: {value}" for name, value in headers}
    lines = [] if "host" in spelled else [f"host: {host}"]
    lines += [f"{name}: {value}" for name, value in DEFAULT_HEADERS.items() if name not in spelled]
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


async def read_whole(response: httpx.Response) -> OutboundResponse:
    """The decoded body of httpx's response. Raises `ResponseTooLarge`."""
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > LARGEST_ANSWER:
            raise ResponseTooLarge
    return OutboundResponse(response.status_code, bytes(body), raw=response.headers.raw)


class ChunkedBody(httpx.AsyncByteStream):
    """A body that is there, in parts: a compressed one is stopped before it has grown out of all proportion."""

    SIZE = 64 * 1024

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for at in range(0, len(self._body), self.SIZE):
            yield self._body[at : at + self.SIZE]
