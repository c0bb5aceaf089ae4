"""The second level: answers ready to go out that workers share in Redis, for when one's own cache is too small.

A worker asks there only while its own cache is full, in one command for all requests of a moment, and only for answers
that it does not hold itself. An answer carries its tags and the last record of the log that it has seen, so that its
finder can judge it. Answers of experiments are not shared: each worker assigns arms itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import msgspec

from gateway.cache import Cache, Changes, Tag
from gateway.hot.counters import MetricLabels
from gateway.hot.entry import HotEntry

if TYPE_CHECKING:
    from gateway.cache.shared_store import Payloads, SharedStore

Deliver = Callable[["SecondLevelEntry | None"], None]
Conditional = tuple[str, tuple[bytes, bytes] | None]

OWN_SHARE = 1 / 1024  # of requests go the ordinary way, even so, which takes fifty times as long
LONGEST_S = 86_400.0
MOST_WAITING = 1000  # answers to be stored; beyond these the newest are not
MOST_COMMON = 1000


class SecondLevelEntry(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An answer in Redis, decoded to few objects. `as_of` is the last record of the log that its worker had seen.
    `user` is the tag of its owner, `users` are other tags of single users. `common` and `conditional` are messages of
    their own: `common` is alike for all users and read once, `conditional` is read for a request with If-None-Match."""

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
        return _decoded_conditional(self.conditional)[0]

    @property
    def unmodified(self) -> tuple[bytes, bytes] | None:
        return _decoded_conditional(self.conditional)[1]


class CommonPart:
    """The part that answers to different users have in common: their labels, and the tags that outdate them all."""

    __slots__ = ("_changed", "_generation", "_tags", "labels")

    def __init__(self, raw: bytes) -> None:
        """Raises `msgspec.DecodeError`."""
        self.labels, self._tags = _decode_common(raw)
        self._generation, self._changed = -1, 0

    def changed(self, changes: Changes) -> int:
        """The last record of the log that outdated them; looked up once for each state of the changes."""
        generation = changes.generation  # read first: a change meanwhile is looked at next time
        if generation != self._generation:
            last = max(changes.latest(self._tags), changes.doubted, changes.last_purge(self.labels.namespace))
            self._changed, self._generation = last, generation
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
        applied: Callable[[], int],
        clock: Callable[[], float],
        draw: Callable[[], float],
    ) -> None:
        """`applied()` is the last record of the log that answers of this worker have seen."""
        self._shared, self._cache, self._changes = shared, cache, cache.changes
        self._is_current, self.applied, self._clock, self._draw = is_current, applied, clock, draw
        self._prefix = b"recgate:ready:%b:" % shared.mark
        self._names: list[bytes] = []
        self._deliveries: list[Deliver] = []
        self._common: dict[bytes, CommonPart] = {}
        self._new: list[tuple[bytes, bytes, int]] = []
        self._storing: asyncio.Task[None] | None = None

    # ---- looking up

    def helps(self, now: float) -> bool:
        """True if a look here pays; not always, so that the most frequent answers come into the worker's own cache."""
        return self._cache.is_crowded and self._shared.is_up(now) and self._draw() >= OWN_SHARE

    def look_up(self, name: bytes, deliver: Deliver) -> None:
        """`deliver` is called with the entry, or None if there is none or Redis does not answer."""
        if not self._names:
            asyncio.get_running_loop().call_soon(self._fetch)
        self._names.append(self._prefix + name)
        self._deliveries.append(deliver)

    def _fetch(self) -> None:
        """Fetch all names of one turn of the loop by one command."""
        names, self._names = self._names, []
        deliveries, self._deliveries = self._deliveries, []
        self._shared.fetch_many(names, partial(_deliver_all, deliveries))

    def labels_if_current(self, entry: SecondLevelEntry, now: float) -> MetricLabels | None:
        """The labels of an entry that is what this worker would answer too, else None."""
        user, users, as_of = entry.user, entry.users, entry.as_of
        if now >= entry.until or not self._is_current(*(user or ("",))[1:]):
            return None
        if self._changes.latest(users if user is None else (user, *users)) > as_of:
            return None
        common = self._common.get(entry.common) or self._read_common(entry.common)
        return None if common is None or common.changed(self._changes) > as_of else common.labels

    def _read_common(self, raw: bytes) -> CommonPart | None:
        try:
            common = CommonPart(raw)
        except msgspec.DecodeError:
            return None
        if len(self._common) >= MOST_COMMON:
            self._common.clear()
        self._common[raw] = common
        return common

    # ---- storing

    def store(self, name: bytes, entry: HotEntry, as_of: int) -> None:
        """Store an entry, in a task of its own."""
        labels, repeat, life_s = entry.counter.labels, entry.repeat, entry.until - self._clock()
        if labels.experiment or repeat.version is not None or life_s <= 0 or len(self._new) >= MOST_WAITING:
            return
        user = None if entry.own is None else ("user", *entry.own)
        tags = [tag for tag in dict.fromkeys(repeat.tags) if tag != user]
        stored = SecondLevelEntry(
            stored_at=entry.stored_at,
            until=entry.until,
            as_of=as_of,
            user=user,
            users=tuple(tag for tag in tags if tag[0] == "user"),
            common=_encode((labels, [tag for tag in tags if tag[0] != "user"])),
            conditional=_encode((entry.etag, entry.unmodified)),
            head=entry.head,
            rest=entry.rest,
            body=repeat.coded_body,
        )
        self._new.append((self._prefix + name, _encode(stored), max(1, int(min(life_s, LONGEST_S) * 1000))))
        if self._storing is None or self._storing.done():
            self._storing = asyncio.get_running_loop().create_task(self._store_new())

    async def _store_new(self) -> None:
        """Store all new entries together, and then those that have come meanwhile."""
        while self._new:
            new, self._new = self._new, []
            await self._shared.put_many(new)

    async def close(self) -> None:
        if self._storing is not None:
            self._storing.cancel()
            await asyncio.gather(self._storing, return_exceptions=True)


def _deliver_all(deliveries: list[Deliver], payloads: Payloads | None) -> None:
    for deliver, raw in zip(deliveries, payloads or [None] * len(deliveries), strict=True):
        deliver(None if raw is None else decoded(raw))


def _decoded_conditional(raw: bytes) -> Conditional:
    try:
        return _decode_conditional(raw)
    except msgspec.DecodeError:
        return "", None


def decoded(raw: bytes) -> SecondLevelEntry | None:
    try:
        return _decode(raw)
    except msgspec.DecodeError:
        return None
