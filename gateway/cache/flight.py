"""Single flight: however many wait for the same answer, it is made once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from gateway.cache.changes import Changes, Tag

T = TypeVar("T")
Make = Callable[[], Coroutine[Any, Any, T]]


class Flight(msgspec.Struct, Generic[T], eq=False):
    seen: int  # the last change of its tags when it began: its answer has seen that
    user: str | None  # of the first caller
    landing: asyncio.Future[T] | None = None  # made when a second caller joins: most flights have one


class Flights(Generic[T]):
    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._running: dict[Hashable, Flight[T]] = {}
        self._behind: set[asyncio.Task[T]] = set()

    async def join(self, key: Hashable, tags: Sequence[Tag], user: str | None, make: Make[T]) -> tuple[T, str | None]:
        """The result of the flight for this key, and its first caller's user. This caller starts a flight if there is
        none, or if the answer of the one under way may lack a change.

        A caller that joined before the change keeps the older result. If the first caller hangs up, another takes over.
        """
        while True:
            seen = self._changes.latest(tags)
            running = self._running.get(key)
            if running is None or running.seen < seen:
                return await self._fly(key, self._begin(key, seen, user), make), user
            landing = running.landing
            if landing is None:
                landing = running.landing = asyncio.get_running_loop().create_future()
            try:
                return await asyncio.shield(landing), running.user
            except asyncio.CancelledError:
                me = asyncio.current_task()
                if not landing.cancelled() or (me is not None and me.cancelling()):
                    raise

    def start(self, key: Hashable, tags: Sequence[Tag], user: str | None, make: Make[T]) -> asyncio.Task[T]:
        """Start a flight in a task of its own; nobody need wait for it."""
        flight = self._begin(key, self._changes.latest(tags), user)
        task = asyncio.get_running_loop().create_task(self._fly(key, flight, make))
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)
        return task

    def __contains__(self, key: Hashable) -> bool:
        return key in self._running

    def _begin(self, key: Hashable, seen: int, user: str | None) -> Flight[T]:
        flight: Flight[T] = Flight(seen, user)
        self._running[key] = flight
        return flight

    async def _fly(self, key: Hashable, flight: Flight[T], make: Make[T]) -> T:
        try:
            result = await make()
        except Exception as error:
            if flight.landing is not None:
                flight.landing.set_exception(error)
                flight.landing.exception()  # looked at, since nobody may wait any more
            raise
        except BaseException:
            if flight.landing is not None:
                flight.landing.cancel()
            raise
        else:
            if flight.landing is not None:
                flight.landing.set_result(result)
            return result
        finally:
            if self._running.get(key) is flight:
                del self._running[key]

    async def close(self) -> None:
        tasks = list(self._behind)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
