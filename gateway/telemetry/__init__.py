"""The only home of OpenTelemetry and Prometheus.

What is counted leaves the process three ways, none of them on the hot path: the Prometheus page, which adds up all
workers of the machine; OTLP, by observable instruments; and spans, for sampled requests only.
"""

from gateway.telemetry.families import FAMILIES, Rows
from gateway.telemetry.numbers import Telemetry, telemetry_of
from gateway.telemetry.otlp import MissingExporter, Tracing
from gateway.telemetry.prometheus import MetricsPage, forget_numbers

__all__ = [
    "FAMILIES",
    "MetricsPage",
    "MissingExporter",
    "Rows",
    "Telemetry",
    "Tracing",
    "forget_numbers",
    "telemetry_of",
]
