"""The connections to one origin. Taking one and giving it back cost the same, however many there are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from typing import NamedTuple

import httpx

from gateway.outbound.connection import Connection, Stale
from gateway.outbound.message import OutboundResponse, PreparedRequest

Dial = Callable[[Callable[[], Connection]], Awaitable[Connection]]  # calls the factory, and connects


class PoolLimits(NamedTuple):
    """The bounds of a pool. `idle_s` is below the 5 s after which many servers close an idle connection."""

    connections: int = 512
    waiting: int = 2_048
    idle_s: float = 4.0


CLOSE_S = 0.001  # a timer may ring as much too early


class Pool:
    """The connections to one origin. A request that finds none free, and no room for one more, waits in line."""

    def __init__(self, dial: Dial, limits: PoolLimits) -> None:
        self._dial, self._limits = dial, limits
        self._free: dict[Connection, float] = {}  # since when; the last is taken first, so that the rest may go
        self._open: set[Connection] = set()
        self._connecting = 0
        self._waiters: dict[asyncio.Future[Connection | None], None] = {}
        self._sweep_timer: asyncio.TimerHandle | None = None
        # one timer for all that must end in time: nearly all do, and a timer each costs more than the rest of this
        self._in_flight: dict[asyncio.Future[OutboundResponse], tuple[float, Connection]] = {}
        self._expiry: asyncio.TimerHandle | None = None
        self._expires_at = inf

    async def exchange(self, request: PreparedRequest) -> OutboundResponse:
        """Raises `httpx.TransportError` and `ResponseTooLarge`; cancelled, it closes the connection."""
        while True:
            connection = self._take_free() or await self._wait_or_connect()
            waiting = connection.ask(request)
            try:
                return await waiting
            except Stale as stale:  # every free connection may be: a fresh one is not
                if not (request.idempotent or stale.unsent):
                    raise
            except BaseException:
                connection.give_up(waiting)
                raise

    async def within(self, request: PreparedRequest, seconds: float) -> OutboundResponse:
        """Do what `exchange` does, all of it in so many seconds. Raises `TimeoutError`, too."""
        until = asyncio.get_running_loop().time() + seconds
        connection = self._take_free()
        if connection is not None:
            waiting = connection.ask(request)
            self._in_flight[waiting] = until, connection
            if until < self._expires_at:
                self._schedule_expiry(until)
            try:
                return await waiting
            except Stale as stale:
                if not (request.idempotent or stale.unsent):
                    raise
            except BaseException:
                connection.give_up(waiting)
                raise
            finally:
                del self._in_flight[waiting]
        async with asyncio.timeout_at(until):
            return await self.exchange(request)

    async def close(self) -> None:
        for timer in (self._sweep_timer, self._expiry):
            if timer is not None:
                timer.cancel()
        for connection in list(self._open):
            connection.close()
        if self._open:
            await asyncio.sleep(0)  # so that their loss is noticed

    # ---- timeouts

    def _schedule_expiry(self, when: float) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        self._expires_at, self._expiry = when, asyncio.get_running_loop().call_at(when, self._expire)

    def _expire(self) -> None:
        self._expires_at, self._expiry = inf, None
        soon = asyncio.get_running_loop().time() + CLOSE_S
        for waiting, (until, connection) in list(self._in_flight.items()):
            if until <= soon:
                connection.expire(waiting)
        left = [until for until, _ in self._in_flight.values() if until > soon]
        if left:
            self._schedule_expiry(min(left))

    # ---- taking

    def _take_free(self) -> Connection | None:
        return self._free.popitem()[0] if self._free else None

    async def _wait_or_connect(self) -> Connection:
        if len(self._open) + self._connecting >= self._limits.connections:
            connection = await self._wait()
            if connection is not None:
                return connection
        else:
            self._connecting += 1
        try:
            return await self._connect()
        finally:
            self._connecting -= 1
            self._offer_room()

    async def _wait(self) -> Connection | None:
        """A connection; None: room for one, counted as `_connecting`. Raises `httpx.PoolTimeout`."""
        if len(self._waiters) >= self._limits.waiting:
            raise httpx.PoolTimeout("too many wait for a connection")
        turn: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiters[turn] = None
        try:
            return await turn
        except BaseException:
            if self._waiters.pop(turn, turn) is turn and not turn.cancelled():  # it had come, too late
                self._hand_back(turn.result())
            raise

    def _hand_back(self, connection: Connection | None) -> None:
        if connection is not None:
            self._release(connection)
        else:
            self._connecting -= 1
            self._offer_room()

    async def _connect(self) -> Connection:
        try:
            connection = await self._dial(lambda: Connection(self._release, self._discard))
        except TimeoutError as error:
            raise httpx.ConnectTimeout("the origin can't be reached in time") from error
        except (OSError, OverflowError) as error:  # those of TLS among them; a port may be too large
            raise httpx.ConnectError(str(error) or type(error).__name__) from error
        if not connection.lost:
            self._open.add(connection)
        return connection

    # ---- giving back

    def _release(self, connection: Connection) -> None:
        if self._waiters:
            self._next_waiter().set_result(connection)
            return
        now = asyncio.get_running_loop().time()
        self._free[connection] = now
        if self._sweep_timer is None:
            self._schedule_sweep(now + self._limits.idle_s)

    def _discard(self, connection: Connection) -> None:
        self._free.pop(connection, None)
        self._open.discard(connection)
        self._offer_room()

    def _offer_room(self) -> None:
        if self._waiters and len(self._open) + self._connecting < self._limits.connections:
            self._connecting += 1
            self._next_waiter().set_result(None)

    def _next_waiter(self) -> asyncio.Future[Connection | None]:
        """The next in line who has not left."""
        turn = next(iter(self._waiters))
        del self._waiters[turn]
        return turn

    # ---- closing idle connections

    def _schedule_sweep(self, when: float) -> None:
        self._sweep_timer = asyncio.get_running_loop().call_at(when, self._sweep)

    def _sweep(self) -> None:
        self._sweep_timer = None
        now = asyncio.get_running_loop().time()
        while self._free:
            oldest = next(iter(self._free))
            expires = self._free[oldest] + self._limits.idle_s
            if expires > now:
                self._schedule_sweep(expires)
                return
            del self._free[oldest]
            oldest.close()
