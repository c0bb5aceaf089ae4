"""What replicas share through Redis or Valkey: entries, and leases so that one of them makes an answer for all.

Nothing depends on it. Whatever fails there counts as absent, and for a moment nobody asks again. Every key expires, and
an entry and its lease lie in one slot, so that a cluster will do.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from hashlib import blake2b
from typing import Any, TypeVar

import msgspec
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gateway.cache.entry import Entry, Made, size_of
from gateway.cache.key import Key
from gateway.cache.line import Line, Tell

log = logging.getLogger(__name__)

T = TypeVar("T")

TIMEOUT_S = 1.0  # of a connection
PATIENCE_S = 0.15  # for one command
DOWN_S = 1.0  # after a failure, before the next command
LEASE_S = 10.0  # the longest that others wait for one who makes an answer, and perhaps has died
FORMAT = 1  # of what is stored: another one is not read


def connected(url: str) -> Redis:
    """Nothing is sent before it is needed. A connection that a restart has broken is made anew at once."""
    again = Retry(NoBackoff(), 1)
    return Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=again)


class _Stored(msgspec.Struct, array_like=True):
    format: int
    body: bytes
    variation: str
    model: str
    as_of: int
    complete: bool
    dressed: bool
    stored_at: float
    until: float
    user: str | None
    jitter: float
    seed: str
    name: str = ""


_decode = msgspec.msgpack.Decoder(_Stored).decode
_encode = msgspec.msgpack.Encoder().encode


class Shared:
    def __init__(self, redis: Redis, clock: Callable[[], float]) -> None:
        self._redis, self._clock = redis, clock
        self._down_until = 0.0
        self._line: Line | None = None
        self.failures = 0

    async def get(self, key: Key) -> Entry | None:
        raw = await self._try(lambda: self._redis.get(_name(key, "entry")))
        return None if raw is None else _entry(key, raw)

    def ask(self, names: Sequence[bytes], tell: Tell) -> None:
        """`tell` gets what lies under each name, None where nothing does; None alone where Redis does not answer."""
        if not self.is_up(self._clock()):
            tell(None)
            return
        if self._line is None or self._line.is_broken:
            self._line = Line(self._redis, PATIENCE_S, self._failed)
        self._line.ask(names, tell)

    async def put_many(self, values: Sequence[tuple[bytes, bytes, int]]) -> None:
        """Each a name, a value, and for how many milliseconds."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            for name, value, life_ms in values:
                pipeline.set(name, value, px=life_ms)
            await self._try(pipeline.execute)

    async def put(self, key: Key, entry: Entry, life_s: float) -> None:
        if entry.made.private or life_s <= 0:
            return
        made = entry.made
        stored = _Stored(
            FORMAT,
            made.body,
            made.variation,
            made.model,
            made.as_of,
            made.complete,
            made.dressed,
            entry.stored_at,
            entry.until,
            entry.user,
            entry.jitter,
            made.seed,
            made.name,
        )
        await self._try(lambda: self._redis.set(_name(key, "entry"), _encode(stored), px=int(life_s * 1000)))

    async def lease(self, key: Key, holder: str) -> bool | None:
        """Whether this one may make the answer; None where that can't be asked."""
        name = _name(key, "lease")
        got = await self._try(lambda: self._redis.set(name, holder, nx=True, px=int(LEASE_S * 1000)), missing=False)
        return None if got is None else bool(got)

    async def release(self, key: Key, holder: str) -> None:
        """Only its holder gives a lease back: it may have run out, and be somebody else's."""
        name = _name(key, "lease")
        if await self._try(lambda: self._redis.get(name)) == holder.encode():
            await self._try(lambda: self._redis.delete(name))

    def is_up(self, now: float) -> bool:
        return now >= self._down_until

    async def close(self) -> None:
        if self._line is not None:
            await self._line.close()

    async def _try(self, command: Callable[[], Awaitable[Any]], missing: Any = None) -> Any:
        """None where Redis does not answer; `missing` where it answers with nothing."""
        if not self.is_up(self._clock()):
            return None
        try:
            async with asyncio.timeout(PATIENCE_S):
                found = await command()
        except (RedisError, OSError, TimeoutError) as error:
            self._failed(error)
            return None
        return missing if found is None else found

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        self._down_until = self._clock() + DOWN_S
        log.warning("Redis does not answer; this worker does without for %.0f s: %s", DOWN_S, error)


def _name(key: Key, kind: str) -> str:
    digest = blake2b(_encode(key), digest_size=20).hexdigest()
    return f"recgate:{{{digest}}}:{kind}"


def _entry(key: Key, raw: bytes) -> Entry | None:
    try:
        stored = _decode(raw)
    except msgspec.DecodeError:
        return None
    if stored.format != FORMAT:
        return None
    made = Made(
        body=stored.body,
        variation=stored.variation,
        model=stored.model,
        as_of=stored.as_of,
        complete=stored.complete,
        dressed=stored.dressed,
        seed=stored.seed,
    )
    return Entry(made, stored.stored_at, stored.until, stored.user, size_of(key, made), stored.jitter)
