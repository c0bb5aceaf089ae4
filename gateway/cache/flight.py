"""Single flight: however many wait for the same answer, it is made once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from gateway.cache.changes import Changes, Tag

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Flight(Generic[T]):
    task: asyncio.Task[T]
    seen: int  # the last change of its tags when it began: its answer has seen that
    user: str | None

    async def landed(self) -> T:
        return await asyncio.shield(self.task)  # one caller hanging up must not cancel the rest


class Flights(Generic[T]):
    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._running: dict[Hashable, Flight[T]] = {}

    def join(
        self, key: Hashable, tags: Sequence[Tag], user: str | None, make: Callable[[], Coroutine[Any, Any, T]]
    ) -> Flight[T]:
        """The flight under way for this key; a new one where there is none, or where its answer may lack a change.

        Who joined the outrun flight before the change keeps it.
        """
        seen = self._changes.latest(tags)
        running = self._running.get(key)
        if running is not None and running.seen >= seen:
            return running
        flight = Flight(asyncio.get_running_loop().create_task(make()), seen, user)
        self._running[key] = flight
        flight.task.add_done_callback(lambda _: self._land(key, flight))
        return flight

    def __contains__(self, key: Hashable) -> bool:
        return key in self._running

    def _land(self, key: Hashable, flight: Flight[T]) -> None:
        if self._running.get(key) is flight:
            del self._running[key]
        if not flight.task.cancelled():
            flight.task.exception()  # looked at, since every waiter may have hung up

    async def close(self) -> None:
        tasks = [flight.task for flight in self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
