"""Answers ready to go out that workers share in Redis, for when one's own cache is too small for all that is asked.

A worker asks there only while its own cache is full, for all requests of a moment at once, and only for what it does
not hold itself. An answer carries what outdates it and the last record of the log that it has seen, so that whoever
finds it can judge it. Those of experiments are not shared: who is in which arm is each worker's to say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import ClassVar

import msgspec

from gateway.cache import Cache, Changes, Payloads, SharedStore, Tag
from gateway.hot.cache import HotEntry, MetricLabels

Tell = Callable[["SecondLevelEntry | None"], None]
Conditional = tuple[str, tuple[bytes, bytes] | None]

OWN_SHARE = 1 / 1024  # of what is asked goes the ordinary way, even so, which takes fifty times as long
LONGEST_S = 86_400.0
MOST_WAITING = 1000  # answers to be stored; beyond these the newest are not
MOST_COMMON = 1000


class SecondLevelEntry(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An answer as it lies in Redis, to be read with as few objects as may be; `as_of` is the last record of the log
    that its maker had seen. `user` is the tag of whose it is, `users` are other tags of single users. `common` and
    `conditional` are messages of their own: the one is alike for all users and read once, the other is read where
    somebody asks If-None-Match."""

    stored_at: float
    until: float
    as_of: int
    user: Tag | None
    users: tuple[Tag, ...]
    common: bytes
    conditional: bytes
    head: bytes
    rest: bytes
    body: bytes
    tail: ClassVar[bytes] = b""

    @property
    def etag(self) -> str:
        return _read(self.conditional)[0]

    @property
    def unmodified(self) -> tuple[bytes, bytes] | None:
        return _read(self.conditional)[1]


class CommonPart:
    """What answers to different users have in common: whom they count for, and what outdates them all."""

    __slots__ = ("_changed", "_generation", "_tags", "told")

    def __init__(self, raw: bytes) -> None:
        """Raises `msgspec.DecodeError`."""
        self.told, self._tags = _decode_common(raw)
        self._generation, self._changed = -1, 0

    def changed(self, changes: Changes) -> int:
        """The last record of the log that outdated them; looked up once for each state of the changes."""
        generation = changes.generation  # read first: what comes while we look is looked at next time
        if generation != self._generation:
            seen = max(changes.latest(self._tags), changes.doubted, changes.last_purge(self.told.namespace))
            self._changed, self._generation = seen, generation
        return self._changed


_decode = msgspec.msgpack.Decoder(SecondLevelEntry).decode
_decode_common = msgspec.msgpack.Decoder(tuple[MetricLabels, tuple[Tag, ...]]).decode
_decode_conditional: Callable[[bytes], Conditional] = msgspec.msgpack.Decoder(Conditional).decode
_encode = msgspec.msgpack.Encoder().encode


class SecondLevel:
    def __init__(
        self,
        shared: SharedStore,
        cache: Cache,
        is_current: Callable[..., bool],
        seen: Callable[[], int],
        clock: Callable[[], float],
        draw: Callable[[], float],
    ) -> None:
        """`seen()` is the last record of the log that answers of this worker have seen."""
        self._shared, self._cache, self._changes = shared, cache, cache.changes
        self._is_current, self.seen, self._clock, self._draw = is_current, seen, clock, draw
        self._prefix = b"recgate:ready:%b:" % shared.mark
        self._names: list[bytes] = []
        self._tells: list[Tell] = []
        self._common: dict[bytes, CommonPart] = {}
        self._new: list[tuple[bytes, bytes, int]] = []
        self._storing: asyncio.Task[None] | None = None

    # ---- looking

    def helps(self, now: float) -> bool:
        """Whether to ask here; not always, so that what is asked for most comes into the worker's own cache."""
        return self._cache.is_crowded and self._shared.is_up(now) and self._draw() >= OWN_SHARE

    def ask(self, name: bytes, tell: Tell) -> None:
        """`tell` is called with what is found, and None where there is nothing, or Redis does not answer."""
        if not self._names:
            asyncio.get_running_loop().call_soon(self._ask)
        self._names.append(self._prefix + name)
        self._tells.append(tell)

    def _ask(self) -> None:
        """What has come in one turn of the loop goes in one question."""
        names, self._names = self._names, []
        tells, self._tells = self._tells, []
        self._shared.fetch_many(names, partial(_tell, tells))

    def current(self, kept: SecondLevelEntry, now: float) -> MetricLabels | None:
        """Whom it counts for, if it is what this worker would answer, too."""
        user, users, as_of = kept.user, kept.users, kept.as_of
        if now >= kept.until or not self._is_current(*(user or ("",))[1:]):
            return None
        if self._changes.latest(users if user is None else (user, *users)) > as_of:
            return None
        common = self._common.get(kept.common) or self._read(kept.common)
        return None if common is None or common.changed(self._changes) > as_of else common.told

    def _read(self, raw: bytes) -> CommonPart | None:
        try:
            common = CommonPart(raw)
        except msgspec.DecodeError:
            return None
        if len(self._common) >= MOST_COMMON:
            self._common.clear()
        self._common[raw] = common
        return common

    # ---- storing

    def store(self, name: bytes, memo: HotEntry, told: MetricLabels, as_of: int) -> None:
        """Nobody waits for it."""
        repeat, life_s = memo.repeat, memo.until - self._clock()
        if told.experiment or repeat.version is not None or life_s <= 0 or len(self._new) >= MOST_WAITING:
            return
        user = None if memo.own is None else ("user", *memo.own)
        tags = [tag for tag in dict.fromkeys(repeat.tags) if tag != user]
        kept = SecondLevelEntry(
            stored_at=memo.stored_at,
            until=memo.until,
            as_of=as_of,
            user=user,
            users=tuple(tag for tag in tags if tag[0] == "user"),
            common=_encode((told, [tag for tag in tags if tag[0] != "user"])),
            conditional=_encode((memo.etag, memo.unmodified)),
            head=memo.head,
            rest=memo.rest,
            body=repeat.body,
        )
        self._new.append((self._prefix + name, _encode(kept), max(1, int(min(life_s, LONGEST_S) * 1000))))
        if self._storing is None or self._storing.done():
            self._storing = asyncio.get_running_loop().create_task(self._store())

    async def _store(self) -> None:
        """What comes while Redis stores goes together the next time."""
        while self._new:
            new, self._new = self._new, []
            await self._shared.put_many(new)

    async def close(self) -> None:
        if self._storing is not None:
            self._storing.cancel()
            await asyncio.gather(self._storing, return_exceptions=True)


def _tell(tells: list[Tell], found: Payloads | None) -> None:
    for tell, raw in zip(tells, found or [None] * len(tells), strict=True):
        tell(None if raw is None else decoded(raw))


def _read(raw: bytes) -> Conditional:
    try:
        return _decode_conditional(raw)
    except msgspec.DecodeError:
        return "", None


def decoded(raw: bytes) -> SecondLevelEntry | None:
    try:
        return _decode(raw)
    except msgspec.DecodeError:
        return None
