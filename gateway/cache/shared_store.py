"""What replicas share through Redis or Valkey: entries, and leases so that one of them makes an answer for all.

Nothing depends on it. Whatever fails there counts as absent, and for a moment nobody asks again; what comes back and is
not what was stored under its key counts as absent, too, and ends the connection. Every key expires, and an entry and
its lease lie in one slot, so that a cluster will do.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import blake2b
from math import inf
from typing import Any, NamedTuple

import msgspec
from redis.asyncio import Redis

from gateway.cache.entry import CacheEntry, EncodedAnswer, size_of
from gateway.cache.key import CacheKey
from gateway.cache.redis_connection import MISSING, OutOfStep, RedisConnection
from gateway.cache.seal import Seal, Unsealed

log = logging.getLogger(__name__)

PATIENCE_S = 0.15  # for one command
DOWN_S = 1.0  # after a failure, before the next command
LEASE_S = 10.0  # the longest that others wait for one who makes an answer, and perhaps has died

Payloads = list[bytes | None]
Tell = Callable[[Payloads | None], None]
OK = b"OK"


class _Stored(msgspec.Struct, array_like=True):
    """An entry but for what is one worker's own."""

    made: EncodedAnswer
    stored_at: float
    until: float
    user: str | None
    jitter: float


_decode = msgspec.msgpack.Decoder(_Stored).decode
_encode = msgspec.msgpack.Encoder().encode


class EntryAndLease(NamedTuple):
    """What lies under a key: an entry, and who has the lease to make one."""

    entry: CacheEntry | None
    holder: bytes | None


class SharedStore:
    """`rejected` counts replies that were not what was asked for, by what was wrong with them."""

    def __init__(self, redis: Redis, clock: Callable[[], float], seal: Seal | None = None) -> None:
        self._redis, self._clock, self._seal = redis, clock, seal or Seal()
        self._down_until = self._next_log = 0.0
        self._lines: dict[str, RedisConnection] = {}
        self.mark = self._seal.mark.encode()
        self.failures = 0
        self.rejected: Counter[str] = Counter()

    # ---- answers ready to go out

    def ask(self, names: Sequence[bytes], tell: Tell) -> None:
        """`tell` gets what lies under each name, None where nothing does; None alone where Redis does not answer, or
        with anything else than what was stored there."""
        line = self._line("ask")
        if line is None:
            tell(None)
        else:
            line.send((b"MGET", *names), partial(self._take, names, tell))

    def _take(self, names: Sequence[bytes], tell: Tell, reply: Any) -> str:
        """One wrong value makes all of a reply doubtful."""
        found, wrong = self._opened(names, reply)
        tell(found)
        return wrong

    async def put_many(self, values: Sequence[tuple[bytes, bytes, int]]) -> None:
        """Each a name, a payload, and for how many milliseconds."""
        line = self._line("store")
        if line is None:
            return
        done = [self._sent(line, _set(name, self._seal.sealed(name, value), life)) for name, value, life in values]
        await asyncio.gather(*done)

    # ---- entries and leases

    async def get(self, key: CacheKey) -> CacheEntry | None:
        seen = await self.look(key)
        return None if seen is None else seen.entry

    async def look(self, key: CacheKey) -> EntryAndLease | None:
        """None where Redis does not answer."""
        names = [self._name(key, "entry"), self._name(key, "lease")]
        line = self._line("look")
        if line is None:
            return None
        told: asyncio.Future[Payloads | None] = asyncio.get_running_loop().create_future()
        line.send((b"MGET", *names), partial(self._take, names, partial(_settle, told)))
        found = await told
        if found is None:
            return None
        entry, holder = found
        return EntryAndLease(None if entry is None else _entry(key, entry), holder)

    async def put(self, key: CacheKey, entry: CacheEntry, life_s: float) -> None:
        line = self._line("look")
        if entry.made.private or life_s <= 0 or line is None:
            return
        stored = _Stored(entry.made, entry.stored_at, entry.until, entry.user, entry.jitter)
        name = self._name(key, "entry")
        await self._sent(line, _set(name, self._seal.sealed(name, _encode(stored)), int(life_s * 1000)))

    async def lease(self, key: CacheKey, holder: str) -> bool | None:
        """Whether this one may make the answer; None where that can't be asked."""
        line = self._line("look")
        if line is None:
            return None
        name = self._name(key, "lease")
        command = _set(name, self._seal.sealed(name, holder.encode()), int(LEASE_S * 1000), b"NX")
        reply = await self._sent(line, command, (OK, None))
        return None if reply is MISSING else reply == OK

    async def release(self, key: CacheKey, holder: str) -> None:
        """Only its holder gives a lease back: it may have run out, and be somebody else's."""
        seen, line = await self.look(key), self._line("look")
        if seen is not None and seen.holder == holder.encode() and line is not None:
            await self._sent(line, (b"DEL", self._name(key, "lease")), (0, 1))

    # ---- the connections

    def is_up(self, now: float) -> bool:
        return now >= self._down_until

    async def close(self) -> None:
        self._down_until = inf
        for line in self._lines.values():
            await line.close()

    def _line(self, use: str) -> RedisConnection | None:
        """That for this use, so that a long one does not hold up a short one; None while Redis is left alone."""
        if not self.is_up(self._clock()):
            return None
        line = self._lines.get(use)
        if line is None or line.is_broken:
            line = self._lines[use] = RedisConnection(self._redis, PATIENCE_S, self._failed)
        return line

    async def _sent(self, line: RedisConnection, command: Sequence[bytes], replies: Sequence[Any] = (OK,)) -> Any:
        """The reply, one of these; `MISSING` where none comes."""
        told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def take(reply: Any) -> str:
            wrong = "" if reply is MISSING or any(reply == each for each in replies) else "type"
            _settle(told, MISSING if wrong else reply)
            return wrong

        line.send(command, take)
        return await told

    def _opened(self, names: Sequence[bytes], reply: Any) -> tuple[Payloads | None, str]:
        """What was stored under these names, and what is wrong with the reply."""
        if reply is MISSING:
            return None, ""
        if type(reply) is not list or len(reply) != len(names):
            return None, "type"
        opened = self._seal.opened
        try:
            return [None if raw is None else opened(name, raw) for name, raw in zip(names, reply, strict=True)], ""
        except Unsealed:
            return None, "checksum"

    def _failed(self, error: Exception) -> None:
        now = self._clock()
        if isinstance(error, OutOfStep):
            self.rejected[error.reason] += 1
        else:
            self.failures += 1
            self._down_until = now + DOWN_S
            log.warning("Redis does not answer; this worker does without for %.0f s: %s", DOWN_S, error)
            return
        if now >= self._next_log:
            self._next_log = now + DOWN_S
            times = sum(self.rejected.values())
            log.warning("Redis answered with something else than was asked for, %d times by now: %s", times, error)

    def _name(self, key: CacheKey, kind: str) -> bytes:
        digest = blake2b(_encode(key), digest_size=20).hexdigest()
        return f"recgate:{{{self._seal.mark}.{digest}}}:{kind}".encode()


def _set(name: bytes, value: bytes, life_ms: int, *more: bytes) -> tuple[bytes, ...]:
    return (b"SET", name, value, b"PX", b"%d" % life_ms, *more)


def _settle(told: asyncio.Future[Any], value: Any) -> None:
    if not told.done():  # whoever asked may have gone
        told.set_result(value)


def _entry(key: CacheKey, payload: bytes) -> CacheEntry | None:
    try:
        stored = _decode(payload)
    except msgspec.DecodeError:
        return None
    made = stored.made
    return CacheEntry(made, stored.stored_at, stored.until, stored.user, size_of(key, made), stored.jitter)
