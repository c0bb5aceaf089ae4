"""The only home of OpenTelemetry and Prometheus.

What is counted leaves the process three ways, none of them on the hot path: the Prometheus page, which adds up all
workers of the machine; OTLP, a process at a time; and spans, for sampled requests only.
"""

from gateway.telemetry.families import EDGES, FAMILIES, Labels, Rows
from gateway.telemetry.numbers import Telemetry, telemetry_of
from gateway.telemetry.prometheus import MetricsPage, ProcessNumbers, Totals, forget_numbers, merged, numbers_in
from gateway.telemetry.spans import MissingExporter, RequestSpan

__all__ = [
    "EDGES",
    "FAMILIES",
    "Labels",
    "MetricsPage",
    "MissingExporter",
    "ProcessNumbers",
    "RequestSpan",
    "Rows",
    "Telemetry",
    "Totals",
    "forget_numbers",
    "merged",
    "numbers_in",
    "telemetry_of",
]
