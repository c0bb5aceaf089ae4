"""Streams of Redis or Valkey: XADD of `id`, `namespace`, `session` and the record, all of a call or none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from gateway.document.redis_url import connected, disconnect, fault_of
from gateway.document.report import Report, checks, inside
from gateway.document.values import Count, Duration, RedisUrl, Text
from gateway.targets.base import (
    Call,
    Down,
    EventTargetPart,
    Failed,
    Message,
    RecordTarget,
    TargetDependencies,
    TargetType,
)

if TYPE_CHECKING:
    from gateway.document.redis_url import RedisClient

ID = re.compile(rb"(\d{1,20})-(\d{1,20})")


class RedisStream(EventTargetPart, frozen=True, tag="redis-stream", kw_only=True):
    """A stream of Redis or Valkey, at RECGATE_REDIS_URL where no `url` is given; about `maxLength` entries are kept."""

    name_field: ClassVar[str] = "stream"

    stream: Text
    url: RedisUrl | None = None
    max_length: Count | None = None
    timeout: Duration = 10


@checks
def check_redis_stream(part: RedisStream, place: str, report: Report) -> None:
    if part.url is None and not report.environ.get("RECGATE_REDIS_URL"):
        report.refuse(place, "needs a 'url': RECGATE_REDIS_URL is not set")
    if part.url is not None and (fault := fault_of(part.url)):
        report.refuse(inside(place, "url"), fault)


class RedisStreamTarget(RecordTarget):
    call = Call(messages=500, bytes=4 * 1024 * 1024, whole=True)

    def __init__(self, dependencies: TargetDependencies, key: str, part: RedisStream) -> None:
        self._key, self._part, self._url = key, part, part.url or dependencies.redis_url
        self._redis: RedisClient | None = None
        self._last = (0, 0)  # the id of the last entry that this connection has acknowledged

    async def send(self, call: Sequence[Message]) -> Sequence[Failed | None]:
        part = self._part
        try:
            self._redis = redis = self._redis or self._open()
            async with redis.pipeline(transaction=True) as pipeline:
                for each in call:
                    own = {"id": each.id, "namespace": each.entry.namespace, "session": each.session}
                    fields: dict[Any, Any] = {**own, "record": each.data}
                    pipeline.xadd(part.stream, fields, maxlen=part.max_length, approximate=True)
                self._check(await pipeline.execute(), len(call))
        except Exception as error:  # over replies that are none to its question redis-py trips in many ways
            await self.close()
            raise Down(f"{self._key}: {error}") from error
        return [None] * len(call)

    def _check(self, replies: Sequence[Any], count: int) -> None:
        """Check that these are the new entries' ids, each greater than all before: what another call was told is no
        acknowledgement of this one. Raises ValueError."""
        last = self._last
        for reply in replies:
            entry = ID.fullmatch(reply if isinstance(reply, bytes) else b"")
            if entry is None or (int(entry[1]), int(entry[2])) <= last:
                raise ValueError("Redis answered with something else than the ids of new entries")
            last = int(entry[1]), int(entry[2])
        if len(replies) != count:
            raise ValueError(f"Redis told the ids of {len(replies)} entries, not of {count}")
        self._last = last

    async def close(self) -> None:
        if self._redis is not None:
            redis, self._redis, self._last = self._redis, None, (0, 0)
            await disconnect(redis)

    def _open(self) -> RedisClient:
        if self._url is None:
            raise ValueError("it has no url, and RECGATE_REDIS_URL is not set")
        return connected(self._url, self._part.timeout)


TARGET = TargetType(RedisStream, RedisStreamTarget, place=5)
