"""Streams of Redis or Valkey: XADD of `id`, `namespace`, `session` and the record, all of a call or none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway import plan
from gateway.targets.base import Call, Down, Failed, Means, Message, TargetType
from gateway.targets.entry import Entry, envelope


class RedisStreamTarget:
    call = Call(messages=500, bytes=4 * 1024 * 1024, whole=True)

    def __init__(self, means: Means, target: plan.RedisStream) -> None:
        self._target, self._url = target, target.url or means.redis_url
        self._redis: Redis | None = None

    def check(self, entry: Entry, size: int) -> None:
        return

    def messages(self, entry: Entry) -> list[Message]:
        return [Message(entry.id, entry.session or entry.user or entry.id, envelope(entry), entry)]

    async def send(self, call: Sequence[Message]) -> Sequence[Failed | None]:
        target = self._target
        try:
            self._redis = redis = self._redis or self._open()
            async with redis.pipeline(transaction=True) as pipeline:
                for each in call:
                    pipeline.xadd(target.stream, _fields(each), maxlen=target.max_length, approximate=True)
                await pipeline.execute()
        except (RedisError, OSError, ValueError) as error:
            raise Down(f"{target.key}: {error}") from error
        return [None] * len(call)

    async def close(self) -> None:
        if self._redis is not None:
            await self._redis.aclose()

    def _open(self) -> Redis:
        if self._url is None:
            raise ValueError("it has no url, and RECGATE_REDIS_URL is not set")
        seconds = self._target.timeout_s
        return Redis.from_url(self._url, socket_timeout=seconds, socket_connect_timeout=seconds)


def _fields(message: Message) -> dict[Any, Any]:
    own = {"id": message.id, "namespace": message.entry.namespace, "session": message.session}
    return {**own, "record": message.data}


TARGET = TargetType("redis-stream", RedisStreamTarget)
