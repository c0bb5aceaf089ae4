"""A SageMaker endpoint that takes the payload of functions and answers in JSON (specification §2.6)."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from gateway.ask import Answer, Ask
from gateway.outbound import Peer, Sent
from gateway.plan.plan import Plan, SageMaker, Variation
from gateway.upstreams.answers import answer_of
from gateway.upstreams.base import Elsewhere, Means, UpstreamType
from gateway.upstreams.payload import payload_of

SERVICE = "sagemaker"


class SageMakerUpstream(Elsewhere):
    def __init__(self, means: Means) -> None:
        self._outbound, self._signer = means.outbound, means.signer

    async def answer(self, ask: Ask, plan: Plan, variation: Variation) -> Answer:
        origin = variation.origin
        assert isinstance(origin, SageMaker)
        base = self._signer.endpoint(SERVICE, origin.region, origin.endpoint_url)
        url = f"{base}/endpoints/{quote(origin.endpoint_name, safe='')}/invocations"
        body = msgspec.json.encode(payload_of(ask, plan, variation))
        peer = Peer(f"the endpoint {origin.endpoint_name}", "SageMaker", origin.limits)

        async def prepare() -> Sent:
            headers = {"content-type": "application/json", "accept": "application/json"}
            return await self._signer.signed(peer, Sent("POST", url, headers, body), SERVICE, origin.region)

        return answer_of(peer, (await self._outbound.ask(peer, prepare)).body)


UPSTREAM = UpstreamType("sagemaker", SageMakerUpstream)
