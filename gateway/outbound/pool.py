"""The connections to one origin. Taking one and giving it back touch the ends of a line, whatever its length."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from typing import NamedTuple

import httpx

from gateway.outbound.connection import Connection, Stale
from gateway.outbound.message import OutboundResponse, PreparedRequest

Told = Callable[[Connection], None]
Dial = Callable[[Callable[[], Connection]], Awaitable[object]]  # makes the connection, and connects it


class Bounds(NamedTuple):
    """`kept_s`: shorter than the 5 s for which many servers keep a connection that says nothing."""

    connections: int = 512
    in_line: int = 2_048
    kept_s: float = 4.0


class Patience(NamedTuple):
    """Seconds; None: whoever asks looks at the clock itself."""

    connect: float | None = None
    read: float | None = None
    write: float | None = None
    pool: float | None = None


FOR_EVER = Patience()
CLOSE_S = 0.001  # a timer may ring as much too early


class Pool:
    """The connections to one origin. A request that finds none free, and no room for one more, waits in line."""

    def __init__(self, dial: Dial, bounds: Bounds) -> None:
        self._dial, self._bounds = dial, bounds
        self._free: dict[Connection, float] = {}  # since when; the last is taken first, so that the rest may go
        self._open: set[Connection] = set()
        self._dialling = 0
        self._line: dict[asyncio.Future[Connection | None], None] = {}
        self._sweeping: asyncio.TimerHandle | None = None
        # one timer for all that must end in time: nearly all do, and a timer each costs more than the rest of this
        self._under_way: dict[asyncio.Future[OutboundResponse], tuple[float, Connection]] = {}
        self._ringing: asyncio.TimerHandle | None = None
        self._rings_at = inf

    async def exchange(self, request: PreparedRequest, patience: Patience = FOR_EVER) -> OutboundResponse:
        """Raises `httpx.TransportError` and `TooMuch`; cancelled, it closes the connection."""
        while True:
            connection = self._taken() or await self._another(patience)
            waiting = connection.ask(request)
            try:
                return await (waiting if patience is FOR_EVER else _in_time(connection, waiting, patience))
            except Stale as stale:  # every free connection may be: a fresh one is not
                if not (request.again or stale.unsent):
                    raise
            except BaseException:
                connection.give_up(waiting)
                raise

    async def within(self, request: PreparedRequest, seconds: float) -> OutboundResponse:
        """Do what `exchange` does, all of it in so many seconds. Raises `TimeoutError`, too."""
        until = asyncio.get_running_loop().time() + seconds
        connection = self._taken()
        if connection is not None:
            waiting = connection.ask(request)
            self._under_way[waiting] = until, connection
            if until < self._rings_at:
                self._ring_at(until)
            try:
                return await waiting
            except Stale as stale:
                if not (request.again or stale.unsent):
                    raise
            except BaseException:
                connection.give_up(waiting)
                raise
            finally:
                del self._under_way[waiting]
        async with asyncio.timeout_at(until):
            return await self.exchange(request)

    async def close(self) -> None:
        for timer in (self._sweeping, self._ringing):
            if timer is not None:
                timer.cancel()
        for connection in list(self._open):
            connection.close()
        if self._open:
            await asyncio.sleep(0)  # for them to be told

    # ---- who is too late

    def _ring_at(self, when: float) -> None:
        if self._ringing is not None:
            self._ringing.cancel()
        self._rings_at, self._ringing = when, asyncio.get_running_loop().call_at(when, self._ring)

    def _ring(self) -> None:
        self._rings_at, self._ringing = inf, None
        soon = asyncio.get_running_loop().time() + CLOSE_S
        for waiting, (until, connection) in list(self._under_way.items()):
            if until <= soon:
                connection.late(waiting)
        left = [until for until, _ in self._under_way.values() if until > soon]
        if left:
            self._ring_at(min(left))

    # ---- taking

    def _taken(self) -> Connection | None:
        return self._free.popitem()[0] if self._free else None

    async def _another(self, patience: Patience) -> Connection:
        if len(self._open) + self._dialling >= self._bounds.connections:
            connection = await self._turn(patience.pool)
            if connection is not None:
                return connection
        else:
            self._dialling += 1
        try:
            return await self._dialled(patience.connect)
        finally:
            self._dialling -= 1
            self._room()

    async def _turn(self, seconds: float | None) -> Connection | None:
        """A connection; None: room for one, counted as `_dialling`. Raises `httpx.PoolTimeout`."""
        if len(self._line) >= self._bounds.in_line:
            raise httpx.PoolTimeout("too many wait for a connection")
        turn: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._line[turn] = None
        try:
            async with asyncio.timeout(seconds):
                return await turn
        except BaseException as error:
            if self._line.pop(turn, turn) is turn and not turn.cancelled():  # it had come, too late
                self._handed_back(turn.result())
            if isinstance(error, TimeoutError):
                raise httpx.PoolTimeout("no connection has become free in time") from error
            raise

    def _handed_back(self, connection: Connection | None) -> None:
        if connection is not None:
            self._is_free(connection)
        else:
            self._dialling -= 1
            self._room()

    async def _dialled(self, seconds: float | None) -> Connection:
        opened: list[Connection] = []

        def connection() -> Connection:
            opened.append(Connection(self._is_free, self._is_gone))
            return opened[-1]

        try:
            async with asyncio.timeout(seconds):
                await self._dial(connection)
        except TimeoutError as error:
            raise httpx.ConnectTimeout("the origin can't be reached in time") from error
        except (OSError, OverflowError) as error:  # those of TLS among them; a port may be too large
            raise httpx.ConnectError(str(error) or type(error).__name__) from error
        if not opened[-1].lost:
            self._open.add(opened[-1])
        return opened[-1]

    # ---- giving

    def _is_free(self, connection: Connection) -> None:
        if self._line:
            self._next().set_result(connection)
            return
        now = asyncio.get_running_loop().time()
        self._free[connection] = now
        if self._sweeping is None:
            self._sweep_at(now + self._bounds.kept_s)

    def _is_gone(self, connection: Connection) -> None:
        self._free.pop(connection, None)
        self._open.discard(connection)
        self._room()

    def _room(self) -> None:
        if self._line and len(self._open) + self._dialling < self._bounds.connections:
            self._dialling += 1
            self._next().set_result(None)

    def _next(self) -> asyncio.Future[Connection | None]:
        """The next in line who has not left."""
        turn = next(iter(self._line))
        del self._line[turn]
        return turn

    # ---- what has been free for too long

    def _sweep_at(self, when: float) -> None:
        self._sweeping = asyncio.get_running_loop().call_at(when, self._sweep)

    def _sweep(self) -> None:
        self._sweeping = None
        now = asyncio.get_running_loop().time()
        while self._free:
            oldest = next(iter(self._free))
            expires = self._free[oldest] + self._bounds.kept_s
            if expires > now:
                self._sweep_at(expires)
                return
            del self._free[oldest]
            oldest.close()


async def _in_time(
    connection: Connection, waiting: asyncio.Future[OutboundResponse], patience: Patience
) -> OutboundResponse:
    """Raises `httpx.WriteTimeout` and `httpx.ReadTimeout` where nothing moves for so long."""
    while True:
        before = connection.progress
        sending = before[0]
        await asyncio.wait((waiting,), timeout=patience.write if sending else patience.read)
        if waiting.done():
            return waiting.result()
        if connection.progress == before:
            raise (httpx.WriteTimeout if sending else httpx.ReadTimeout)("the origin is too slow")
