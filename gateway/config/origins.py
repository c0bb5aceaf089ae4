"""Who answers for a variation: its upstream, what names it there, and how it is asked."""

from __future__ import annotations

from typing import NamedTuple

from gateway.config import document
from gateway.plan import plan
from gateway.plan.template import template

OWN = frozenset({"namespace", "recommender", "action", "numResults", "userId", "itemId", "itemIds", "filter"})


class Answerer(NamedTuple):
    upstream: str
    model: str
    origin: plan.Origin | None = None
    parameters: frozenset[str] = frozenset()


def answerer(part: document.AnyVariation, root: document.Root) -> Answerer:
    match part:
        case document.EngineVariation():
            return Answerer("engine", part.model)
        case document.CampaignVariation() | document.RecommenderVariation():
            return personalize(part.arn, root.origins.personalize, root.aws.region)
        case document.FunctionVariation():
            asked = function(part, root.aws.region)
            return Answerer("function", asked.arn, asked)
        case document.SageMakerVariation():
            region = part.region or root.aws.region
            endpoint = plan.SageMaker(part.endpoint_name, region, part.endpoint_url, limits(part))
            return Answerer("sagemaker", part.endpoint_name, endpoint)
        case document.HttpVariation():
            return http(part)


def personalize(arn: str, origin: document.EngineOrigin | document.AwsOrigin, region: str) -> Answerer:
    if isinstance(origin, document.EngineOrigin):
        return Answerer("engine", arn.rpartition("/")[2])
    of = arn.split(":")
    prefix = ":".join(of[:5])
    found = plan.Personalize(
        region=origin.region or (of[3] if len(of) > 3 else region),
        prefix=prefix,
        endpoint_url=origin.endpoint_url,
        limits=limits(origin),
    )
    return Answerer("personalize", arn, found)


def function(part: document.FunctionVariation | document.PostProcessorPart, region: str) -> plan.Function:
    arn = part.arn.replace(":function/", ":function:")  # as upstream's schema spells it
    of = arn.split(":")
    own = of[3] if len(of) > 3 else region
    return plan.Function(arn, part.region or own, part.endpoint_url, limits(part))


def http(part: document.HttpVariation) -> Answerer:
    url = template(part.url)
    headers = tuple((name, template(text)) for name, text in part.headers.items())
    names = {name for each in (url, *(value for _, value in headers)) for name in each.names}
    parameters = frozenset(name for name in names if name not in OWN and "." not in name)
    origin = plan.Http(url, part.method, headers, part.items, limits(part))
    return Answerer("http", part.url.partition("?")[0], origin, parameters)


def post_processor(part: document.AnyPostProcessor | None, region: str) -> plan.PostProcessor | None:
    if part is None:
        return None
    most = None if part.look_ahead_maximum_value is None else int(part.look_ahead_maximum_value)
    return plan.PostProcessor(function(part, region), part.look_ahead_multiplier, most)


def limits(
    part: document.RemoteVariation | document.PostProcessorPart | document.AwsOrigin | document.DynamoDbMetadata,
) -> plan.Limits:
    breaker = part.circuit_breaker
    return plan.Limits(part.timeout, part.retries, breaker.failures, breaker.open)
