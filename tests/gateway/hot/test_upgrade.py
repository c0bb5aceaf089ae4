"""Some clients (Java's HttpClient, curl --http2) offer HTTP/2 with what they ask: it is answered as if they had not."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.gateway.hot.servers import Pair, said, serving
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
