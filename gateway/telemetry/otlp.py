"""Numbers and spans for a collector, by OTLP, whose exporter is an extra."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from gateway.telemetry.families import Family, Numbers, buckets


class MissingExporter(Exception):
    """OTLP is configured and its package is not installed."""


def observer(
    numbers: Callable[[], Numbers], name: str, family: Family
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    """A callback that exports a family of the `numbers`; a histogram as counts up to each edge, its label `le`."""

    def observe(_: CallbackOptions) -> Iterable[Observation]:
        for labels, values in numbers().get(name, ()):
            named = dict(zip(family.labels, labels, strict=True))
            if family.kind != "histogram":
                yield Observation(values[0], named)
                continue
            for edge, count in buckets(values[:-1]):
                yield Observation(count, {**named, "le": edge})

    return observe


def otlp_reader() -> MetricReader:
    return PeriodicExportingMetricReader(_exporters("metric").OTLPMetricExporter())


def otlp_spans() -> SpanProcessor:
    return BatchSpanProcessor(_exporters("trace").OTLPSpanExporter())


def _exporters(signal: str) -> Any:
    try:
        return import_module(f"opentelemetry.exporter.otlp.proto.http.{signal}_exporter")
    except ImportError as error:
        message = "OTEL_EXPORTER_OTLP_ENDPOINT is set, but the exporter is not there: pip install 'recgate[otlp]'"
        raise MissingExporter(message) from error
