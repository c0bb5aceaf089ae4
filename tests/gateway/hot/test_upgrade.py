"""Some clients (Java's HttpClient, curl --http2) offer HTTP/2 with what they ask: it is answered as if they had not."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from collections.abc import Iterator

import pytest

from tests.gateway.hot.servers import PATIENCE_S, Pair, said, serving
from tests.gateway.serve.world import SmallEngine, app_over

LAST = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
OFFER = (
    b"Connection: Upgrade, HTTP2-Settings",
    b"Upgrade: h2c",
    b"HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
)
BODY = b'["i3","i1"]'
NAME = re.compile(rb'"recommendationId":"[^"]*"|content-length: \d+')
PLAIN, CHUNKED = b"Content-Length: %d" % len(BODY), b"Transfer-Encoding: chunked"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with serving(app_over(SmallEngine(tmp_path_factory.mktemp("upgrade")))) as opened:
        yield opened


def head(method: bytes, target: bytes, *fields: bytes) -> bytes:
    return b"\r\n".join((b"%b %b HTTP/1.1" % (method, target), b"Host: localhost", *fields, b"", b""))


def ranked(*fields: bytes) -> bytes:
    return head(b"POST", b"/rerank-items/shop/order/u1", *fields)


@pytest.mark.parametrize(
    ("framing", "body"),
    [(PLAIN, BODY), (CHUNKED, b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY))],
    ids=["length", "chunked"],
)
@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("first", [True, False])
def test_a_body_with_an_offer_of_http_2(pair: Pair, framing: bytes, body: bytes, apart: bool, first: bool) -> None:
    offered = ranked(*OFFER, framing) if first else ranked(framing, *OFFER[::-1])
    told = said(pair.hot, [offered, body, LAST] if apart else [offered + body, LAST])
    assert told.startswith(b"HTTP/1.1 200 ")
    assert NAME.sub(b"", told) == NAME.sub(b"", said(pair.hot, [ranked(framing) + body, LAST]))


def test_what_follows_an_offer_is_answered(pair: Pair) -> None:
    target = b"/recommend-items/shop/home/u1"
    for _ in range(3):
        offered = said(pair.hot, [head(b"GET", target, *OFFER) + head(b"GET", target), LAST])
    assert offered == said(pair.hot, [head(b"GET", target) * 2, LAST])
    assert offered.count(b"HTTP/1.1 200 ") == 2


@pytest.mark.parametrize("offer", [b"TLS/1.0", b"h3c"])
def test_a_body_is_never_read_as_a_request(pair: Pair, offer: bytes) -> None:
    """Whoever has a proxy pass it on would else ask in the name of the next caller on its connection."""
    inside = head(b"GET", b"/health")
    asked = ranked(b"Connection: Upgrade", b"Upgrade: " + offer, b"Content-Length: %d" % len(inside))
    with socket.create_connection(("127.0.0.1", pair.hot), timeout=PATIENCE_S) as caller:
        caller.sendall(asked)
        time.sleep(0.01)  # so that it comes by itself
        told = b""
        with contextlib.suppress(ConnectionError):
            caller.sendall(inside)
            while more := caller.recv(65536):
                told += more
    assert told.count(b"HTTP/1.1 ") == 1 and b"connection: close" in told
