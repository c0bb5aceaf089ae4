"""The gate before every guarded route, and the rate limits behind it: counted in Redis if there is one, else in each
worker for itself."""

from __future__ import annotations

import logging
import time
from functools import lru_cache
from typing import Any

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from redis.asyncio import Redis

from gateway.auth.authenticator import Authenticator
from gateway.caller import Caller
from gateway.errors import TooMany
from gateway.plan.plan import Auth, RateLimits

log = logging.getLogger(__name__)

_parsed = lru_cache(maxsize=64)(parse)  # a configuration has two


class RateLimiter:
    def __init__(self, redis: Redis | None = None) -> None:
        self._redis, storage = redis, MemoryStorage() if redis is None else _shared(redis)
        self._windows = SlidingWindowCounterRateLimiter(storage)

    async def check(self, limits: RateLimits, key: str, address: str, count: int = 1) -> None:
        """Count requests. Raises `TooMany` (429) with the seconds to wait. A store that is down limits nobody."""
        for rule, kind, who in ((limits.per_key, "key", key), (limits.per_address, "address", address)):
            if rule is not None and who:
                await self._hit(_parsed(rule), kind, who, count)

    async def _hit(self, rule: RateLimitItem, kind: str, who: str, count: int) -> None:
        try:
            if await self._windows.hit(rule, "recgate", kind, who, cost=count):
                return
            window = await self._windows.get_window_stats(rule, "recgate", kind, who)
            if window.remaining >= count:  # two replies that contradict each other: one was another question's
                raise StorageError(ValueError("Redis contradicts itself"))
        except Exception as error:  # over replies to other commands `limits` trips in many ways
            log.warning("requests are not limited at present: %s", error)
            if self._redis is not None:
                await self._redis.connection_pool.disconnect()
            return
        raise TooMany(f"more than {rule} from this {kind}", max(1, round(window.reset_time - time.time())))


def _shared(redis: Redis) -> RedisStorage:
    """A storage over the connections that are open already; the address is only for show."""
    pool: Any = redis.connection_pool
    return RedisStorage("async+redis://", connection_pool=pool, wrap_exceptions=True, implementation="redispy")


class Gate:
    """Lets callers in by the rules of the time: authentication, then rate limits."""

    def __init__(self, authenticator: Authenticator, rate_limiter: RateLimiter) -> None:
        self._authenticator, self._rate_limiter = authenticator, rate_limiter

    async def admit(self, caller: Caller, auth: Auth, limits: RateLimits) -> Caller:
        """The caller with its principal. Raises `Unauthenticated` and `TooMany`."""
        if auth is not None:
            caller = await self._authenticator.authenticate(caller, auth)
        if limits.are_any:
            await self.limit(caller, limits, 1)
        return caller

    async def limit(self, caller: Caller, limits: RateLimits, count: int) -> None:
        """Count requests of the caller. Raises `TooMany`."""
        if count:
            await self._rate_limiter.check(limits, caller.principal.name, caller.address, count)
