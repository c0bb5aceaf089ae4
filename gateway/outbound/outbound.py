"""Requests that the gateway itself sends: in time or not at all, tried again where that may help, and not sent while
the peer is known to be broken. Everything that goes wrong is an `UpstreamProblem`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import httpx
import msgspec

from gateway.errors import UpstreamProblem, UpstreamTimeout
from gateway.outbound.message import OutboundRequest, OutboundResponse, ResponseTooLarge
from gateway.outbound.transport import Transport
from gateway.plan.plan import Limits

if TYPE_CHECKING:
    from purgatory.service._async.circuitbreaker import AsyncCircuitBreaker

THEIR_ANSWERS = {  # what of their statuses is about the question, and what it is here
    400: (400, "UpstreamInvalidInput"),
    404: (404, "UpstreamNotFound"),
    422: (400, "UpstreamInvalidInput"),
    429: (429, "UpstreamThrottled"),
}
BROKEN = (502, "UpstreamError")
WAIT_S, LONGEST_WAIT_S = 0.05, 1.0  # between two tries, with jitter


class Peer(msgspec.Struct, frozen=True):
    """Somebody who is asked: `name` is what is counted together, `type` is the error triple's."""

    name: str
    type: str
    limits: Limits


Prepare = Callable[[], Awaitable[OutboundRequest]]  # for every try: a signature has a time


class Outbound:
    """Sends requests, with a circuit breaker for each peer."""

    def __init__(self, transport: Transport) -> None:
        import stamina  # a tenth of a start, for processes that ask nobody
        from purgatory import AsyncCircuitBreakerFactory
        from purgatory.domain.model import OpenedState

        self._transport, self._retry_context, self._circuit_open = transport, stamina.retry_context, OpenedState
        self._breakers = AsyncCircuitBreakerFactory(exclude=[(UpstreamProblem, _their_answer)])
        self._breaker_of: dict[str, AsyncCircuitBreaker] = {}

    async def ask(self, peer: Peer, request: OutboundRequest | Prepare) -> OutboundResponse:
        """A 2xx answer, whole, to a request that is ready or made anew for each try. Raises `UpstreamProblem`: 504 too
        late, 502 broken, 503 not asked since it is broken, and 400, 404 and 429 where the peer said so itself."""
        breaker = self._breaker_of.get(peer.name) or await self._breaker(peer)
        try:
            async with breaker:
                try:
                    return await self._try(peer, request)
                except UpstreamProblem as problem:
                    if not peer.limits.retries or not _may_help(problem):
                        raise
                    return await self._retry(peer, request, problem)
        except self._circuit_open as error:
            message = f"{peer.name} has failed {peer.limits.failures} times in a row; it is asked again shortly"
            raise UpstreamProblem(message, status=503, type=peer.type, code="CircuitOpen") from error

    async def _breaker(self, peer: Peer) -> AsyncCircuitBreaker:
        limits = peer.limits
        breaker = await self._breakers.get_breaker(peer.name, threshold=limits.failures, ttl=limits.open_s)
        self._breaker_of[peer.name] = breaker
        return breaker

    async def _try(self, peer: Peer, request: OutboundRequest | Prepare) -> OutboundResponse:
        sent = request if isinstance(request, OutboundRequest) else await request()
        return _checked(peer, await self.once(peer, sent))

    async def _retry(
        self, peer: Peer, request: OutboundRequest | Prepare, failure: UpstreamProblem
    ) -> OutboundResponse:
        """Wait and try again, after a first try that ended with `failure`."""
        tries = self._retry_context(
            on=_may_help,
            attempts=peer.limits.retries + 1,
            timeout=None,
            wait_initial=WAIT_S,
            wait_max=LONGEST_WAIT_S,
            wait_jitter=WAIT_S,
        )
        async for attempt in tries:
            with attempt:
                if attempt.num == 1:
                    raise failure
                return await self._try(peer, request)
        raise AssertionError("unreachable: the last try raises or returns")

    async def once(self, peer: Peer, request: OutboundRequest) -> OutboundResponse:
        """One try, and whatever the peer answers. Raises `UpstreamProblem` where it does not, or not in time."""
        try:
            return await self._transport.exchange(request, peer.limits.timeout_s)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise UpstreamTimeout(f"{peer.name} did not answer within {peer.limits.timeout_s:g} s") from error
        except ResponseTooLarge as error:
            raise broken(peer, str(error)) from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise broken(peer, f"can't be asked: {str(error) or type(error).__name__}") from error


def _checked(peer: Peer, response: OutboundResponse) -> OutboundResponse:
    if 200 <= response.status < 300:
        return response
    status, code = THEIR_ANSWERS.get(response.status, BROKEN)
    raise UpstreamProblem(
        f"{peer.name} answers with status {response.status}", status=status, type=peer.type, code=code
    )


def broken(peer: Peer, what: str) -> UpstreamProblem:
    status, code = BROKEN
    return UpstreamProblem(f"{peer.name} {what}", status=status, type=peer.type, code=code)


def _their_answer(error: BaseException) -> bool:
    """Tell whether the error is about the question, not about the peer."""
    return isinstance(error, UpstreamProblem) and not _may_help(error)


def _may_help(error: Exception) -> bool:
    return isinstance(error, UpstreamProblem) and (error.status >= 500 or error.status == 429)
