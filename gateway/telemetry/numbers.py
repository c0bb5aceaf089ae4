"""One worker's numbers. A request costs a few additions to plain integers."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from gateway.telemetry.families import FAMILIES, Histogram, Labels, Numbers, Rows
from gateway.telemetry.spans import NOTHING, RequestSpan, SpanType, sampled

if TYPE_CHECKING:
    from gateway.telemetry.otlp import NumbersSender
    from gateway.telemetry.tracing import Tracing


class Telemetry:
    """One worker's numbers, counted on the event loop."""

    def __init__(self, tracing: Tracing | None = None) -> None:
        self._tracing = tracing
        self._sender: NumbersSender | None = None
        self._counts: dict[str, defaultdict[Labels, int]] = {name: defaultdict(int) for name in _names("counter")}
        self._times: dict[str, defaultdict[Labels, Histogram]] = {
            name: defaultdict(Histogram) for name in _names("histogram")
        }
        self._watched: dict[str, Callable[[], Rows]] = {}

    # ---- counting

    def request(self, route: str, status: int, seconds: float, count: int = 1) -> None:
        """Count `count` requests that took `seconds` each."""
        self._counts["recgate_requests"][route, str(status)] += count
        self._times["recgate_request_seconds"][(route,)].add(seconds, count)

    def aws_request(self, operation: str, resource: str, status: int, seconds: float, count: int = 1) -> None:
        """Count `count` calls of the wire, which are requests, too, whose route is the operation."""
        self.request(operation, status, seconds, count)
        self._counts["recgate_aws_requests"][operation, resource, str(status)] += count
        self._times["recgate_aws_request_seconds"][operation, resource].add(seconds, count)

    def lookup(self, namespace: str, recommender: str, outcome: str, count: int = 1) -> None:
        self._counts["recgate_cache_lookups"][namespace, recommender, outcome] += count

    @contextmanager
    def upstream(self, name: str) -> Iterator[None]:
        """Time and count one call of an upstream, in a span of its own where the request is sampled."""
        began, failed = time.perf_counter(), True
        try:
            with self.span("upstream", "INTERNAL" if name == "engine" else "CLIENT", upstream=name):
                yield
            failed = False
        finally:
            self.called(name, time.perf_counter() - began, failed=failed)

    def called(self, upstream: str, seconds: float, *, failed: bool) -> None:
        self._times["recgate_upstream_seconds"][(upstream,)].add(seconds)
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

    def exposures_lost(self, namespace: str, count: int) -> None:
        self._counts["recgate_exposures_lost"][(namespace,)] += count

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

    def trace(
        self, route: str, method: str, headers: Mapping[str, str], drawn: bool = False
    ) -> AbstractContextManager[RequestSpan | None]:
        """The span of a whole request, if it is sampled: by its caller, by having been `drawn` before, or now."""
        return NOTHING if self._tracing is None else self._tracing.request(route, method, headers, drawn)

    def span(self, name: str, kind: SpanType = "INTERNAL", **attributes: str) -> AbstractContextManager[Any]:
        """A span inside a sampled request, and nothing anywhere else."""
        if self._tracing is None or not sampled.get():
            return NOTHING
        return self._tracing.span(name, kind, attributes)

    @property
    def draws(self) -> Callable[[], bool] | None:
        """Decides for a request whose caller does not say; None: nothing is traced."""
        return None if self._tracing is None else self._tracing.draws

    # ---- OTLP

    def export(self, sender: NumbersSender) -> None:
        """Send every family to a collector, again and again, and at the end."""
        self._sender = sender
        self._sender.start()

    def close(self) -> None:
        if self._sender is not None:
            self._sender.close()
        if self._tracing is not None:
            self._tracing.close()


def _names(kind: str) -> list[str]:
    return [name for name, family in FAMILIES.items() if family.kind == kind]


def _counted(counts: Mapping[Labels, int]) -> Rows:
    # listed first, in one step: the event loop goes on counting while another thread exports
    return [(labels, [count]) for labels, count in list(counts.items())]


def _timed(histograms: Mapping[Labels, Histogram]) -> Rows:
    return [(labels, histogram.values()) for labels, histogram in list(histograms.items())]


def telemetry_of(environ: Mapping[str, str], tracing: Tracing | None = None, process: str = "") -> Telemetry:
    """The telemetry of a process that the environment asks for. Raises `MissingExporter`."""
    if not environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return Telemetry(tracing)
    from gateway.telemetry.otlp import NumbersSender, every_s, metric_exporter, resource_of
    from gateway.telemetry.tracing import tracing_of

    resource = resource_of(environ, process)
    telemetry = Telemetry(tracing or tracing_of(environ, resource))
    telemetry.export(NumbersSender(telemetry.numbers, metric_exporter(), resource, every_s(environ)))
    return telemetry
