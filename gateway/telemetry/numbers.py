"""One worker's numbers. A request costs a few additions to plain integers."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.resources import Resource

from gateway.telemetry.families import FAMILIES, Histogram, Labels, Numbers, Rows
from gateway.telemetry.otlp import NOTHING, Tracing, observer, otlp_reader, sampled, tracing_of


class Telemetry:
    """One worker's numbers, counted on the event loop."""

    def __init__(self, tracing: Tracing | None = None) -> None:
        self._tracing = tracing
        self._provider: MeterProvider | None = None
        self._counts: dict[str, defaultdict[Labels, int]] = {name: defaultdict(int) for name in _names("counter")}
        self._times: dict[str, defaultdict[str, Histogram]] = {
            name: defaultdict(Histogram) for name in _names("histogram")
        }
        self._watched: dict[str, Callable[[], Rows]] = {}

    # ---- counting

    def request(self, route: str, status: int, seconds: float, count: int = 1) -> None:
        """Count `count` requests that took `seconds` each."""
        self._counts["recgate_requests"][route, str(status)] += count
        self._times["recgate_request_seconds"][route].add(seconds, count)

    def lookup(self, namespace: str, recommender: str, outcome: str, count: int = 1) -> None:
        self._counts["recgate_cache_lookups"][namespace, recommender, outcome] += count

    @contextmanager
    def upstream(self, name: str) -> Iterator[None]:
        """Time and count one call of an upstream, in a span of its own where the request is sampled."""
        began, failed = time.perf_counter(), True
        try:
            with self.span("upstream"):
                yield
            failed = False
        finally:
            self.called(name, time.perf_counter() - began, failed=failed)

    def called(self, upstream: str, seconds: float, *, failed: bool) -> None:
        self._times["recgate_upstream_seconds"][upstream].add(seconds)
        if failed:
            self._counts["recgate_upstream_failures"][(upstream,)] += 1

    def events(self, namespace: str, count: int) -> None:
        self._counts["recgate_events"][(namespace,)] += count

    def events_rejected(self, namespace: str, code: str) -> None:
        self._counts["recgate_events_rejected"][namespace, code] += 1

    def intake_records(self, namespace: str, partner: str, kind: str, count: int) -> None:
        self._counts["recgate_intake_records"][namespace, partner, kind] += count

    def intake_dropped(self, namespace: str, partner: str, reason: str, name: str) -> None:
        self._counts["recgate_intake_dropped"][namespace, partner, reason, name] += 1

    def undecorated(self, namespace: str) -> None:
        self._counts["recgate_undecorated"][(namespace,)] += 1

    def history_unknown(self, namespace: str, items: int) -> None:
        self._counts["recgate_history_unknown"][(namespace,)] += items

    def conversion(self, namespace: str, recommender: str, feature: str, metric: str) -> None:
        self._counts["recgate_conversions"][namespace, recommender, feature, metric] += 1

    def watch(self, name: str, read: Callable[[], Rows]) -> None:
        """Read a family's values when they are exported: numbers that another part counts are not counted twice."""
        self._watched[name] = read

    def numbers(self) -> Numbers:
        return {
            **{name: _counted(counts) for name, counts in self._counts.items()},
            **{name: _timed(histograms) for name, histograms in self._times.items()},
            **{name: read() for name, read in self._watched.items()},
        }

    # ---- spans

    def trace(self, name: str, headers: Mapping[str, str], drawn: bool = False) -> AbstractContextManager[Any]:
        """The span of a whole request, if it is sampled: by its caller, by having been `drawn` before, or now."""
        return NOTHING if self._tracing is None else self._tracing.request(name, headers, drawn)

    def span(self, name: str) -> AbstractContextManager[Any]:
        """A span inside a sampled request, and nothing anywhere else."""
        return self._tracing.span(name) if self._tracing is not None and sampled.get() else NOTHING

    @property
    def draws(self) -> Callable[[], bool] | None:
        """Decides for a request whose caller does not say; None: nothing is traced."""
        return None if self._tracing is None else self._tracing.draws

    # ---- OTLP

    def export(self, reader: MetricReader) -> None:
        """Every family as an observable instrument of the reader; a histogram as counters with its edge as `le`."""
        self._provider = MeterProvider(metric_readers=[reader], resource=Resource.create({"service.name": "recgate"}))
        meter = self._provider.get_meter("recgate")
        for name, family in FAMILIES.items():
            observe = observer(self.numbers, name, family)
            if family.kind in ("counter", "histogram"):
                meter.create_observable_counter(name, [observe], description=family.help)
            else:
                meter.create_observable_gauge(name, [observe], description=family.help)

    def close(self) -> None:
        if self._provider is not None:
            self._provider.shutdown()
        if self._tracing is not None:
            self._tracing.close()


def _names(kind: str) -> list[str]:
    return [name for name, family in FAMILIES.items() if family.kind == kind]


def _counted(counts: Mapping[Labels, int]) -> Rows:
    # listed first, in one step: the event loop goes on counting while another thread exports
    return [(labels, [count]) for labels, count in list(counts.items())]


def _timed(histograms: Mapping[str, Histogram]) -> Rows:
    return [((name,), histogram.values()) for name, histogram in list(histograms.items())]


def telemetry_of(environ: Mapping[str, str], tracing: Tracing | None = None) -> Telemetry:
    """The telemetry that the environment asks for. Raises `MissingExporter`."""
    telemetry = Telemetry(tracing or tracing_of(environ))
    if environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        telemetry.export(otlp_reader())
    return telemetry
