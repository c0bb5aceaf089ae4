"""A worker's server that also takes connections that wait in vain for another worker: killed, starting or held up."""

from __future__ import annotations

import asyncio
import logging
import select
import socket
from collections.abc import Sequence
from typing import Any

import uvicorn

log = logging.getLogger("recgate.worker")

LOOKS = 4
CLOSING_S = 0.2  # two of uvicorn's ticks, by which every worker heeds a signal
KEEP_ALIVE_S = 75
DRAIN_S = 5


class TakeoverServer(uvicorn.Server):
    """Looks at the others' sockets at each of uvicorn's ticks, ten times a second. A connection that waits at several
    looks in a row has a worker that does not accept. If it looked sooner, one of two starting workers would get all."""

    def __init__(self, config: uvicorn.Config, others: Sequence[socket.socket]) -> None:
        """`others`: listening, and shared with the processes that they belong to."""
        super().__init__(config)
        self._waits = select.poll()
        self._others = {sock.fileno(): sock for sock in others}
        for sock in others:
            sock.setblocking(False)
            self._waits.register(sock, select.POLLIN)
        self._waited: dict[int, int] = {}  # at so many looks in a row somebody waited there

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
