"""A connection to Redis of its own for commands that must cost next to nothing: many under way, answered in order.

redis-py makes the connection, since it knows passwords, databases, TLS and sockets; what goes over it is ours. Whoever
sends a command checks its reply: one that can't be its own ends the connection, since then every later one is doubtful.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import hiredis
from redis.asyncio import Redis
from redis.exceptions import RedisError

Take = Callable[[Any], str]


class OutOfStep(RedisError):
    """A reply that is damaged or none to its command; `reason` is a word for the metric."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"a reply's {reason} is wrong")
        self.reason = reason


class Missing:
    """In place of a reply: there won't be one."""


MISSING = Missing()


class RedisConnection(asyncio.Protocol):
    """It is never mended: once it `is_broken` the next command needs another."""

    def __init__(self, redis: Redis, patience_s: float, broke: Callable[[Exception], None]) -> None:
        """`broke` gets what went wrong where anybody waits for a reply, a reply was wrong, or there never was a
        connection."""
        self._loop = asyncio.get_running_loop()
        self._patience_s, self._broke = patience_s, broke
        self._reader = hiredis.Reader()
        self._waiting: deque[tuple[float, Take]] = deque()  # since when, and who; the oldest first
        self._unsent: list[bytes] = []
        self._stream: asyncio.StreamWriter | None = None  # kept only because the connection ends with it
        self._transport: asyncio.WriteTransport | None = None
        self._watch: asyncio.TimerHandle | None = None
        self.is_broken = False
        self._opening = self._loop.create_task(self._open(redis))

    def send(self, command: Sequence[bytes], take: Take) -> None:
        """`take` gets the reply, or `MISSING` where none comes; it returns "" or what is wrong with the reply."""
        parts = [b"$%d\r\n%b\r\n" % (len(part), part) for part in command]
        written = b"*%d\r\n%b" % (len(parts), b"".join(parts))
        self._waiting.append((self._loop.time(), take))
        if self._transport is not None:
            self._transport.write(written)
        else:
            self._unsent.append(written)
        if self._watch is None:
            self._watch = self._loop.call_later(self._patience_s, self._look)

    async def close(self) -> None:
        self._opening.cancel()
        await asyncio.gather(self._opening, return_exceptions=True)
        self._end(None)
        await asyncio.sleep(0)  # in which the socket is closed

    # ---- the connection

    async def _open(self, redis: Redis) -> None:
        try:
            async with asyncio.timeout(self._patience_s):
                self._stream = await _stream_to(redis)
        except Exception as error:  # over odd replies to its greeting redis-py trips in many ways
            self._end(error)
            return
        self._transport = self._stream.transport
        self._transport.set_protocol(self)
        self._transport.write(b"".join(self._unsent))

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while not self.is_broken and (reply := self._next()) is not False:
                self._give(reply)
        except RedisError as error:
            self._end(error)

    def _next(self) -> Any:
        """One whole reply; False where there is none yet."""
        try:
            return self._reader.gets()
        except (hiredis.HiredisError, TypeError, MemoryError) as error:  # lists as keys, lengths of many gigabytes
            raise OutOfStep("protocol") from error

    def _give(self, reply: Any) -> None:
        if not self._waiting:
            raise OutOfStep("question")  # nobody asked
        _, take = self._waiting.popleft()
        if isinstance(reply, hiredis.ReplyError):
            take(MISSING)
            raise RedisError(str(reply))
        wrong = take(reply)
        if wrong:
            raise OutOfStep(wrong)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end((exc or ConnectionResetError("the connection was closed")) if self._waiting else None)

    def _look(self) -> None:
        """Whether the oldest command has waited for too long."""
        self._watch = None
        if self._waiting:
            left = self._waiting[0][0] + self._patience_s - self._loop.time()
            if left <= 0:
                self._end(TimeoutError("no answer in time"))
            else:
                self._watch = self._loop.call_later(left, self._look)

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
        while self._waiting:
            self._waiting.popleft()[1](MISSING)


async def _stream_to(redis: Redis) -> asyncio.StreamWriter:
    """A connection that redis-py has made and lets go. In the older protocol nothing comes that was not asked for."""
    pool = redis.connection_pool
    connection = pool.connection_class(**{**pool.connection_kwargs, "protocol": 2})
    await connection.connect()  # type: ignore[no-untyped-call]
    stream, connection._reader, connection._writer = connection._writer, None, None
    assert stream is not None
    return stream
