"""AWS Lambda functions as origins (specification §2.6); `lambda` is the old spelling."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gateway.ask import Answer, Ask
from gateway.document.remote import Enclosing, limits
from gateway.document.report import Report, checks, inside
from gateway.document.values import Region, Url
from gateway.outbound.functions import invoked
from gateway.plan.plan import Function, Plan, Variation
from gateway.upstreams.answers import answer_of
from gateway.upstreams.base import Answerer, Elsewhere, UpstreamType
from gateway.upstreams.level import RemoteVariation
from gateway.upstreams.payload import payload_of

if TYPE_CHECKING:
    from gateway.config.document import PostProcessorPart

FUNCTION = re.compile(
    r"arn:[a-z0-9-]+:lambda:[a-z0-9-]+:[0-9]{12}:function[:/][A-Za-z0-9_-]+(:[A-Za-z0-9$_-]+)?|[\w-]+"
)


class FunctionVariation(RemoteVariation, frozen=True, tag="function"):
    """An AWS Lambda function, by ARN or name."""

    arn: str = ""
    region: Region | None = None
    endpoint_url: Url | None = None


class LambdaVariation(FunctionVariation, frozen=True, tag="lambda"):
    """The old spelling of `function`."""


@checks
def check_function(part: FunctionVariation, place: str, report: Report) -> None:
    if isinstance(part, LambdaVariation):
        report.warn(inside(place, "type"), "old spelling 'lambda': write 'function'")
    if not part.arn:
        report.warn(place, "names no 'arn' yet: it answers 404 FunctionArnNotConfigured")
    check_function_arn(part.arn, place, report)


def check_function_arn(arn: str, place: str, report: Report) -> None:
    if ":function/" in arn:
        report.warn(inside(place, "arn"), "old spelling 'function/NAME': write 'function:NAME'")
    if arn and not FUNCTION.fullmatch(arn):
        report.refuse(inside(place, "arn"), f"{arn!r} is no function: arn:aws:lambda:REGION:ACCOUNT:function:NAME")


def function(part: FunctionVariation | PostProcessorPart, region: str) -> Function:
    """The function of a part; `region` is the document's."""
    arn = part.arn.replace(":function/", ":function:")  # as upstream's schema spells it
    fields = arn.split(":")
    own = part.region or (fields[3] if len(fields) > 3 else region)
    return Function(arn, own, part.endpoint_url, limits(part.timeout, part.retries, part.circuit_breaker))


def answerer(part: FunctionVariation, enclosing: Enclosing) -> Answerer:
    origin = function(part, enclosing.region)
    return Answerer("function", origin.arn, origin)


class FunctionUpstream(Elsewhere):
    async def answer(self, ask: Ask, plan: Plan, variation: Variation) -> Answer:
        origin: Function = variation.origin
        peer, body = await invoked(self._outbound, self._signer, origin, payload_of(ask, plan, variation))
        return answer_of(peer, body)


UPSTREAM = UpstreamType("function", (FunctionVariation, LambdaVariation), answerer, FunctionUpstream, place=3)
