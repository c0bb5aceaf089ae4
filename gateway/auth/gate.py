"""The gate before every guarded route, and the rate limits behind it: counted in Redis if there is one, else in each
worker for itself."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import nullcontext, suppress
from functools import lru_cache
from math import ceil
from typing import TYPE_CHECKING, Any

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError

from gateway.auth.authenticator import Authenticator
from gateway.caller import Caller
from gateway.errors import TooMany
from gateway.plan.plan import Auth, RateLimits

if TYPE_CHECKING:
    from redis.asyncio import Redis, RedisCluster

log = logging.getLogger(__name__)

PATIENCE_S = 0.5  # for one count
DOWN_S = 1.0  # after a failure, before Redis is asked whether it answers again
RECOVERY_S = 5.0  # the longest that this question may take; no request waits for it

_parsed = lru_cache(maxsize=64)(parse)  # a configuration has two


class RateLimiter:
    def __init__(self, redis: Redis | RedisCluster | None = None) -> None:
        self._redis, storage = redis, MemoryStorage() if redis is None else SharedCounters(redis)
        self._windows = SlidingWindowCounterRateLimiter(storage)
        self._patience = nullcontext if redis is None else _limited_time
        self._recovery: asyncio.Task[None] | None = None

    async def check(self, limits: RateLimits, key: str, address: str, count: int = 1) -> None:
        """Count requests. Raises `TooMany` (429) with the seconds to wait. A store that is down limits nobody."""
        for rule, kind, who in ((limits.per_key, "key", key), (limits.per_address, "address", address)):
            if rule is not None and who and self._recovery is None:
                await self._hit(_parsed(rule), kind, who, count)

    async def close(self) -> None:
        if self._recovery is not None:
            self._recovery.cancel()
            await asyncio.gather(self._recovery, return_exceptions=True)

    async def _hit(self, rule: RateLimitItem, kind: str, who: str, count: int) -> None:
        try:
            async with self._patience():
                if await self._windows.hit(rule, "recgate", kind, who, cost=count):
                    return
                window = await self._windows.get_window_stats(rule, "recgate", kind, who)
            if window.remaining >= count:  # two replies that contradict each other: one was another question's
                raise StorageError(ValueError("Redis contradicts itself"))
        except Exception as error:  # over replies to other commands `limits` trips in many ways
            if self._recovery is not None:  # another request was first
                return
            reason = "it took too long" if isinstance(error, TimeoutError) else error
            log.warning("requests are not limited at present: %s", reason)
            if self._redis is not None:
                self._recovery = asyncio.get_running_loop().create_task(self._recover(self._redis))
            return
        raise TooMany(f"more than {rule} from this {kind}", max(1, ceil(window.reset_time - time.time())))

    async def _recover(self, redis: Redis | RedisCluster) -> None:
        """Wait until Redis answers again, over new connections."""
        answers = False
        while not answers:
            with suppress(Exception):
                await redis.aclose()
            await asyncio.sleep(DOWN_S)
            with suppress(Exception):
                async with asyncio.timeout(RECOVERY_S):
                    answers = bool(await redis.ping())
        self._recovery = None


def _limited_time() -> asyncio.Timeout:
    return asyncio.timeout(PATIENCE_S)


class SharedCounters(RedisStorage):
    """Counters in Redis, by a client that is there already: of one server, of Sentinels' primary or of a cluster."""

    def __init__(self, redis: Redis | RedisCluster) -> None:
        self._client: Any = redis
        super().__init__("async+redis://", wrap_exceptions=True, implementation="redispy")

    def configure_bridge(self) -> None:
        bridge: Any = self.bridge
        bridge.storage, bridge.connection_getter = self._client, lambda _: self._client


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
