"""A request that stalls half sent, or a connection on which nothing is asked, is not kept for ever."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

import pytest

from gateway.connection.protocol import HotProtocol
from tests.gateway.hot.servers import PATIENCE_S, Pair, serving
from tests.gateway.serve.world import SmallEngine, app_over

SHORT_S = 0.4
GET = b"GET /recommend-items/shop/home/u1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /events/shop HTTP/1.1\r\nHost: localhost\r\n"
HALVES = {
    "a letter": b"G",
    "half a head": GET[:-2],
    "no body": POST + b"Content-Length: 2\r\n\r\n",
    "half a body": POST + b"Content-Length: 2\r\n\r\n{",
    "half of the pieces": POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    "no end of the pieces": POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n",
    "behind another": GET + GET[:-2],
}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with serving(app_over(SmallEngine(tmp_path_factory.mktemp("stalled")), time.time)) as opened:
        yield opened


@pytest.fixture(autouse=True)
def short(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HotProtocol, "patience_s", SHORT_S)


def calling(pair: Pair) -> socket.socket:
    caller = socket.create_connection(("127.0.0.1", pair.hot), timeout=PATIENCE_S)
    caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return caller


def rest(caller: socket.socket) -> bytes:
    found = b""
    with contextlib.suppress(ConnectionError):
        while more := caller.recv(65536):
            found += more
    return found


@pytest.mark.parametrize("kind", HALVES)
def test_half_a_request(pair: Pair, kind: str) -> None:
    with calling(pair) as caller:
        began = time.monotonic()
        caller.sendall(HALVES[kind])
        found = rest(caller)
    head, _, body = found[found.index(b"HTTP/1.1 408 ") :].partition(b"\r\n\r\n")
    assert SHORT_S - 0.05 < time.monotonic() - began < PATIENCE_S
    assert b"connection: close" in head and b'"code":"RequestTimeout"' in body
    assert found.count(b"HTTP/1.1 ") == (2 if kind == "behind another" else 1)


@pytest.mark.parametrize(
    "start", [b"GET /health HTTP/1.1\r\nX-Long: ", POST + b"Transfer-Encoding: chunked\r\n\r\n1;x="]
)
def test_a_byte_now_and_then_gains_no_time(pair: Pair, start: bytes) -> None:
    with calling(pair) as caller:
        caller.sendall(start)
        caller.settimeout(SHORT_S / 8)
        began, found = time.monotonic(), b""
        while not found and time.monotonic() - began < PATIENCE_S:
            caller.sendall(b"a")
            with contextlib.suppress(TimeoutError):
                found = caller.recv(65536)
    assert found.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began < 3 * SHORT_S


def test_a_body_that_drips_has_no_more_time(pair: Pair) -> None:
    with calling(pair) as caller:
        caller.sendall(POST + b"Content-Length: 1000\r\n\r\n")
        caller.settimeout(SHORT_S / 8)
        began, found = time.monotonic(), b""
        while not found and time.monotonic() - began < PATIENCE_S:
            caller.sendall(b" ")
            with contextlib.suppress(TimeoutError):
                found = caller.recv(65536)
    assert found.startswith(b"HTTP/1.1 408 ") and b"less than 1000 bytes a second" in found
    assert SHORT_S - 0.05 < time.monotonic() - began < 3 * SHORT_S


def test_a_body_that_goes_on_has_its_time(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HotProtocol, "least_rate", 10.0)
    with calling(pair) as caller:
        caller.sendall(POST + b"Connection: close\r\nContent-Length: 12\r\n\r\n")
        for _ in range(12):
            time.sleep(SHORT_S / 4)
            caller.sendall(b"x")
        assert rest(caller).startswith(b"HTTP/1.1 400 ")  # of no events


@pytest.mark.parametrize("sent", [b"", b"\r\n", GET])
def test_an_idle_connection_ends(pair: Pair, sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair._servers[0].config, "timeout_keep_alive", 2 * SHORT_S)
    with calling(pair) as caller:
        began = time.monotonic()
        caller.sendall(sent)
        assert b" 408 " not in rest(caller)
    assert 2 * SHORT_S - 0.05 < time.monotonic() - began < PATIENCE_S


def test_a_refused_body_that_stalls_is_told_nothing_more(pair: Pair) -> None:
    with calling(pair) as caller:
        caller.sendall(POST + b"Content-Length: 9000000\r\n\r\n{")
        found = rest(caller)
    assert found.count(b"HTTP/1.1 ") == 1 and not found.startswith(b"HTTP/1.1 200 ")
