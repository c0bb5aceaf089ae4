"""Requests that the gateway itself sends: in time or not at all, tried again where that may help, and not sent while
the peer is known to be broken. Everything that goes wrong is an `UpstreamProblem`."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import httpx
import msgspec

from gateway.errors import UpstreamProblem, UpstreamTimeout
from gateway.outbound.breaker import Breaker
from gateway.outbound.message import OutboundRequest, OutboundResponse, ResponseTooLarge
from gateway.outbound.transport import Transport
from gateway.plan.plan import Limits

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

    def __init__(self, transport: Transport, clock: Callable[[], float] = time.monotonic) -> None:
        import stamina  # a tenth of a start, for processes that ask nobody

        self._transport, self._clock, self._retry_context = transport, clock, stamina.retry_context
        self._breakers: dict[str, Breaker] = {}

    async def ask(self, peer: Peer, request: OutboundRequest | Prepare) -> OutboundResponse:
        """A 2xx answer, whole, to a request that is ready or made anew for each try. Raises `UpstreamProblem`: 504 too
        late, 502 broken, 503 not asked since it is broken, and 400, 404 and 429 where the peer said so itself."""
        breaker = self._breakers.get(peer.name) or self._breakers.setdefault(peer.name, Breaker())
        if not breaker.admits(peer.limits, self._clock()):
            message = f"{peer.name} has failed {peer.limits.failures} times in a row; it is asked again shortly"
            raise UpstreamProblem(message, status=503, type=peer.type, code="CircuitOpen")
        try:
            response = await self._send_with_retries(peer, request)
        except UpstreamProblem as problem:
            if _may_help(problem):
                breaker.fail(peer.limits, self._clock())
            else:  # an answer about the question
                breaker.succeed()
            raise
        breaker.succeed()
        return response

    async def _send_with_retries(self, peer: Peer, request: OutboundRequest | Prepare) -> OutboundResponse:
        try:
            return await self._try(peer, request)
        except UpstreamProblem as problem:
            if not peer.limits.retries or not _may_help(problem):
                raise
            return await self._retry(peer, request, problem)

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


def _may_help(error: Exception) -> bool:
    """Tell whether the error is about the peer, which another try may find well, and not about the question."""
    return isinstance(error, UpstreamProblem) and (error.status >= 500 or error.status == 429)
