"""An AWS Lambda function as an origin (specification §2.6); `lambda` is its old spelling."""

from __future__ import annotations

from gateway.ask import Answer, Ask
from gateway.outbound.functions import invoked
from gateway.plan.plan import Function, Plan, Variation
from gateway.upstreams.answers import answer_of
from gateway.upstreams.base import Elsewhere, Means, UpstreamType
from gateway.upstreams.payload import payload_of


class FunctionUpstream(Elsewhere):
    def __init__(self, means: Means) -> None:
        self._outbound, self._signer = means.outbound, means.signer

    async def answer(self, ask: Ask, plan: Plan, variation: Variation) -> Answer:
        origin = variation.origin
        assert isinstance(origin, Function)
        peer, body = await invoked(self._outbound, self._signer, origin, payload_of(ask, plan, variation))
        return answer_of(peer, body)


UPSTREAM = UpstreamType("function", FunctionUpstream)
