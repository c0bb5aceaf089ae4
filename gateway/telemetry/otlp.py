"""Numbers, and spans of sampled requests, for a collector, by OTLP, whose exporter is an extra."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from importlib import import_module
from typing import Any

from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gateway.telemetry.families import Family, Numbers, buckets

NOTHING = nullcontext()
_TRACEPARENT = re.compile("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-(?P<flags>[0-9a-f]{2})")
sampled: ContextVar[bool] = ContextVar("sampled", default=False)


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


def _exporters(signal: str) -> Any:
    try:
        return import_module(f"opentelemetry.exporter.otlp.proto.http.{signal}_exporter")
    except ImportError as error:
        message = "OTEL_EXPORTER_OTLP_ENDPOINT is set, but the exporter is not there: pip install 'recgate[otlp]'"
        raise MissingExporter(message) from error


class Tracing:
    """Decides before a span is built: the caller's W3C `traceparent` first, then the ratio."""

    def __init__(
        self, processor: SpanProcessor, ratio: float = 0.0, chance: Callable[[], float] = random.random
    ) -> None:
        self._provider = TracerProvider(resource=Resource.create({"service.name": "recgate"}))
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("recgate")
        self._ratio, self._chance = ratio, chance

    def draws(self) -> bool:
        """Draws whether to trace a request whose caller does not say."""
        return self._chance() < self._ratio

    def request(self, name: str, headers: Mapping[str, str], drawn: bool = False) -> AbstractContextManager[Any]:
        parent = _TRACEPARENT.match(headers.get("traceparent", ""))
        sampled = parent["flags"][1] in "13579bdf" if parent else drawn or self.draws()
        return self._request_span(name, headers) if sampled else NOTHING

    def span(self, name: str) -> AbstractContextManager[Any]:
        return self._tracer.start_as_current_span(name)

    def close(self) -> None:
        self._provider.shutdown()

    @contextmanager
    def _request_span(self, name: str, headers: Mapping[str, str]) -> Iterator[None]:
        token = sampled.set(True)
        try:
            with self._tracer.start_as_current_span(name, TraceContextTextMapPropagator().extract(headers)):
                yield
        finally:
            sampled.reset(token)


def tracing_of(environ: Mapping[str, str]) -> Tracing | None:
    if not environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return None
    return Tracing(
        BatchSpanProcessor(_exporters("trace").OTLPSpanExporter()), float(environ.get("OTEL_TRACES_SAMPLER_ARG") or 0.0)
    )
