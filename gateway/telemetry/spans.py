"""Spans and exports as code without OpenTelemetry sees them: it is loaded where something is traced or sent."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from opentelemetry.trace import Span

SpanType = Literal["INTERNAL", "CLIENT"]

NOTHING: AbstractContextManager[None] = nullcontext()
sampled: ContextVar[bool] = ContextVar("sampled", default=False)


class MissingExporter(Exception):
    """OTLP is configured and its package is not installed."""


class RequestSpan:
    """The span of a request, which is told how the request was answered."""

    __slots__ = ("_span",)

    def __init__(self, span: Span) -> None:
        self._span = span

    def answer(self, status: int) -> None:
        self._span.set_attribute("http.response.status_code", status)
        if status >= 500:
            from opentelemetry.trace import StatusCode

            self._span.set_status(StatusCode.ERROR)
