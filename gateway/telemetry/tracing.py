"""Spans of sampled requests, for a collector."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gateway.telemetry.otlp import exporters, resource_of
from gateway.telemetry.spans import NOTHING, RequestSpan, SpanType, sampled

_TRACEPARENT = re.compile("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-(?P<flags>[0-9a-f]{2})")


class Tracing:
    """Decides before a span is built: the caller's W3C `traceparent` first, then the ratio."""

    def __init__(
        self,
        processor: SpanProcessor,
        ratio: float = 0.0,
        chance: Callable[[], float] = random.random,
        resource: Resource | None = None,
    ) -> None:
        self._provider = TracerProvider(resource=resource or resource_of({}))
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("recgate")
        self._ratio, self._chance = ratio, chance

    def draws(self) -> bool:
        """Draws whether to trace a request whose caller does not say."""
        return self._chance() < self._ratio

    def request(
        self, route: str, method: str, headers: Mapping[str, str], drawn: bool = False
    ) -> AbstractContextManager[RequestSpan | None]:
        parent = _TRACEPARENT.match(headers.get("traceparent", ""))
        sampled = parent["flags"][1] in "13579bdf" if parent else drawn or self.draws()
        return self._request_span(route, method, headers) if sampled else NOTHING

    def span(self, name: str, kind: SpanType, attributes: Mapping[str, str]) -> AbstractContextManager[Any]:
        return self._tracer.start_as_current_span(name, kind=SpanKind[kind], attributes=attributes)

    def close(self) -> None:
        self._provider.shutdown()

    @contextmanager
    def _request_span(self, route: str, method: str, headers: Mapping[str, str]) -> Iterator[RequestSpan]:
        token = sampled.set(True)
        parent = TraceContextTextMapPropagator().extract(headers)
        attributes = {"http.request.method": method, "http.route": route}
        try:
            with self._tracer.start_as_current_span(
                f"{method} {route}", parent, kind=SpanKind.SERVER, attributes=attributes
            ) as span:
                yield RequestSpan(span)
        finally:
            sampled.reset(token)


def tracing_of(environ: Mapping[str, str], resource: Resource) -> Tracing:
    """Raises `MissingExporter`."""
    ratio = float(environ.get("OTEL_TRACES_SAMPLER_ARG") or 0.0)
    return Tracing(BatchSpanProcessor(exporters("trace").OTLPSpanExporter()), ratio, resource=resource)
