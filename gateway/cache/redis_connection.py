"""A pipelined connection to Redis for commands that must cost next to nothing: many under way, answered in order.

redis-py opens the connection, since it knows passwords, databases, TLS and sockets; this module speaks over it. The
sender of a command checks its reply. A reply that can't be its own ends the connection: every later one is doubtful.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import hiredis
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import ConnectionPool
from redis.exceptions import RedisError

Take = Callable[[Any], str]


class OutOfStep(RedisError):
    """A reply that is damaged or belongs to another command; `reason` is a word for the metric."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"a reply's {reason} is wrong")
        self.reason = reason


MISSING = object()  # in place of a reply that won't come
OPENING_S = 3.0  # the longest that a connection may take to be opened; nobody waits for it so long


class RedisConnection(asyncio.Protocol):
    """One connection. Once it `is_broken` the next command needs another."""

    def __init__(
        self,
        source: ConnectionPool | ClusterNode,
        patience_s: float,
        broke: Callable[[Exception], None],
        redirect: Callable[[Take, str], bool] | None = None,
    ) -> None:
        """`broke` gets the error if a command waits for its reply, a reply was wrong, or no connection was made.
        `redirect` gets the taker of a reply that is an error, and returns True if it has seen to it."""
        self._loop = asyncio.get_running_loop()
        self._patience_s, self._broke, self._redirect = patience_s, broke, redirect
        self._reader = hiredis.Reader()
        self._waiting: deque[tuple[float, Take]] = deque()  # since when, and for whom; the oldest first
        self._unsent: list[bytes] = []
        self._stream: asyncio.StreamWriter | None = None  # kept because the connection ends with it
        self._transport: asyncio.WriteTransport | None = None
        self._watch: asyncio.TimerHandle | None = None
        self.is_broken = False
        self._opening = self._loop.create_task(self._open(source))

    def send(self, command: Sequence[bytes], take: Take) -> None:
        """Send a command. `take` gets the reply, or `MISSING`; it returns "" or what is wrong with the reply."""
        parts = [b"$%d\r\n%b\r\n" % (len(part), part) for part in command]
        written = b"*%d\r\n%b" % (len(parts), b"".join(parts))
        self._waiting.append((self._loop.time(), take))
        if self._transport is not None:
            self._transport.write(written)
        else:
            self._unsent.append(written)
        if self._watch is None:
            self._watch = self._loop.call_later(self._patience_s, self._check_patience)

    async def close(self) -> None:
        self._opening.cancel()
        await asyncio.gather(self._opening, return_exceptions=True)
        self._end(None)
        await asyncio.sleep(0)  # in which the socket is closed

    # ---- the connection

    async def _open(self, source: ConnectionPool | ClusterNode) -> None:
        try:
            async with asyncio.timeout(OPENING_S):
                self._stream = await _stream_to(source)
        except Exception as error:  # over odd replies to its greeting redis-py trips in many ways
            self._end(error)
            return
        self._transport = self._stream.transport
        self._transport.set_protocol(self)
        self._transport.write(b"".join(self._unsent))

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while not self.is_broken and (reply := self._next_reply()) is not False:
                self._deliver(reply)
        except RedisError as error:
            self._end(error)

    def _next_reply(self) -> Any:
        """One whole reply; False if there is none yet."""
        try:
            return self._reader.gets()
        except (hiredis.HiredisError, TypeError, MemoryError) as error:  # lists as keys, lengths of many gigabytes
            raise OutOfStep("protocol") from error

    def _deliver(self, reply: Any) -> None:
        if not self._waiting:
            raise OutOfStep("question")  # nobody asked
        _, take = self._waiting.popleft()
        if isinstance(reply, hiredis.ReplyError):
            if self._redirect is not None and self._redirect(take, str(reply)):
                return
            take(MISSING)
            raise RedisError(str(reply))
        wrong = take(reply)
        if wrong:
            raise OutOfStep(wrong)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end((exc or ConnectionResetError("the connection was closed")) if self._waiting else None)

    def _check_patience(self) -> None:
        """End the connection if the oldest command has waited for too long. One that is being opened goes on, since
        a Sentinel or server that hangs takes longer: who comes later finds it open."""
        self._watch = None
        if not self._waiting:
            return
        left = self._waiting[0][0] + self._patience_s - self._loop.time()
        if left > 0:
            self._watch = self._loop.call_later(left, self._check_patience)
        elif self._transport is None:
            self._unsent.clear()
            self._broke(TimeoutError("no connection in time"))
            self._miss_waiting()
        else:
            self._end(TimeoutError("no answer in time"))

    def _end(self, error: Exception | None) -> None:
        if self.is_broken:
            return
        self.is_broken = True
        if self._watch is not None:
            self._watch.cancel()
        if self._transport is not None:
            self._transport.abort()
        if error is not None:
            self._broke(error)
        self._miss_waiting()

    def _miss_waiting(self) -> None:
        while self._waiting:
            self._waiting.popleft()[1](MISSING)


async def _stream_to(source: ConnectionPool | ClusterNode) -> asyncio.StreamWriter:
    """A connection that redis-py opens and lets go. In the older protocol nothing comes unasked."""
    connection = source.connection_class(**{**source.connection_kwargs, "protocol": 2})
    await connection.connect()  # type: ignore[no-untyped-call]
    stream, connection._reader, connection._writer = connection._writer, None, None
    assert stream is not None
    return stream
