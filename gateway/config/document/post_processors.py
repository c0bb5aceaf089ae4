"""Functions that may change an answer on its way out."""

from __future__ import annotations

from gateway.document.remote import CircuitBreaker
from gateway.document.values import AtLeastOne, Duration, Part, Region, Retries, Url


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
