"""Spans of sampled requests."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gateway.telemetry.otlp import otlp_spans

NOTHING = nullcontext()
_TRACEPARENT = re.compile("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-(?P<flags>[0-9a-f]{2})")
sampled: ContextVar[bool] = ContextVar("sampled", default=False)


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
    return Tracing(otlp_spans(), float(environ.get("OTEL_TRACES_SAMPLER_ARG") or 0.0))
