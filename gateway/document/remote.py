"""Origins outside: how they are asked, which ARNs of Amazon Personalize there are, and who answers for them."""

from __future__ import annotations

import re
from typing import NamedTuple

from gateway.document.values import Count, Duration, Part, Region, Retries, Url
from gateway.plan.plan import Limits

ARN = r"arn:[a-z0-9-]+:personalize:[a-z0-9-]+:[0-9]{12}:"
FILTER_ARN = re.compile(ARN + r"filter/[A-Za-z0-9_-]+")
MODEL_ARN = re.compile(ARN + r"(campaign|recommender)/[A-Za-z0-9_-]+")


class CircuitBreaker(Part, frozen=True):
    """After so many failures in a row an origin is not asked for so many seconds."""

    failures: Count = 5
    open: Duration = 30


def limits(timeout: float, retries: int, breaker: CircuitBreaker) -> Limits:
    return Limits(timeout, retries, breaker.failures, breaker.open)


class OriginPart(Part, frozen=True, tag_field="type"):
    """The origin that answers for ARNs of Amazon Personalize."""


class EngineOrigin(OriginPart, frozen=True, tag="engine"):
    """An ARN means the built-in engine's model of that name."""


class AwsOrigin(OriginPart, frozen=True, tag="aws"):
    """An ARN means Amazon Personalize itself, with the credentials of AWS's usual environment variables."""

    timeout: Duration = 2
    retries: Retries = 1
    circuit_breaker: CircuitBreaker = CircuitBreaker()
    region: Region | None = None
    endpoint_url: Url | None = None


class Origins(Part, frozen=True):
    """Who the ARNs of the document mean."""

    personalize: EngineOrigin | AwsOrigin = EngineOrigin()


class Enclosing(NamedTuple):
    """The document around a kind's part. `model` is the variation's, where the engine answers it."""

    namespace: str = ""
    region: str = "us-east-1"
    personalize: EngineOrigin | AwsOrigin = EngineOrigin()
    model: str = ""


def no_arn(text: str, whose: str, wanted: str, kind: str) -> str:
    """The built-in engine needs the name alone, so such an ARN loads; whether there is such a name is seen later."""
    meant = f"it is taken for the engine's {kind} {text.rpartition('/')[2]!r}"
    return f"{text!r} is no {whose} ARN, arn:aws:personalize:REGION:ACCOUNT:{wanted}: {meant}"
