"""Entries that replicas share through Redis or Valkey, and leases so that one replica makes an answer for all.

Nothing depends on it. A failure counts as an absent value, and for a moment no command is sent. A value that is not the
one stored under its key counts as absent too, and ends the connection. Every key expires. An entry and its lease lie in
one slot of a cluster.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
from redis.asyncio import Redis, RedisCluster

from gateway.cache.entry import CacheEntry, EncodedAnswer, size_of
from gateway.cache.key import CacheKey
from gateway.cache.redis_connection import MISSING, OutOfStep
from gateway.cache.redis_nodes import DOWN_S, Command, nodes_of
from gateway.cache.seal import Seal, Unsealed

log = logging.getLogger(__name__)

LEASE_S = 0.6  # that a replica which makes an answer has it alone, if it dies meanwhile
RENEW_S = 0.2  # after which one that lives takes its lease anew

Payloads = list[bytes | None]
Deliver = Callable[[Payloads | None], None]
OK = b"OK"


class _StoredEntry(msgspec.Struct, array_like=True):
    """The fields of an entry that replicas share, under the names that `CacheEntry` has for them."""

    answer: EncodedAnswer
    stored_at: float
    until: float
    user: str | None
    jitter: float


_decode = msgspec.msgpack.Decoder(_StoredEntry).decode
_encode = msgspec.msgpack.Encoder().encode


class EntryAndLease(NamedTuple):
    """The entry of a key, and the holder of the lease to make one."""

    entry: CacheEntry | None
    holder: bytes | None


class SharedStore:
    """`rejected` counts replies that did not belong to their command, by what was wrong with them."""

    def __init__(self, redis: Redis | RedisCluster, clock: Callable[[], float], seal: Seal | None = None) -> None:
        self._nodes = nodes_of(redis, clock, self._note_failure)
        self._clock, self._seal = clock, seal or Seal()
        self._next_log = 0.0
        self.mark = self._seal.mark.encode()
        self.failures = 0
        self.rejected: Counter[str] = Counter()

    # ---- payloads by name

    def fetch_many(self, names: Sequence[bytes], deliver: Deliver) -> None:
        """`deliver` gets the payload of each name, None for an absent one; None alone if Redis does not answer, or
        answers with anything else than it was given."""
        self._fetch("ask", names, deliver)

    def _fetch(self, use: str, names: Sequence[bytes], deliver: Deliver) -> None:
        groups = self._nodes.groups(names)
        if len(groups) == 1:
            self._fetch_group(use, names, deliver)
            return
        gathered = _GatheredPayloads(names, len(groups), deliver)
        for group in groups:
            self._fetch_group(use, group, partial(gathered.add, group))

    def _fetch_group(self, use: str, names: Sequence[bytes], deliver: Deliver) -> None:
        """Fetch names that one command may ask for."""
        if not self._nodes.send(use, (b"MGET", *names), partial(self._unseal_reply, names, deliver)):
            deliver(None)

    def _unseal_reply(self, names: Sequence[bytes], deliver: Deliver, reply: Any) -> str:
        """One wrong value makes all of a reply doubtful."""
        payloads, wrong = self._unsealed(names, reply)
        deliver(payloads)
        return wrong

    async def put_many(self, values: Sequence[tuple[bytes, bytes, int]]) -> None:
        """Store values, each a name, a payload, and its life in milliseconds."""
        commands = [_set(name, self._seal.sealed(name, value), life) for name, value, life in values]
        await asyncio.gather(*(self._reply_to("store", command) for command in commands))

    # ---- entries and leases

    async def get(self, key: CacheKey) -> CacheEntry | None:
        stored = await self.read(key)
        return None if stored is None else stored.entry

    async def read(self, key: CacheKey) -> EntryAndLease | None:
        """None if Redis does not answer."""
        names = [self._name(key, "entry"), self._name(key, "lease")]
        reply: asyncio.Future[Payloads | None] = asyncio.get_running_loop().create_future()
        self._fetch_group("look", names, partial(_resolve, reply))
        payloads = await reply
        if payloads is None:
            return None
        entry, holder = payloads
        return EntryAndLease(None if entry is None else _entry(key, entry), holder)

    async def put(self, key: CacheKey, entry: CacheEntry, life_s: float) -> None:
        if entry.answer.private or life_s <= 0 or not self.is_up(self._clock()):
            return
        stored = _StoredEntry(*(getattr(entry, field) for field in _StoredEntry.__struct_fields__))
        name = self._name(key, "entry")
        await self._reply_to("look", _set(name, self._seal.sealed(name, _encode(stored)), int(life_s * 1000)))

    async def lease(self, key: CacheKey, holder: str) -> bool | None:
        """Take the lease to make an answer. True: this holder has it; None: Redis does not answer."""
        name = self._name(key, "lease")
        command = _set(name, self._seal.sealed(name, holder.encode()), int(LEASE_S * 1000), b"NX")
        reply = await self._reply_to("look", command, (OK, None))
        return None if reply is MISSING else reply == OK

    @contextmanager
    def renewing(self, key: CacheKey) -> Iterator[None]:
        """Keep a lease from running out while its answer is made. If this process stood still for longer than the
        lease, and another has it since, that one's lasts a little longer."""
        loop, command = asyncio.get_running_loop(), (b"PEXPIRE", self._name(key, "lease"), b"%d" % (LEASE_S * 1000))
        timer: asyncio.TimerHandle

        def renew() -> None:
            nonlocal timer
            timer = loop.call_later(RENEW_S, renew)
            self._nodes.send("look", command, _check_renewal)

        timer = loop.call_later(RENEW_S, renew)
        try:
            yield
        finally:
            timer.cancel()

    async def release(self, key: CacheKey, holder: str) -> None:
        """Give a lease back, unless it has run out and another holds it."""
        stored = await self.read(key)
        if stored is not None and stored.holder == holder.encode():
            await self._reply_to("look", (b"DEL", self._name(key, "lease")), (0, 1))

    # ---- the servers

    def is_up(self, now: float) -> bool:
        return self._nodes.is_up(now)

    async def close(self) -> None:
        await self._nodes.close()

    async def _reply_to(self, use: str, command: Command, replies: Sequence[Any] = (OK,)) -> Any:
        """The reply, one of `replies`; `MISSING` if none comes."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def take(reply: Any) -> str:
            wrong = "" if reply is MISSING or any(reply == each for each in replies) else "type"
            _resolve(future, MISSING if wrong else reply)
            return wrong

        return await future if self._nodes.send(use, command, take) else MISSING

    def _unsealed(self, names: Sequence[bytes], reply: Any) -> tuple[Payloads | None, str]:
        """The payloads of these names, and what is wrong with the reply."""
        if reply is MISSING:
            return None, ""
        if type(reply) is not list or len(reply) != len(names):
            return None, "type"
        opened = self._seal.opened
        try:
            return [None if raw is None else opened(name, raw) for name, raw in zip(names, reply, strict=True)], ""
        except Unsealed:
            return None, "checksum"

    def _note_failure(self, server: str, error: Exception) -> None:
        now = self._clock()
        if isinstance(error, OutOfStep):
            self.rejected[error.reason] += 1
        else:
            self.failures += 1
            log.warning("%s does not answer; this worker does without for %.0f s: %s", server, DOWN_S, error)
            return
        if now >= self._next_log:
            self._next_log = now + DOWN_S
            times = sum(self.rejected.values())
            wrong = "%s answered with something else than was asked for, %d times by now: %s"
            log.warning(wrong, server, times, error)

    def _name(self, key: CacheKey, kind: str) -> bytes:
        digest = blake2b(_encode(key), digest_size=20).hexdigest()
        return f"recgate:{{{self._seal.mark}.{digest}}}:{kind}".encode()


class _GatheredPayloads:
    """The payloads of several commands, delivered together in the order of the names."""

    def __init__(self, names: Sequence[bytes], commands: int, deliver: Deliver) -> None:
        self._names, self._left, self._deliver = names, commands, deliver
        self._payloads: dict[bytes, bytes | None] = {}

    def add(self, names: Sequence[bytes], payloads: Payloads | None) -> None:
        """Add those of one command; None if it was not answered."""
        if payloads is not None:
            self._payloads.update(zip(names, payloads, strict=True))
        self._left -= 1
        if not self._left:
            self._deliver([self._payloads.get(name) for name in self._names] if self._payloads else None)


def _set(name: bytes, value: bytes, life_ms: int, *more: bytes) -> Command:
    return (b"SET", name, value, b"PX", b"%d" % life_ms, *more)


def _check_renewal(reply: Any) -> str:
    return "" if reply is MISSING or reply in (0, 1) else "type"


def _resolve(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():  # its caller may have gone
        future.set_result(value)


def _entry(key: CacheKey, payload: bytes) -> CacheEntry | None:
    try:
        stored = _decode(payload)
    except msgspec.DecodeError:
        return None
    fields = {field: getattr(stored, field) for field in _StoredEntry.__struct_fields__}
    return CacheEntry(**fields, size=size_of(key, stored.answer))
