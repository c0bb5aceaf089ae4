"""A connection to Redis of its own for questions that must cost next to nothing: many under way, answered in order.

redis-py makes the connection, since it knows passwords, databases, TLS and sockets; what goes over it is ours.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import hiredis
from redis.asyncio import Redis
from redis.exceptions import RedisError

Found = list[bytes | None]
Tell = Callable[[Found | None], None]


class Line(asyncio.Protocol):
    """It is never mended: once it `is_broken` the next question needs another."""

    def __init__(self, redis: Redis, patience_s: float, broke: Callable[[Exception], None]) -> None:
        """`broke` is told what went wrong where anybody waits for an answer, or there never was a connection."""
        self._loop = asyncio.get_running_loop()
        self._patience_s, self._broke = patience_s, broke
        self._reader = hiredis.Reader()
        self._waiting: deque[tuple[float, Tell]] = deque()  # since when, and who; the oldest first
        self._unsent: list[bytes] = []
        self._stream: asyncio.StreamWriter | None = None  # kept only because the connection ends with it
        self._transport: asyncio.WriteTransport | None = None
        self._watch: asyncio.TimerHandle | None = None
        self.is_broken = False
        self._opening = self._loop.create_task(self._open(redis))

    def ask(self, names: Sequence[bytes], tell: Tell) -> None:
        """`tell` gets what lies under each name, None where nothing does; None alone where Redis does not answer."""
        parts = [b"$%d\r\n%b\r\n" % (len(name), name) for name in names]
        question = b"".join((b"*%d\r\n$4\r\nMGET\r\n" % (len(names) + 1), *parts))
        self._waiting.append((self._loop.time(), tell))
        if self._transport is not None:
            self._transport.write(question)
        else:
            self._unsent.append(question)
        if self._watch is None:
            self._watch = self._loop.call_later(self._patience_s, self._look)

    async def close(self) -> None:
        self._opening.cancel()
        await asyncio.gather(self._opening, return_exceptions=True)
        self._end(None)

    # ---- the connection

    async def _open(self, redis: Redis) -> None:
        try:
            async with asyncio.timeout(self._patience_s):
                self._stream = await _stream_to(redis)
        except (RedisError, OSError, TimeoutError) as error:
            self._end(error)
            return
        self._transport = self._stream.transport
        self._transport.set_protocol(self)
        self._transport.write(b"".join(self._unsent))

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while (reply := self._reader.gets()) is not False:
                if not isinstance(reply, list):
                    raise RedisError(str(reply))
                _, tell = self._waiting.popleft()
                tell(reply)
        except (RedisError, hiredis.HiredisError) as error:
            self._end(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end((exc or ConnectionResetError("the connection was closed")) if self._waiting else None)

    def _look(self) -> None:
        """Whether the oldest question has waited for too long."""
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
            self._waiting.popleft()[1](None)


async def _stream_to(redis: Redis) -> asyncio.StreamWriter:
    """A connection that redis-py has made and lets go. In the older protocol nothing comes that was not asked for."""
    pool = redis.connection_pool
    connection = pool.connection_class(**{**pool.connection_kwargs, "protocol": 2})
    await connection.connect()  # type: ignore[no-untyped-call]
    stream, connection._reader, connection._writer = connection._writer, None, None
    assert stream is not None
    return stream
