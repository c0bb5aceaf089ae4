"""A TCP proxy that delays, cuts off or says nothing, by command: what a network does."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from loadtests.client import HOST

T = TypeVar("T")
CHUNK = 65_536


class Way:
    """The connections through one port to another, whose fate is a setting of the moment."""

    def __init__(self, target: int) -> None:
        self.target, self.port = target, 0
        self.delay_s = 0.0
        self.is_silent = False  # nothing passes, and nobody is told
        self.writers: set[asyncio.StreamWriter] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        try:
            while self.is_silent:
                await asyncio.sleep(0.05)
            onward, back = await asyncio.open_connection(HOST, self.target)
        except OSError:
            self._drop(writer)
            return
        self.writers.add(back)
        await asyncio.gather(self._pass(reader, back), self._pass(onward, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                while self.is_silent:
                    await asyncio.sleep(0.05)
                writer.write(data)
                await writer.drain()
        self._drop(writer)

    def _drop(self, writer: asyncio.StreamWriter) -> None:
        self.writers.discard(writer)
        writer.close()

    def cut(self) -> None:
        """Abort all connections."""
        for writer in list(self.writers):
            writer.transport.abort()
        self.writers.clear()


class Proxy:
    """All ways of a campaign, in a thread of their own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._servers: list[asyncio.Server] = []

    def way(self, target: int) -> Way:
        return self._run(self._open(Way(target)))

    async def _open(self, way: Way) -> Way:
        server = await asyncio.start_server(way.accept, HOST, 0)
        self._servers.append(server)
        way.port = server.sockets[0].getsockname()[1]
        return way

    def cut(self, way: Way) -> None:
        self._loop.call_soon_threadsafe(way.cut)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
