"""The configuration document as structs: schema, validator and documentation in one (specification §2.2, §10).

To add a variation, metadata source or event target: one struct under its base class, its `type` as the tag.
"""

from __future__ import annotations

from gateway.config.document.access import (
    AccessKey,
    Admin,
    AnyAuth,
    ApiKey,
    ApiKeyAuth,
    Aws,
    CorsPart,
    NoAuth,
    OidcAuth,
)
from gateway.config.document.caching import CacheControl, CachePolicy
from gateway.config.document.context import AutoField, Filter, Mapping, Promotion, RulePart
from gateway.config.document.experiments import (
    AnyExperiment,
    BanditExperiment,
    EvidentlyMetric,
    InterleavingExperiment,
    Metric,
    RampStep,
)
from gateway.config.document.metadata import AnyMetadata, DynamoDbMetadata, EngineMetadata, Hide, LocalDbMetadata
from gateway.config.document.root import AwsOrigin, EngineOrigin, GeoIp, Namespace, Recommender, Root
from gateway.config.document.targets import (
    AnyEventTarget,
    EventTracker,
    HttpTarget,
    Kafka,
    KinesisFirehose,
    KinesisStream,
    RedisStream,
    StreamPart,
)
from gateway.config.document.values import Part, Value
from gateway.config.document.variations import (
    AnyPostProcessor,
    AnyVariation,
    ArnVariation,
    CampaignVariation,
    EngineVariation,
    FunctionVariation,
    HttpVariation,
    LambdaVariation,
    Level,
    PostProcessorPart,
    RecommenderVariation,
    RemoteVariation,
    SageMakerVariation,
    VariationPart,
)

__all__ = [
    "AccessKey",
    "Admin",
    "AnyAuth",
    "AnyEventTarget",
    "AnyExperiment",
    "AnyMetadata",
    "AnyPostProcessor",
    "AnyVariation",
    "ApiKey",
    "ApiKeyAuth",
    "ArnVariation",
    "AutoField",
    "Aws",
    "AwsOrigin",
    "BanditExperiment",
    "CacheControl",
    "CachePolicy",
    "CampaignVariation",
    "CorsPart",
    "DynamoDbMetadata",
    "EngineMetadata",
    "EngineOrigin",
    "EngineVariation",
    "EventTracker",
    "EvidentlyMetric",
    "Filter",
    "FunctionVariation",
    "GeoIp",
    "Hide",
    "HttpTarget",
    "HttpVariation",
    "InterleavingExperiment",
    "Kafka",
    "KinesisFirehose",
    "KinesisStream",
    "LambdaVariation",
    "Level",
    "LocalDbMetadata",
    "Mapping",
    "Metric",
    "Namespace",
    "NoAuth",
    "OidcAuth",
    "Part",
    "PostProcessorPart",
    "Promotion",
    "RampStep",
    "Recommender",
    "RecommenderVariation",
    "RedisStream",
    "RemoteVariation",
    "Root",
    "RulePart",
    "SageMakerVariation",
    "StreamPart",
    "Value",
    "VariationPart",
]
