"""The gate before every guarded route."""

from __future__ import annotations

from gateway.auth.authenticator import Authenticator
from gateway.auth.rate_limiter import RateLimiter
from gateway.caller import Caller
from gateway.plan.plan import Auth, RateLimits


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
