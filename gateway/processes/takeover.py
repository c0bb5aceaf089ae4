"""A worker's server that also takes connections that wait in vain for another worker: killed, starting or held up."""

from __future__ import annotations

import asyncio
import logging
import select
import socket
from collections.abc import Sequence
from contextlib import suppress
from math import inf
from types import FrameType
from typing import Any

import uvicorn

log = logging.getLogger("recgate.worker")

TICK_S = 0.1  # between looks at who waits
DATE_S = 1.0  # for which answers have the same date
LOOKS = 4
CLOSING_S = 0.2  # by which every worker has heeded a signal
KEEP_ALIVE_S = 75
DRAIN_S = 5


class TakeoverServer(uvicorn.Server):
    """Looks at the others' sockets ten times a second while somebody waits there. A connection that waits at several
    looks in a row has a worker that does not accept. If it looked sooner, one of two starting workers would get all.
    A server that has nothing to do wakes once a second, for the date."""

    def __init__(self, config: uvicorn.Config, others: Sequence[socket.socket]) -> None:
        """`others`: listening, and shared with the processes that they belong to."""
        super().__init__(config)
        self._waits = select.poll()
        self._others = {sock.fileno(): sock for sock in others}
        for sock in others:
            sock.setblocking(False)
            self._waits.register(sock, select.POLLIN)
        self._waited: dict[int, int] = {}  # at so many looks in a row somebody waited there
        self._is_watching = False  # the others' sockets
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leaves, self._arrival = asyncio.Event(), asyncio.Event()

    async def main_loop(self) -> None:
        """Tick when the date is due, and while somebody waits for another worker; uvicorn's own ticks always."""
        self._loop, renewed = asyncio.get_running_loop(), -inf
        while True:
            now = self._loop.time()
            is_due = now - renewed >= DATE_S
            renewed = now if is_due else renewed
            if await self.on_tick(0 if is_due else 1):
                return
            if not self._waited:
                await self._rest(renewed + DATE_S - now)
            if self._waited or self._arrival.is_set():
                await self._pause(self._leaves, TICK_S)

    async def _rest(self, seconds: float) -> None:
        """Sleep until somebody connects to another worker, or for that long."""
        if not self._is_watching and not self.should_exit:
            self._arrival.clear()
            self._watch()
        await self._pause(self._arrival, seconds)

    async def _pause(self, end: asyncio.Event, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await end.wait()

    def _watch(self) -> None:
        for fd in self._others:
            asyncio.get_running_loop().add_reader(fd, self._arrived)
        self._is_watching = True

    def _arrived(self) -> None:
        """Somebody waits for another worker, which mostly takes it at once: hear no more until the look."""
        self._unwatch()
        self._arrival.set()

    def _unwatch(self) -> None:
        if self._is_watching:
            for fd in self._others:
                asyncio.get_running_loop().remove_reader(fd)
        self._is_watching = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._leave)

    def _leave(self) -> None:
        self._leaves.set()
        self._arrival.set()

    async def on_tick(self, counter: int) -> bool:
        if self._others:
            self._waited = {fd: self._waited.get(fd, 0) + 1 for fd, _ in self._waits.poll(0)}
            for fd, looks in self._waited.items():
                if looks >= LOOKS:
                    await self._take_over(self._others[fd])
        return await super().on_tick(counter)

    async def _take_over(self, sock: socket.socket) -> None:
        loop, taken = asyncio.get_running_loop(), 0
        while (connection := _accepted(sock)) is not None:
            await loop.connect_accepted_socket(self._protocol, connection)
            taken += 1
        if taken:
            log.info("took over %d connections that another worker left waiting", taken)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Closes the others' sockets first: a worker that still answers must not keep the port from the next server.
        Once the others have closed this one's, too, it takes the connections that wait, which would be reset."""
        self._unwatch()
        for sock in self._others.values():
            sock.close()
        if self._others:
            await asyncio.sleep(CLOSING_S)
        for sock in sockets or ():
            sock.setblocking(False)
            await self._take_over(sock)
        await super().shutdown(sockets)

    def _protocol(self) -> asyncio.Protocol:
        """A protocol as uvicorn makes one for each connection to the worker's own socket."""
        protocol: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol


def server_config(app: Any, http: Any) -> uvicorn.Config:
    """The configuration of a worker's server; `http` makes its connections' protocol."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=http,
        ws="none",  # else it loads a library for them
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # the configuration names the proxies: gateway.context.viewer
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
    )


def _accepted(sock: socket.socket) -> socket.socket | None:
    try:
        connection, _ = sock.accept()
    except OSError:  # another was faster, or the caller has gone
        return None
    connection.setblocking(False)
    return connection
