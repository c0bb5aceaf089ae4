"""One gateway behind two servers in one process: one with the hot path and one with uvicorn's own protocol."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import uvicorn
from litestar import Litestar

from gateway.aws.hits import WireHits
from gateway.connection.protocol import protocol_of
from gateway.hot import HotCache

PATIENCE_S = 5.0
DATE = re.compile(rb"(?<=\r\n)(date|x-amzn-requestid): [^\r]*")


class Pair:
    """`hot` and `plain` are ports. All runs in one thread of its own."""

    def __init__(self, app: Litestar) -> None:
        self.hot_cache: HotCache = app.state.hot_cache
        self.wire_hits: WireHits = app.state.wire_hits
        self.hot_cache.counters.start = lambda loop: None  # type: ignore[method-assign]  # counts stay till they are asked for
        self._servers = (
            uvicorn.Server(
                options(app, lifespan="on", http=protocol_of(self.hot_cache, app.state.direct, self.wire_hits))
            ),
            uvicorn.Server(options(app, lifespan="off", http="httptools")),
        )
        self._sockets = [socket.create_server(("127.0.0.1", 0)) for _ in self._servers]
        self.hot, self.plain = (each.getsockname()[1] for each in self._sockets)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    async def _run(self) -> None:
        first, second = self._servers
        serving = [asyncio.create_task(first.serve([self._sockets[0]]))]
        while not first.started:
            await asyncio.sleep(0.01)
        serving.append(asyncio.create_task(second.serve([self._sockets[1]])))
        await asyncio.gather(*serving)

    def open(self) -> None:
        self._thread.start()
        deadline = threading.Event()
        while not all(each.started for each in self._servers):
            assert self._thread.is_alive() and not deadline.wait(0.01)

    def close(self) -> None:
        for server in self._servers:
            server.should_exit = True
        self._thread.join()

    def answered(self) -> int:
        """How many answers went out by hot entry till now."""
        return sum(each.hits + each.not_modified for each in self.hot_cache.counters._counters.values())


def options(app: Litestar, **more: Any) -> uvicorn.Config:
    quiet: dict[str, Any] = {"log_config": None, "access_log": False, "server_header": False, "proxy_headers": False}
    return uvicorn.Config(app, loop="none", timeout_keep_alive=75, **quiet, **more)


@contextlib.contextmanager
def serving(app: Litestar) -> Iterator[Pair]:
    pair = Pair(app)
    pair.open()
    try:
        yield pair
    finally:
        pair.close()


def said(port: int, parts: list[bytes], pause_s: float = 0.0) -> bytes:
    """All that the server says to these bytes on one connection, without its dates and drawn ids. It is sent a request
    that closes the connection at last, so that there is an end to wait for. With a
    pause before each part it comes alone."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            time.sleep(pause_s)
            with contextlib.suppress(ConnectionError):  # it may have closed already
                connection.sendall(part)
        found = b""
        with contextlib.suppress(ConnectionError):
            while more := connection.recv(65536):
                found += more
    return DATE.sub(b"-", found)
