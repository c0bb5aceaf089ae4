"""A head without end is refused before it has the worker's memory; a long one is answered."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from gateway.connection.protocol import MOST_HEAD
from tests.gateway.hot.servers import PATIENCE_S, Pair, said, serving
from tests.gateway.serve.world import SmallEngine, app_over

BEGINNINGS = {
    "target": b"GET /recommend-items/shop/home/u1?exclude=i1",
    "field": b"GET /recommend-items/shop/home/u1 HTTP/1.1\r\nHost: localhost\r\nX-Long: ",
    "fields": b"GET /recommend-items/shop/home/u1 HTTP/1.1\r\nHost: localhost\r\n",
}
MORE = {"fields": b"X-Field: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with serving(app_over(SmallEngine(tmp_path_factory.mktemp("endless")))) as opened:
        yield opened


def filled(kind: str, size: int) -> bytes:
    more = MORE.get(kind, b"a")
    return BEGINNINGS[kind] + more * (size // len(more))


@pytest.mark.parametrize("kind", BEGINNINGS)
def test_a_head_without_end(pair: Pair, kind: str) -> None:
    with socket.create_connection(("127.0.0.1", pair.hot), timeout=PATIENCE_S) as caller:
        caller.sendall(filled(kind, MOST_HEAD + 1000))
        found = b""
        while more := caller.recv(65536):
            found += more
    head, _, body = found.rpartition(b"\r\n\r\n")
    assert head.rpartition(b"HTTP/1.1 ")[2].startswith(b"431 ") and b"connection: close" in head
    assert b'"code":"HeadTooLarge"' in body
    page = said(pair.plain, [b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"])
    assert b'recgate_requests_total{route="other",status="431"}' in page


@pytest.mark.parametrize("more", [b"X-Field: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", b"X-Field: " + b"a" * 1000])
def test_a_body_whose_trailer_has_no_end(pair: Pair, more: bytes) -> None:
    """Nobody is answered before a body has ended."""
    with socket.create_connection(("127.0.0.1", pair.hot), timeout=PATIENCE_S) as caller:
        caller.sendall(
            b"POST /events/shop HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
        )
        with pytest.raises(ConnectionError):
            for _ in range(8 * MOST_HEAD // len(more)):
                caller.sendall(more)
            if not caller.recv(1):  # all of it lay in buffers
                raise ConnectionResetError


def test_a_body_in_tiny_chunks(pair: Pair) -> None:
    body = b"1\r\n \r\n" * (MOST_HEAD // 3) + b"2\r\n{}\r\n0\r\n\r\n"
    head = b"POST /events/shop HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    assert said(pair.hot, [head, body]).startswith(b"HTTP/1.1 400 ")  # of no events


@pytest.mark.parametrize("kind", ["field", "fields"])
def test_a_long_head(pair: Pair, kind: str) -> None:
    told = said(
        pair.hot,
        [
            filled(kind, MOST_HEAD // 2),
            b"\r\nConnection: close\r\n\r\n" if kind == "field" else b"Connection: close\r\n\r\n",
        ],
    )
    assert told.startswith(b"HTTP/1.1 200 ")
