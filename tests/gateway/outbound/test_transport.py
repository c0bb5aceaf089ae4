"""The transport against real sockets: the same as stock httpx in all that it answers, and what it does beside that."""

from __future__ import annotations

import asyncio
import gzip
import logging
import socket
from collections.abc import Awaitable
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest

from gateway.outbound import LARGEST_ANSWER, OutboundRequest, Transport
from gateway.outbound.message import OutboundResponse, ResponseTooLarge
from gateway.outbound.pool import PoolLimits
from tests.gateway.outbound.wire import Caller, contexts, plain, run, until, wire

OK = plain(b"[]")
PATIENCE_S = 20.0
ZIPPED = gzip.compress(b'["a"]' * 500)


async def lean(transport: Transport, url: str, method: str = "GET", body: bytes | None = None) -> tuple[int, bytes]:
    got = await transport.exchange(OutboundRequest(method, url, {}, body), PATIENCE_S)
    return got.status, got.body


# ---- as stock httpx

ANSWERS = {  # bytes, and whether the connection is closed after them
    "a length": (plain(b'{"a": 1}'), False),
    "nothing": (plain(b""), False),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", False),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", False),
    "a status of its own": (plain(b"x", b"599 Odd"), False),
    "no reason": (b"HTTP/1.1 200\r\ncontent-length: 1\r\n\r\nx", False),
    "pieces": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", False),
    "pieces with a trailer": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\nabc\r\n0\r\nx-late: 1\r\n\r\n",
        False,
    ),
    "an end by closing": (b"HTTP/1.1 200 OK\r\n\r\nall of it", True),
    "an old protocol": (b"HTTP/1.0 200 OK\r\n\r\nall of it", True),
    "a first word": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK, False),
    "a redirect": (plain(b"", b"302 Found", b"location: http://127.0.0.1:1/\r\n"), False),
    "zipped": (plain(ZIPPED, more=b"Content-Encoding: gzip\r\n"), False),
    "zipped after a first word": (
        b"HTTP/1.1 103 Early Hints\r\n\r\n" + plain(ZIPPED, more=b"CONTENT-ENCODING: gzip\r\n"),
        False,
    ),
    "zipped badly": (plain(ZIPPED[:50] + b"x" * 50, more=b"content-encoding: gzip\r\n"), False),
    "headers twice": (plain(b"x", more=b"set-cookie: a=1\r\nset-cookie: b=2\r\n"), False),
    "half a body": (b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\nhalf", True),
    "half of the pieces": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab", True),
    "half a head": (b"HTTP/1.1 200 OK\r\ncontent-le", True),
    "a closed door": (b"", True),
    "another protocol": (b"\x16\x03\x01 this is not HTTP\r\n\r\n", True),
    "a bad piece": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n", True),
    "a bad length": (b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\nabc", True),
    "lengths that differ": (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nabc", True),
    "a long head": (b"HTTP/1.1 200 OK\r\n" + b"x-long: " + b"a" * 300_000, True),
}


async def told(asking: Awaitable[httpx.Response | OutboundResponse]) -> object:
    """All that a caller sees of an answer; of a failure its family, since the words are each library's own."""
    try:
        answer = await asking
    except httpx.HTTPError as error:
        families = (httpx.DecodingError, httpx.TimeoutException, httpx.TransportError)
        return next(family for family in families if isinstance(error, family))
    if isinstance(answer, httpx.Response):
        return answer.status_code, answer.content, answer.headers.multi_items()
    return answer.status, answer.body, httpx.Headers(answer.raw).multi_items()


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_answer_is_what_httpx_makes_of_it(kind: str) -> None:
    data, closing = ANSWERS[kind]

    async def answer(caller: Caller) -> None:
        caller.send(data)
        if closing:
            await caller.writer.drain()
            caller.writer.close()

    async def story() -> None:
        async with (
            wire(answer) as origin,
            httpx.AsyncClient(trust_env=False) as stock,
            aclosing(Transport()) as transport,
        ):
            expected = await told(stock.get(origin.url))
            for _ in range(2):
                assert await told(transport.exchange(OutboundRequest("GET", origin.url, {}), PATIENCE_S)) == expected

    run(story)


URLS = [
    "",
    "/",
    "/a/b?c=d",
    "/a%20b/%C3%A9?q=a%26b",
    "/a b?q=ä",
    "/a/../b/./c",
    "?x=1",
    "/x?",
    "/a'b?q='",
    "/a#b",
    "/%zz",
]


@pytest.mark.parametrize("path", URLS)
def test_a_request_is_what_httpx_makes_of_it(path: str) -> None:
    async def story() -> None:
        async with wire(OK) as origin, httpx.AsyncClient(trust_env=False) as stock, aclosing(Transport()) as transport:
            await stock.post(origin.url + path, content=b"body", headers={"X-Own": "1", "accept": "a/b"})
            await transport.exchange(
                OutboundRequest("POST", origin.url + path, {"X-Own": "1", "accept": "a/b"}, b"body"), 9
            )
            one, two = origin.asked
            assert one.head.splitlines()[0] == two.head.splitlines()[0]
            assert lines(one.head) == lines(two.head)
            assert one.body == two.body == b"body"

    run(story)


def lines(head: str) -> list[tuple[str, str]]:
    """Content-codings are those that the installed decoders can undo: httpx may know more than gzip and deflate."""
    pairs = (line.split(": ", 1) for line in head.splitlines()[1:] if line)
    return sorted((name.lower(), value) for name, value in pairs if name.lower() != "accept-encoding")


def test_a_user_in_the_url_is_a_header() -> None:
    async def story() -> None:
        async with wire(OK) as origin, aclosing(Transport()) as transport:
            await lean(transport, origin.url.replace("//", "//me:p%40ss@") + "/x")
            assert "authorization: Basic bWU6cEBzcw==" in origin.asked[0].head
            assert f"host: 127.0.0.1:{origin.port}" in origin.asked[0].head

    run(story)


@pytest.mark.parametrize("url", ["ftp://x/", "http://", "http://[::1/", "nowhere"])
def test_what_is_no_url_of_http_is_refused(url: str) -> None:
    async def story() -> None:
        async with aclosing(Transport()) as transport:
            with pytest.raises((httpx.InvalidURL, httpx.UnsupportedProtocol)):
                await lean(transport, url)

    run(story)


@pytest.mark.parametrize("value", ["a\r\nx-evil: 1", "a\nb", "a\rb", "a\0b", "日本"])
def test_no_header_ends_another(value: str) -> None:
    async def story() -> None:
        async with wire(OK) as origin, aclosing(Transport()) as transport:
            with pytest.raises(httpx.LocalProtocolError):
                await transport.exchange(OutboundRequest("GET", origin.url, {"x-own": value}), 9)
            assert not origin.asked

    run(story)


# ---- connections


def test_a_connection_is_used_again_after_whatever_ended_well() -> None:
    async def story() -> None:
        async with aclosing(Transport()) as transport:
            for data, closing in ANSWERS.values():
                if closing:
                    continue
                async with wire(data) as origin:
                    for _ in range(3):
                        await asyncio.gather(lean(transport, origin.url), return_exceptions=True)
                    assert origin.connections == 1

    run(story)


def test_a_head_has_no_body_whatever_it_tells() -> None:
    async def answer(caller: Caller) -> None:
        caller.send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n" + (b"" if "HEAD" in caller.head else b"hello"))

    async def story() -> None:
        async with wire(answer) as origin, aclosing(Transport()) as transport:
            assert await lean(transport, origin.url, "HEAD") == (200, b"")
            assert await lean(transport, origin.url) == (200, b"hello")
            assert await lean(transport, origin.url, "HEAD") == (200, b"")
            assert origin.connections == 1

    run(story)


@pytest.mark.parametrize("more", [b"connection: close\r\n", b""])
def test_a_connection_that_is_done_with_is_not_used_again(more: bytes) -> None:
    extra = b"" if more else b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"  # an answer that nobody asked for

    async def story() -> None:
        async with wire(plain(b"x", more=more) + extra) as origin, aclosing(Transport()) as transport:
            for _ in range(3):
                assert await lean(transport, origin.url) == (200, b"x")
            assert origin.connections == 3

    run(story)


@pytest.mark.parametrize(("method", "again"), [("GET", True), ("POST", False)])
def test_a_stale_connection_is_asked_once_more_where_that_is_harmless(method: str, again: bool) -> None:
    async def answer(caller: Caller) -> None:
        if caller.turn == 1:
            caller.send(OK)
        else:  # the origin was about to close it
            caller.writer.close()

    async def story() -> None:
        async with wire(answer) as origin, aclosing(Transport()) as transport:
            await lean(transport, origin.url)
            if again:
                assert await lean(transport, origin.url, method) == (200, b"[]")
                assert (origin.connections, len(origin.asked)) == (2, 3)
            else:
                with pytest.raises(httpx.RemoteProtocolError, match="disconnected"):
                    await lean(transport, origin.url, method, b"x")
                assert len(origin.asked) == 2

    run(story)


def test_a_connection_that_the_origin_has_closed_is_forgotten() -> None:
    async def answer(caller: Caller) -> None:
        caller.send(OK)
        await caller.writer.drain()
        caller.writer.close()

    async def story() -> None:
        async with wire(answer) as origin, aclosing(Transport()) as transport:
            for number in range(1, 4):
                assert await lean(transport, origin.url, "POST", b"x") == (200, b"[]")
                await until(lambda number=number: origin.left == number)
                await asyncio.sleep(0.02)

    run(story)


def test_free_connections_go_after_a_while() -> None:
    async def story() -> None:
        async with wire(OK) as origin, aclosing(Transport(limits=PoolLimits(idle_s=0.1))) as transport:
            await asyncio.gather(*(lean(transport, origin.url) for _ in range(5)))
            assert origin.left == 0
            await until(lambda: origin.left == origin.connections)

    run(story)


def test_who_hangs_up_closes_the_connection() -> None:
    async def answer(caller: Caller) -> None:
        caller.send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")
        await asyncio.sleep(5)

    async def story() -> None:
        async with wire(answer) as origin, aclosing(Transport(limits=PoolLimits(connections=1))) as transport:
            for number in (1, 2):
                asking = asyncio.ensure_future(lean(transport, origin.url))
                await until(lambda number=number: len(origin.asked) == number)
                asking.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asking
            assert origin.connections == 2

    run(story)


def test_the_line_is_fair_and_bounded_and_may_be_left() -> None:
    gate = asyncio.Event()
    served: list[str] = []

    async def answer(caller: Caller) -> None:
        served.append(caller.head.split()[1])
        await gate.wait()
        caller.send(OK)

    async def story() -> None:
        limits = PoolLimits(connections=1, waiting=7)
        async with wire(answer) as origin, aclosing(Transport(limits=limits)) as transport:
            asking = []
            for number in range(8):
                asking.append(asyncio.ensure_future(lean(transport, f"{origin.url}/{number}")))
                await asyncio.sleep(0.01)
            with pytest.raises(httpx.PoolTimeout):
                await lean(transport, origin.url)
            asking[3].cancel()
            await asyncio.sleep(0.01)
            late = asyncio.ensure_future(lean(transport, f"{origin.url}/late"))
            await asyncio.sleep(0.01)
            await until(lambda: served == ["/0"])
            gate.set()
            answers = await asyncio.gather(*asking, late, return_exceptions=True)
            assert [each for each in answers if each != (200, b"[]")] == [answers[3]]
            assert served == ["/0", "/1", "/2", "/4", "/5", "/6", "/7", "/late"]
            assert origin.connections == 1

    run(story)


def test_room_that_a_failure_leaves_is_given_on() -> None:
    async def answer(caller: Caller) -> None:
        await asyncio.sleep(0.02)
        caller.writer.close()

    async def story() -> None:
        async with wire(answer) as origin, aclosing(Transport(limits=PoolLimits(connections=1))) as transport:
            asking = [lean(transport, origin.url) for _ in range(4)]
            answers = await asyncio.gather(*asking, return_exceptions=True)
            assert all(isinstance(each, httpx.RemoteProtocolError) for each in answers)
        async with aclosing(Transport(limits=PoolLimits(connections=1))) as transport:
            asking = [lean(transport, "http://127.0.0.1:9/") for _ in range(4)]
            answers = await asyncio.gather(*asking, return_exceptions=True)
            assert all(isinstance(each, httpx.ConnectError) for each in answers)

    run(story)


# ---- limits


@pytest.mark.parametrize("zipped", [False, True])
def test_no_more_than_so_much_is_taken(zipped: bool) -> None:
    body = b"a" * (LARGEST_ANSWER + 1)
    data = plain(gzip.compress(body, 1), more=b"content-encoding: gzip\r\n") if zipped else plain(body)

    async def story() -> None:
        async with wire(data) as origin, aclosing(Transport()) as transport:
            with pytest.raises(ResponseTooLarge):
                await lean(transport, origin.url)

    run(story)


def test_the_wait_for_a_connection_ends_in_time() -> None:
    async def answer(caller: Caller) -> None:
        if caller.head.startswith("GET /slow"):
            await asyncio.sleep(0.4)
        caller.send(OK)

    async def story() -> None:
        async with wire(answer) as origin, aclosing(Transport(limits=PoolLimits(connections=1))) as transport:
            first = asyncio.ensure_future(lean(transport, f"{origin.url}/slow"))
            await asyncio.sleep(0)
            with pytest.raises(TimeoutError):
                await transport.exchange(OutboundRequest("GET", origin.url, {}), 0.1)
            assert await first == await lean(transport, origin.url) == (200, b"[]")
            assert origin.connections == 1

    run(story)


@pytest.mark.parametrize("warm", [True, False])
def test_all_of_it_has_one_deadline(warm: bool) -> None:
    async def answer(caller: Caller) -> None:
        if warm and len(caller.head.split()[1]) == 1:
            caller.send(OK)
            return
        caller.send(b"HTTP/1.1 200 OK\r\ncontent-length: 800\r\n\r\n")
        while not caller.writer.is_closing():
            caller.send(b"x")
            await asyncio.sleep(0.02)

    async def story() -> None:
        async with wire(answer) as origin, aclosing(Transport()) as transport:
            if warm:
                await lean(transport, f"{origin.url}/")
            with pytest.raises((TimeoutError, httpx.ReadTimeout)):
                await transport.exchange(OutboundRequest("GET", f"{origin.url}/slow", {}), 0.1)
            assert origin.connections == 1
            await until(lambda: origin.left == 1)

    run(story)


def test_each_has_its_own_deadline() -> None:
    async def answer(caller: Caller) -> None:
        if "silent" not in caller.head:
            caller.send(OK)

    async def story() -> None:
        loop = asyncio.get_running_loop()
        async with wire(answer) as origin, aclosing(Transport()) as transport:

            async def waited(seconds: float) -> float:
                began = loop.time()
                with pytest.raises((TimeoutError, httpx.ReadTimeout)):
                    await transport.exchange(OutboundRequest("GET", f"{origin.url}/silent", {}), seconds)
                return loop.time() - began

            for _ in range(2):
                await asyncio.gather(*(lean(transport, f"{origin.url}/") for _ in range(4)))  # connections to be taken
                waits = await asyncio.gather(waited(0.3), waited(0.1), waited(0.2), lean(transport, f"{origin.url}/"))
                for limit, wait in zip((0.3, 0.1, 0.2), waits[:3], strict=True):
                    assert limit - 0.01 <= wait < limit + 2
                assert waits[3] == (200, b"[]")

    run(story)


def test_a_body_that_nobody_reads_is_given_up() -> None:
    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:  # the kernel connects, and nobody is there
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            async with aclosing(Transport()) as transport:
                with pytest.raises(TimeoutError):
                    await transport.exchange(OutboundRequest("POST", url, {}, b"x" * 50_000_000), 0.1)

    run(story)


# ---- TLS and proxies


def test_only_whom_the_context_trusts_is_asked(tmp_path: Path) -> None:
    server, trusting = contexts(tmp_path)

    async def story() -> None:
        async with wire(OK, server) as origin:
            async with aclosing(Transport(context=trusting)) as transport:
                assert await lean(transport, origin.url) == await lean(transport, origin.url) == (200, b"[]")
                assert origin.connections == 1
                with pytest.raises(httpx.ConnectError, match="certificate"):
                    await lean(transport, origin.url.replace("127.0.0.1", "localhost"))
            async with aclosing(Transport()) as transport:
                with pytest.raises(httpx.ConnectError, match="certificate"):
                    await lean(transport, origin.url)
            assert len(origin.asked) == 2

    run(story)


def test_the_environment_s_proxy_is_asked_for_whom_it_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with wire(plain(b"by the proxy")) as proxy, wire(OK) as origin:
            monkeypatch.setenv("http_proxy", f"127.0.0.1:{proxy.port}")
            monkeypatch.setenv("no_proxy", "127.0.0.1")
            async with aclosing(Transport()) as transport:
                assert await lean(transport, origin.url) == (200, b"[]")
                assert await lean(transport, "http://shop.example/a?b") == (200, b"by the proxy")
            assert [each.head.splitlines()[0] for each in proxy.asked] == ["GET http://shop.example/a?b HTTP/1.1"]

    run(story)


def test_nothing_of_a_request_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def story() -> None:
        async with wire(b"garbage\r\n\r\n") as origin, aclosing(Transport()) as transport:
            url, headers = f"{origin.url}/?key=secret", {"authorization": "secret"}
            with pytest.raises(httpx.RemoteProtocolError):
                await transport.exchange(OutboundRequest("GET", url, headers), 9)

    run(story)
    assert "secret" not in caplog.text
