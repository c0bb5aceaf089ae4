"""SageMaker endpoints that take the payload of functions and answer in JSON (specification §2.6)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

import msgspec

from gateway.ask import Answer, Ask
from gateway.document.remote import Enclosing, limits
from gateway.document.report import Report, checks
from gateway.document.values import Region, Url
from gateway.outbound import OutboundRequest, Peer
from gateway.plan.plan import Limits, Plan, Variation
from gateway.upstreams.answers import answer_of
from gateway.upstreams.base import Answerer, Elsewhere, UpstreamType
from gateway.upstreams.level import RemoteVariation
from gateway.upstreams.payload import payload_of

SERVICE = "sagemaker"


class SageMakerVariation(RemoteVariation, frozen=True, tag="sagemaker"):
    """A SageMaker endpoint that takes the payload of functions."""

    endpoint_name: str = ""
    region: Region | None = None
    endpoint_url: Url | None = None


@checks
def check_sagemaker(part: SageMakerVariation, place: str, report: Report) -> None:
    if not part.endpoint_name:
        report.warn(place, "names no 'endpointName' yet: it answers 404 EndpointNameNotConfigured")


@dataclass(frozen=True)
class SageMaker:
    endpoint_name: str
    region: str
    endpoint_url: str | None
    limits: Limits


def answerer(part: SageMakerVariation, enclosing: Enclosing) -> Answerer:
    asking = limits(part.timeout, part.retries, part.circuit_breaker)
    origin = SageMaker(part.endpoint_name, part.region or enclosing.region, part.endpoint_url, asking)
    return Answerer("sagemaker", part.endpoint_name, origin)


class SageMakerUpstream(Elsewhere):
    async def answer(self, ask: Ask, plan: Plan, variation: Variation) -> Answer:
        origin: SageMaker = variation.origin
        base = self._signer.endpoint(SERVICE, origin.region, origin.endpoint_url)
        url = f"{base}/endpoints/{quote(origin.endpoint_name, safe='')}/invocations"
        body = msgspec.json.encode(payload_of(ask, plan, variation))
        peer = Peer(f"the endpoint {origin.endpoint_name}", "SageMaker", origin.limits)
        headers = {"content-type": "application/json", "accept": "application/json"}
        request = OutboundRequest("POST", url, headers, body)
        prepare = partial(self._signer.signed, peer, request, SERVICE, origin.region)
        return answer_of(peer, (await self._outbound.ask(peer, prepare)).body)


UPSTREAM = UpstreamType("sagemaker", (SageMakerVariation,), answerer, SageMakerUpstream, place=4)
