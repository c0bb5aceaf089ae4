"""Numbers for a collector, by OTLP, whose exporter is an extra.

They are counted elsewhere, so no instrument of the SDK counts them again: its data points are made when they are sent,
histograms among them with their sums.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExporter,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from gateway.telemetry.families import EDGES, FAMILIES, Family, Numbers, Rows
from gateway.telemetry.spans import MissingExporter

log = logging.getLogger(__name__)

EVERY_S = 60.0
CUMULATIVE = AggregationTemporality.CUMULATIVE
NOT_COUNTED: Any = None  # a histogram's least and greatest value


class NumbersSender:
    """Sends a process's numbers to a collector, in a thread of its own."""

    def __init__(
        self, numbers: Callable[[], Numbers], exporter: MetricExporter, resource: Resource, every_s: float = EVERY_S
    ) -> None:
        self._numbers, self._exporter, self._resource, self._every_s = numbers, exporter, resource, every_s
        self._began = time.time_ns()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send_on, name="otlp", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Send the last numbers and end."""
        self._stop.set()
        self._thread.join()
        self._send()
        self._exporter.shutdown()

    def _send_on(self) -> None:
        while not self._stop.wait(self._every_s):
            self._send()

    def _send(self) -> None:
        try:
            self._exporter.export(metrics_data(self._numbers(), self._resource, self._began, time.time_ns()))
        except Exception as error:  # the exporter logs what its collector refuses; the next numbers have these in them
            log.warning("numbers can't be sent by OTLP: %s", error)


def metrics_data(numbers: Numbers, resource: Resource, began_ns: int, now_ns: int) -> MetricsData:
    """All families that have numbers, as OTLP has them."""
    metrics = [
        Metric(name, family.help, "s" if name.endswith("_seconds") else "", _points(family, rows, (began_ns, now_ns)))
        for name, family in FAMILIES.items()
        if (rows := numbers.get(name))
    ]
    return MetricsData([ResourceMetrics(resource, [ScopeMetrics(InstrumentationScope("recgate"), metrics, "")], "")])


def _points(family: Family, rows: Rows, times: tuple[int, int]) -> Sum | Gauge | Histogram:
    named = [(dict(zip(family.labels, labels, strict=True)), values) for labels, values in rows]
    if family.kind == "histogram":
        return Histogram([_histogram(labels, values, times) for labels, values in named], CUMULATIVE)
    points = [NumberDataPoint(labels, *times, values[0]) for labels, values in named]
    return Gauge(points) if family.kind in ("sum", "max") else Sum(points, CUMULATIVE, is_monotonic=True)


def _histogram(labels: Mapping[str, str], values: list[float], times: tuple[int, int]) -> HistogramDataPoint:
    counts = [int(count) for count in values[:-1]]
    return HistogramDataPoint(labels, *times, sum(counts), values[-1], counts, EDGES, NOT_COUNTED, NOT_COUNTED)


def resource_of(environ: Mapping[str, str], process: str = "") -> Resource:
    """The process for a collector: OTEL_SERVICE_NAME or `recgate`, with the attributes of OTEL_RESOURCE_ATTRIBUTES.
    Each of a server's processes counts for itself, so each is an instance."""
    named = OTELResourceDetector().detect().attributes
    instance = f"{process or 'recgate'}-{os.uname().nodename}-{os.getpid()}"
    own = {SERVICE_NAME: environ.get("OTEL_SERVICE_NAME") or "recgate", SERVICE_INSTANCE_ID: instance}
    return Resource.create({**own, **named})


def every_s(environ: Mapping[str, str]) -> float:
    """Seconds between two sendings, as OTEL_METRIC_EXPORT_INTERVAL has them in milliseconds."""
    text = environ.get("OTEL_METRIC_EXPORT_INTERVAL", "")
    return float(text) / 1000 if text.isdecimal() and int(text) else EVERY_S


def metric_exporter() -> MetricExporter:
    """Raises `MissingExporter`."""
    exporter: MetricExporter = exporters("metric").OTLPMetricExporter()
    return exporter


def exporters(signal: str) -> Any:
    """The exporters of metrics or of traces. Raises `MissingExporter`."""
    try:
        return import_module(f"opentelemetry.exporter.otlp.proto.http.{signal}_exporter")
    except ImportError as error:
        message = "OTEL_EXPORTER_OTLP_ENDPOINT is set, but the exporter is not there: pip install 'recgate[otlp]'"
        raise MissingExporter(message) from error
