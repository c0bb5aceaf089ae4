"""The configuration document as structs: schema, validator and documentation in one (specification §2.2, §10).

A kind of origin, event target or source of metadata has its struct in its own file: `gateway/upstreams`,
`gateway/targets` and `gateway/metadata`.
"""

from __future__ import annotations

from gateway.config.document.access import (
    AccessKey,
    AdminKey,
    AnyAuth,
    ApiKey,
    ApiKeyAuth,
    Aws,
    CorsPart,
    NoAuth,
    OidcAuth,
)
from gateway.config.document.experiments import (
    AnyExperiment,
    BanditExperiment,
    EvidentlyMetric,
    InterleavingExperiment,
    Metric,
    RampStep,
)
from gateway.config.document.root import AnyPostProcessor, GeoIp, Namespace, PostProcessorPart, Recommender, Root
from gateway.document.context import AutoField, Filter, Mapping, Promotion, RulePart
from gateway.document.remote import EngineOrigin
from gateway.document.values import Part, Value
from gateway.metadata import AnyMetadata
from gateway.targets import AnyEventTarget
from gateway.upstreams import AnyVariation
from gateway.upstreams.level import CacheControl, CachePolicy, Level

__all__ = [
    "AccessKey",
    "AdminKey",
    "AnyAuth",
    "AnyEventTarget",
    "AnyExperiment",
    "AnyMetadata",
    "AnyPostProcessor",
    "AnyVariation",
    "ApiKey",
    "ApiKeyAuth",
    "AutoField",
    "Aws",
    "BanditExperiment",
    "CacheControl",
    "CachePolicy",
    "CorsPart",
    "EngineOrigin",
    "EvidentlyMetric",
    "Filter",
    "GeoIp",
    "InterleavingExperiment",
    "Level",
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
    "Root",
    "RulePart",
    "Value",
]
