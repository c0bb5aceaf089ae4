"""What every level may say, who answers, and what goes over an answer."""

from __future__ import annotations

from typing import Literal

from gateway.config.document.caching import CacheControl
from gateway.config.document.context import AutoContext, Filter, Promotion
from gateway.config.document.metadata import AnyMetadata, Hide
from gateway.config.document.values import (
    AtLeastOne,
    CircuitBreaker,
    Duration,
    HeaderText,
    Part,
    Region,
    Retries,
    Seconds,
    Text,
    Url,
    Weight,
)
from gateway.context.rules import HeaderName


class Level(Part, frozen=True):
    """What every level may say; a level that says nothing inherits from the one above."""

    auto_context: AutoContext | None = None
    cache_control: CacheControl | None = None
    filters: tuple[Filter, ...] | None = None
    promotions: tuple[Promotion, ...] | None = None
    inference_item_metadata: AnyMetadata | None = None
    hide: tuple[Hide, ...] | None = None
    hide_seen: Seconds | None = None


class VariationPart(Level, frozen=True, tag_field="type"):
    weight: Weight | None = None
    filter: Filter | None = None


class EngineVariation(VariationPart, frozen=True, tag="engine"):
    """A model of the built-in engine, by its campaign's name."""

    model: str = ""

    @property
    def model_name(self) -> str:
        return self.model


class ArnVariation(VariationPart, frozen=True):
    arn: str = ""

    @property
    def model_name(self) -> str:
        return self.arn.rpartition("/")[2]


class CampaignVariation(ArnVariation, frozen=True, tag="personalize-campaign"):
    """A campaign by ARN: the engine's model of that name."""


class RecommenderVariation(ArnVariation, frozen=True, tag="personalize-recommender"):
    """A recommender by ARN: the engine's model of that name."""


class RemoteVariation(VariationPart, frozen=True):
    """Answered elsewhere: seconds for one try, how often again where that may help, and when not to ask at all."""

    timeout: Duration = 2
    retries: Retries = 1
    circuit_breaker: CircuitBreaker = CircuitBreaker()


class FunctionVariation(RemoteVariation, frozen=True, tag="function"):
    """An AWS Lambda function, by ARN or name."""

    arn: str = ""
    region: Region | None = None
    endpoint_url: Url | None = None


class LambdaVariation(FunctionVariation, frozen=True, tag="lambda"):
    """The old spelling of `function`."""


class SageMakerVariation(RemoteVariation, frozen=True, tag="sagemaker"):
    """A SageMaker endpoint that takes the payload of functions."""

    endpoint_name: str = ""
    region: Region | None = None
    endpoint_url: Url | None = None


class HttpVariation(RemoteVariation, frozen=True, tag="http", kw_only=True):
    """Any recommender over HTTP. In the URL after its host, and in headers, may stand `{userId}`, `{itemId}`,
    `{itemIds}`, `{numResults}`, `{namespace}`, `{recommender}`, `{action}`, `{filter}`, `{context.NAME}`,
    `{filterValues.NAME}`, and any other name, which is a query parameter of the request; each value is percent-encoded.
    POST sends the payload of functions. `items` is a JMESPath expression for the list of items."""

    url: Url
    method: Literal["GET", "POST"] = "GET"
    headers: dict[HeaderName, HeaderText] = {}
    items: Text | None = None


AnyVariation = (
    EngineVariation
    | CampaignVariation
    | RecommenderVariation
    | FunctionVariation
    | LambdaVariation
    | SageMakerVariation
    | HttpVariation
)


class PostProcessorPart(Part, frozen=True, tag_field="type"):
    """A function that gets the decorated answer, and replies with the one to give."""

    timeout: Duration = 2
    retries: Retries = 1
    circuit_breaker: CircuitBreaker = CircuitBreaker()
    arn: str = ""
    region: Region | None = None
    endpoint_url: Url | None = None
    look_ahead_multiplier: AtLeastOne = 1
    look_ahead_maximum_value: AtLeastOne | None = None


class LambdaPostProcessor(PostProcessorPart, frozen=True, tag="lambda"):
    """An AWS Lambda function, by ARN or name."""


class FunctionPostProcessor(PostProcessorPart, frozen=True, tag="function"):
    """An AWS Lambda function, by ARN or name."""


AnyPostProcessor = LambdaPostProcessor | FunctionPostProcessor
