"""Bodies by the hundred over real connections: those that drip keep no honest event waiting."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.gateway.hot.servers import Pair, serving
from tests.gateway.serve.world import SmallEngine, app_over

DRIPPERS = 300
EVENT = {"sessionId": "s", "userId": "u1", "eventList": [{"eventType": "view", "itemId": "i3"}]}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with serving(app_over(SmallEngine(tmp_path_factory.mktemp("flood")), time.time)) as opened:
        yield opened


def sending(pair: Pair, head: str) -> socket.socket:
    caller = socket.create_connection(("127.0.0.1", pair.hot), timeout=10)
    caller.sendall(head.encode())
    return caller


def test_dripping_bodies_keep_no_event_waiting(pair: Pair) -> None:
    head = "POST /events/shop HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\n{"
    with contextlib.ExitStack() as open_, httpx.Client(base_url=f"http://127.0.0.1:{pair.hot}", timeout=10) as client:
        for _ in range(DRIPPERS):
            open_.enter_context(sending(pair, head))
        began = time.monotonic()
        for _ in range(20):
            answer = client.post("/events/shop", content=json.dumps(EVENT))
            assert answer.status_code == 200, answer.text
        assert time.monotonic() - began < 2.0
        page = client.get("/metrics").text
        assert f"recgate_bodies_bytes {DRIPPERS:.1f}" in page


def test_what_is_said_to_be_too_large_is_refused_unread(pair: Pair) -> None:
    for path in ("/events/shop", "/track", "/recommend-many/shop", "/ofrep/v1/evaluate/flags", "/events", "/items"):
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n"
        with sending(pair, head) as caller:
            assert caller.recv(65536).startswith(b"HTTP/1.1 413 "), path


def test_a_body_in_chunks_is_refused_as_soon_as_it_is_too_large(pair: Pair) -> None:
    head = "POST /items HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    with sending(pair, head) as caller:
        for _ in range(31):  # a little over 2,000,000 bytes, and no end
            caller.sendall(b"ffff\r\n" + b" " * 0xFFFF + b"\r\n")
        assert caller.recv(65536).startswith(b"HTTP/1.1 413 ")
