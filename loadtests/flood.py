"""Many connections that send prepared requests, as fast as answers come or at a fixed rate.

At a rate, waiting counts from when a request was due: a server that stalls can't hide it (coordinated omission).
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from loadtests.client import HOST

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
PATIENCE_S = 10.0  # for what is under way in the end
LOST = 0  # the status of a request whose connection ended


class Done(NamedTuple):
    status: int
    seconds: float
    at: float  # since the flood began


class Flooded(NamedTuple):
    done: Sequence[Done]
    seconds: float

    def statuses(self) -> Counter[int]:
        return Counter(each.status for each in self.done)

    def waits_ms(self, *statuses: int) -> list[float]:
        """Ascending, of answers with one of these statuses."""
        return sorted(each.seconds * 1e3 for each in self.done if each.status in statuses)


class Flood:
    def __init__(self, port: int, requests: Iterator[bytes], connections: int, rate: float | None = None) -> None:
        """`requests` ends never; without a `rate` (requests/s) each connection sends when it has its answer."""
        self._port, self.requests, self._connections = port, requests, connections
        self.pause = None if rate is None else connections / rate
        self.done: list[Done] = []
        self.began, self.open = 0.0, False
        self._lost = asyncio.Event()

    async def run(self, seconds: float) -> Flooded:
        with uncollected():
            return await self._run(seconds)

    async def _run(self, seconds: float) -> Flooded:
        loop = asyncio.get_running_loop()
        senders = [_Sender(self) for _ in range(self._connections)]
        for sender in senders:
            await loop.create_connection(lambda sender=sender: sender, HOST, self._port)  # type: ignore[misc]
        self.began, self.open = time.perf_counter(), True
        for number, sender in enumerate(senders):
            sender.begin(number / self._connections)
        await asyncio.sleep(seconds)
        self.open = False
        took = time.perf_counter() - self.began
        deadline = time.perf_counter() + PATIENCE_S
        while any(sender.waiting for sender in senders) and time.perf_counter() < deadline:
            await asyncio.sleep(0.01)
        for sender in senders:
            sender.close()
        return Flooded(self.done, took)

    def reopen(self, sender: _Sender) -> None:
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(loop.create_connection(lambda: sender, HOST, self._port))


class _Sender(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, flood: Flood) -> None:
        self._flood, self._due = flood, 0.0
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self.waiting = False

    def begin(self, phase: float) -> None:
        """Of the pause between two requests, so much goes by before the first."""
        pause = self._flood.pause or 0.0
        self._due = self._flood.began + pause * (phase - 1)
        self._next()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._flood.open:
            self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        length = LENGTH.search(self._buffer, 0, head)
        if len(self._buffer) < head + 4 + (int(length[1]) if length else 0):
            return
        status, self._buffer = int(self._buffer[9:12]), b""
        self._take(status)
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self.waiting:
            self._take(LOST)
        if self._flood.open:
            self._flood.reopen(self)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _take(self, status: int) -> None:
        now = time.perf_counter()
        self._flood.done.append(Done(status, now - self._due, now - self._flood.began))
        self.waiting = False

    def _next(self) -> None:
        now, pause = time.perf_counter(), self._flood.pause
        if pause is None:
            self._due = now
            self._send()
            return
        self._due += pause
        asyncio.get_running_loop().call_later(max(0.0, self._due - now), self._send)

    def _send(self) -> None:
        if self._flood.open and self._transport is not None:
            self.waiting = True
            self._transport.write(next(self._flood.requests))


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Nothing here is garbage: to look for some among all that was counted would hold up the load."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def quantile(ascending: Sequence[float], share: float) -> float:
    return ascending[min(len(ascending) - 1, int(share * len(ascending)))] if ascending else float("nan")
