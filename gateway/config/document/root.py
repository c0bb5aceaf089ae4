"""The document itself, its namespaces and their recommenders."""

from __future__ import annotations

from typing import Literal

from gateway.ask import Action
from gateway.config.document.access import Admin, AnyAuth, Aws, CorsPart, NoAuth, RateLimitsPart
from gateway.config.document.experiments import AnyExperiment
from gateway.context.viewer import LOOPBACK
from gateway.document.remote import CircuitBreaker, Origins
from gateway.document.values import (
    AtLeastOne,
    Bytes,
    Count,
    Duration,
    Fraction,
    Key,
    Label,
    Line,
    Network,
    Part,
    Region,
    Retries,
    Text,
    Url,
)
from gateway.targets import AnyEventTarget
from gateway.upstreams import AnyVariation
from gateway.upstreams.level import Level


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


class Cohorts(Part, frozen=True):
    """Users in so many cohorts of like taste: `/cohorts` says whose is which, `/cohort-items` has one list for each."""

    count: Literal[16, 64, 256] = 64


class Recommender(Level, frozen=True):
    """One list on a page: the variations that may answer it, the first being the default."""

    name: str = ""
    description: str = ""
    variations: dict[Label, AnyVariation] = {}
    experiments: dict[Label, AnyExperiment] = {}
    response_post_processor: AnyPostProcessor | None = None
    fallback: tuple[Label, ...] = ()
    cohorts: Cohorts | None = None


class Namespace(Level, frozen=True):
    """One application's recommenders, and where its events go; a share `holdout` of its users is in no experiment."""

    name: str = ""
    description: str = ""
    recommenders: dict[Action, dict[Label, Recommender]] = {}
    event_targets: tuple[AnyEventTarget, ...] = ()
    holdout: Fraction = 0  # of the users, who are in no experiment


class CacheSize(Part, frozen=True):
    """How much each worker may keep of answers; counts after a restart."""

    megabytes: Count = 64


class BodiesSize(Part, frozen=True):
    """How much each worker holds of request bodies at once; of what is more, whoever sends most is refused with 503."""

    megabytes: Count = 64


class GeoIp(Part, frozen=True):
    """A GeoIP file in MaxMind's format: it tells an address's country, city and time zone."""

    file: Text


class OutboxPart(Part, frozen=True):
    """The buffer on disk between `POST /events` and its targets: beyond `maxBytes` events are answered with 503."""

    max_bytes: Bytes = 1024 * 1024 * 1024


class Root(Level, frozen=True, kw_only=True):
    """The configuration of recgate."""

    namespaces: dict[Key, Namespace]
    version: Line = ""
    title: str = ""
    description: str = ""
    origins: Origins = Origins()
    aws: Aws = Aws()
    auth: AnyAuth = NoAuth()
    rate_limits: RateLimitsPart = RateLimitsPart()
    cors: CorsPart = CorsPart()
    outbox: OutboxPart = OutboxPart()
    admin: Admin | None = None
    cache: CacheSize = CacheSize()
    bodies: BodiesSize = BodiesSize()
    trusted_proxies: tuple[Network, ...] = LOOPBACK
    geoip: GeoIp | None = None
