"""Durable appends of the event log, brought to the event loop: all of one commit in one go."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from functools import partial

Landed = tuple["asyncio.Future[int]", "Future[int]"]  # who waits, and for what


class Landing:
    """The appends that one event loop waits for. A wake-up for every append would cost as much as the append."""

    def __init__(self) -> None:
        self._landed: list[Landed] = []
        self._lock = threading.Lock()

    async def of(self, appended: Future[int]) -> int:
        """The sequence number. Raises what the append has failed with."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[int] = loop.create_future()
        appended.add_done_callback(partial(self._land, loop, waiter))
        return await waiter

    def _land(self, loop: asyncio.AbstractEventLoop, waiter: asyncio.Future[int], appended: Future[int]) -> None:
        """Note an append that has ended. It runs in the log's thread, most often."""
        with self._lock:
            self._landed.append((waiter, appended))
            is_first = len(self._landed) == 1
        if is_first and not loop.is_closed():
            loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        with self._lock:
            landed, self._landed = self._landed, []
        for waiter, appended in landed:
            error = appended.exception()
            if waiter.done():  # its caller has gone
                continue
            if error is None:
                waiter.set_result(appended.result())
            else:
                waiter.set_exception(error)
