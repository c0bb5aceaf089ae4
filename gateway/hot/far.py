"""Answers ready to go out that workers share in Redis, for when one's own cache is too small for all that is asked.

A worker asks there only while its own cache is full, for all requests of a moment at once, and only for what it does
not hold itself. An answer carries what outdates it and the last record of the log that it has seen, so that whoever
finds it can judge it. Those of experiments are not shared: who is in which arm is each worker's to say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from gateway.cache import Cache, Shared, Tag
from gateway.hot.memos import Memo, Ready, Tally, Told

Tell = Callable[["Kept | None"], None]

FORMAT = 1
OWN_SHARE = 1 / 256  # of what is asked goes the ordinary way, even so
LONGEST_S = 86_400.0
MOST_WAITING = 1000  # answers to be stored; beyond these the newest are not


class Kept(msgspec.Struct, array_like=True, frozen=True):
    """An answer as it lies in Redis; `as_of` is the last record of the log that its maker had seen."""

    format: int
    stored_at: float
    until: float
    as_of: int
    tags: tuple[Tag, ...]
    own: tuple[str, str] | None
    told: tuple[str, str, str, str, str, str]
    head: bytes
    rest: bytes
    body: bytes
    etag: str
    unmodified: tuple[bytes, bytes] | None

    def ready(self, tally: Tally) -> Ready:
        return Ready(self.head, self.rest, self.body, b"", self.etag, self.unmodified, self.stored_at, tally)


_decode = msgspec.msgpack.Decoder(Kept).decode
_encode = msgspec.msgpack.Encoder().encode


class Far:
    def __init__(
        self,
        shared: Shared,
        cache: Cache,
        is_current: Callable[..., bool],
        seen: Callable[[], int],
        clock: Callable[[], float],
        draw: Callable[[], float],
    ) -> None:
        """`seen()` is the last record of the log that answers of this worker have seen."""
        self._shared, self._cache, self._changes = shared, cache, cache.changes
        self._is_current, self.seen, self._clock, self._draw = is_current, seen, clock, draw
        self._asked: list[tuple[bytes, Tell]] = []
        self._new: list[tuple[bytes, bytes, int]] = []
        self._task: asyncio.Task[None] | None = None

    def helps(self) -> bool:
        """Whether to ask here; not always, so that what is asked for most comes into the worker's own cache."""
        return self._cache.is_crowded and self._shared.up and self._draw() >= OWN_SHARE

    def ask(self, name: bytes, tell: Tell) -> None:
        """`tell` is called with what is found, and None where there is nothing, or Redis does not answer."""
        self._asked.append((name, tell))
        self._wake()

    def store(self, name: bytes, memo: Memo, told: Told, as_of: int) -> None:
        """Nobody waits for it."""
        repeat, life_s = memo.repeat, memo.until - self._clock()
        if told.experiment or repeat.version is not None or life_s <= 0 or len(self._new) >= MOST_WAITING:
            return
        kept = Kept(
            format=FORMAT,
            stored_at=memo.stored_at,
            until=memo.until,
            as_of=as_of,
            tags=repeat.tags,
            own=memo.own,
            told=told,
            head=memo.head,
            rest=memo.rest,
            body=repeat.body,
            etag=memo.etag,
            unmodified=memo.unmodified,
        )
        self._new.append((name, _encode(kept), max(1, int(min(life_s, LONGEST_S) * 1000))))
        self._wake()

    def holds(self, kept: Kept, now: float) -> bool:
        """Whether it is what this worker would answer, too."""
        if now >= kept.until or (kept.own is not None and not self._is_current(*kept.own)):
            return False
        changes, as_of = self._changes, kept.as_of
        if max(changes.latest(kept.tags), changes.doubted) > as_of:
            return False
        return not changes.items_after(kept.told[1], as_of)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _wake(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        """As long as there is anything: what comes while Redis is asked goes together in the next question."""
        while self._asked or self._new:
            asked, self._asked = self._asked, []
            new, self._new = self._new, []
            if asked:
                found = await self._shared.get_many([name for name, _ in asked])
                for (_, tell), raw in zip(asked, found, strict=True):
                    tell(None if raw is None else decoded(raw))
            if new:
                await self._shared.put_many(new)


def decoded(raw: bytes) -> Kept | None:
    try:
        kept = _decode(raw)
    except msgspec.DecodeError:
        return None
    return kept if kept.format == FORMAT else None
