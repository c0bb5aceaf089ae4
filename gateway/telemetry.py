"""The only home of OpenTelemetry and Prometheus. A request costs a few additions to plain integers.

What is counted leaves the process three ways, none of them on the hot path: the Prometheus page, which adds up all
workers of the machine through small files; OTLP, by observable instruments; and spans, for sampled requests only.
"""

from __future__ import annotations

import logging
import os
import random
import re
import threading
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple

import msgspec
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

log = logging.getLogger(__name__)

Labels = tuple[str, ...]
Rows = list[tuple[Labels, list[float]]]
Numbers = dict[str, Rows]  # by a family's name

EDGES = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LIVE_S = 5.0  # a worker that has not written for so long is dead: its counters stay, its gauges go


class Family(NamedTuple):
    """`sum` and `max` are gauges, and say how the workers' values become one; `shared`: a counter that all read."""

    kind: Literal["counter", "histogram", "sum", "max", "shared"]
    help: str
    labels: Labels = ()


ATTRIBUTED = ("attribution", "metric", "event_type", "source")

FAMILIES = {
    "recgate_requests": Family("counter", "Requests answered.", ("route", "status")),
    "recgate_request_seconds": Family("histogram", "Seconds to answer a request.", ("route",)),
    "recgate_cache_lookups": Family("counter", "Cache lookups by outcome.", ("namespace", "recommender", "outcome")),
    "recgate_upstream_seconds": Family("histogram", "Seconds an upstream took to answer.", ("upstream",)),
    "recgate_upstream_failures": Family("counter", "Upstream calls that failed.", ("upstream",)),
    "recgate_events": Family("counter", "Events accepted and durable.", ("namespace",)),
    "recgate_conversions": Family(
        "counter", "Experiment conversions accepted.", ("namespace", "recommender", "feature", "metric")
    ),
    "recgate_exposures": Family("counter", "Answers that an experiment's arm gave.", ("experiment", "variation")),
    "recgate_experiment_weight": Family("max", "An arm's share of who comes new.", ("experiment", "variation")),
    "recgate_event_lag_seconds": Family("max", "From an event's receipt to answers that see it, of the last one."),
    "recgate_model_age_seconds": Family("max", "Since the answering model was trained.", ("campaign", "model")),
    "recgate_config_faults": Family("max", "What is wrong with the latest configuration; the one before is in use."),
    "recgate_undecorated": Family("counter", "Answers without metadata, since its source failed.", ("namespace",)),
    "recgate_metadata_faults": Family("max", "Whether metadata's files can't be used; the old stays.", ("namespace",)),
    "recgate_metadata_age_seconds": Family("max", "Since metadata was known to be what its files say.", ("namespace",)),
    "recgate_attributed": Family("shared", "Events counted by metric attributions.", ATTRIBUTED),
    "recgate_attributed_value": Family("max", "What metric attributions have added up.", ATTRIBUTED),
    "recgate_answers_refused": Family("counter", "Answers refused: more were asked for than can be made in time."),
    "recgate_answers_running": Family("sum", "Answers that the engine makes."),
    "recgate_answers_waiting": Family("sum", "Answers that wait to be made."),
    "recgate_events_refused": Family("counter", "Bodies of events refused: more came than can be written in time."),
    "recgate_events_running": Family("sum", "Bodies of events that are being taken."),
    "recgate_events_waiting": Family("sum", "Bodies of events that wait to be taken."),
    "recgate_outbox_records": Family("sum", "Records that a target has not got yet.", ("target",)),
    "recgate_outbox_oldest_seconds": Family("max", "Age of the oldest record that a target has not got.", ("target",)),
    "recgate_outbox_delivered": Family("counter", "Messages taken by a target.", ("target",)),
    "recgate_outbox_retried": Family("counter", "Messages that had to be sent again.", ("target",)),
    "recgate_outbox_dead": Family("counter", "Messages that a target refused for good.", ("target",)),
    "recgate_cache_bytes": Family("sum", "Bytes held by cached answers."),
    "recgate_cache_ceiling_bytes": Family("sum", "Bytes that cached answers may hold."),
    "recgate_cache_entries": Family("sum", "Cached answers."),
    "recgate_cache_evictions": Family("counter", "Answers pushed out by the ceiling."),
    "recgate_cache_refused": Family("counter", "Answers too large to keep."),
    "recgate_cache_refresh_failures": Family("counter", "Refreshes behind a stale answer that failed."),
    "recgate_cache_stale_on_error": Family("counter", "Stale answers served because the upstream failed."),
}


class Histogram:
    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(EDGES) + 1)
        self.total = 0.0

    def add(self, seconds: float, count: int = 1) -> None:
        self.counts[bisect_left(EDGES, seconds)] += count
        self.total += seconds * count

    def values(self) -> list[float]:
        return [*self.counts, self.total]


class Telemetry:
    """One worker's numbers, counted on the event loop."""

    def __init__(self, tracing: Tracing | None = None) -> None:
        self._tracing = tracing
        self._provider: MeterProvider | None = None
        self._requests: defaultdict[Labels, int] = defaultdict(int)
        self._seconds: defaultdict[str, Histogram] = defaultdict(Histogram)
        self._lookups: defaultdict[Labels, int] = defaultdict(int)
        self._upstreams: defaultdict[str, Histogram] = defaultdict(Histogram)
        self._failures: defaultdict[Labels, int] = defaultdict(int)
        self._events: defaultdict[Labels, int] = defaultdict(int)
        self._undecorated: defaultdict[Labels, int] = defaultdict(int)
        self._conversions: defaultdict[Labels, int] = defaultdict(int)
        self._watched: dict[str, Callable[[], Rows]] = {}

    # ---- counting

    def request(self, route: str, status: int, seconds: float, count: int = 1) -> None:
        """So many that took as long."""
        self._requests[route, str(status)] += count
        self._seconds[route].add(seconds, count)

    def lookup(self, namespace: str, recommender: str, outcome: str, count: int = 1) -> None:
        self._lookups[namespace, recommender, outcome] += count

    def upstream(self, name: str) -> AbstractContextManager[None]:
        """Around one call of an upstream."""
        return _Call(self, name)

    def called(self, upstream: str, seconds: float, *, failed: bool) -> None:
        self._upstreams[upstream].add(seconds)
        if failed:
            self._failures[(upstream,)] += 1

    def events(self, namespace: str, count: int) -> None:
        self._events[(namespace,)] += count

    def undecorated(self, namespace: str) -> None:
        self._undecorated[(namespace,)] += 1

    def conversion(self, namespace: str, recommender: str, feature: str, metric: str) -> None:
        self._conversions[namespace, recommender, feature, metric] += 1

    def watch(self, name: str, read: Callable[[], Rows]) -> None:
        """`read` gives a family's values when they are exported: what others count is not counted twice."""
        self._watched[name] = read

    def numbers(self) -> Numbers:
        return {
            "recgate_requests": _counted(self._requests),
            "recgate_request_seconds": _timed(self._seconds),
            "recgate_cache_lookups": _counted(self._lookups),
            "recgate_upstream_seconds": _timed(self._upstreams),
            "recgate_upstream_failures": _counted(self._failures),
            "recgate_events": _counted(self._events),
            "recgate_undecorated": _counted(self._undecorated),
            "recgate_conversions": _counted(self._conversions),
            **{name: read() for name, read in self._watched.items()},
        }

    # ---- spans

    def trace(self, name: str, headers: Mapping[str, str], drawn: bool = False) -> AbstractContextManager[Any]:
        """The span of a whole request, where it is sampled; it is where it was `drawn` already."""
        return _NOTHING if self._tracing is None else self._tracing.request(name, headers, drawn)

    def span(self, name: str) -> AbstractContextManager[Any]:
        """A span inside a sampled request, and nothing anywhere else."""
        return self._tracing.span(name) if self._tracing is not None and _sampled.get() else _NOTHING

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
            observe = _observer(self, name, family)
            if family.kind in ("counter", "histogram"):
                meter.create_observable_counter(name, [observe], description=family.help)
            else:
                meter.create_observable_gauge(name, [observe], description=family.help)

    def close(self) -> None:
        if self._provider is not None:
            self._provider.shutdown()
        if self._tracing is not None:
            self._tracing.close()


class _Call(AbstractContextManager[None]):
    """Times what is done within it, in a span of its own where the request is sampled."""

    __slots__ = ("_began", "_name", "_span", "_telemetry")

    def __init__(self, telemetry: Telemetry, name: str) -> None:
        self._telemetry, self._name, self._span = telemetry, name, telemetry.span("upstream")

    def __enter__(self) -> None:
        self._began = time.perf_counter()
        self._span.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._span.__exit__(kind, error, trace)
        self._telemetry.called(self._name, time.perf_counter() - self._began, failed=error is not None)


def _counted(counts: Mapping[Labels, int]) -> Rows:
    # listed first, in one step: the event loop goes on counting while another thread exports
    return [(labels, [count]) for labels, count in list(counts.items())]


def _timed(histograms: Mapping[str, Histogram]) -> Rows:
    return [((name,), histogram.values()) for name, histogram in list(histograms.items())]


# ---- all workers of a machine


class Shelf:
    """The workers' numbers side by side in a folder, a file a worker; a dead worker's counters go on counting."""

    def __init__(self, folder: Path, worker: str, telemetry: Telemetry, clock: Callable[[], float] = time.time) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._telemetry, self._clock = folder, telemetry, clock
        # A worker that is started again has the name of the dead one, whose numbers must stay.
        self._mine = folder / f"{worker}-{os.getpid()}-{time.time_ns():x}.json"
        self._stop = threading.Event()
        self._writer = threading.Thread(target=self._write_on, name="metrics", daemon=True)

    def open(self, every_s: float = 1.0) -> None:
        self._every_s = every_s
        self._writer.start()

    def close(self) -> None:
        self._stop.set()
        if self._writer.is_alive():
            self._writer.join()
        self.write()

    def write(self) -> None:
        partial = self._mine.with_suffix(".partial")
        partial.write_bytes(msgspec.json.encode((self._clock(), self._telemetry.numbers())))
        partial.replace(self._mine)

    def page(self) -> tuple[str, bytes]:
        """The content type and the text of `/metrics`."""
        return CONTENT_TYPE_LATEST, generate_latest(_Page(merged([(True, self._telemetry.numbers()), *self._others()])))

    def _others(self) -> Iterator[tuple[bool, Numbers]]:
        for path in sorted(self._folder.glob("*.json")):
            if path == self._mine:
                continue
            written, numbers = msgspec.json.decode(path.read_bytes(), type=tuple[float, Numbers])
            yield self._clock() - written < LIVE_S, numbers

    def _write_on(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                self.write()
            except OSError as error:  # a full disk: the numbers are written when there is room again
                log.warning("the numbers of this worker can't be written: %s", error)


def forget(folder: Path) -> None:
    """Start counting anew: for whoever starts all workers, before the first."""
    for path in folder.glob("*.json"):
        path.unlink(missing_ok=True)


def merged(workers: Iterable[tuple[bool, Numbers]]) -> dict[str, dict[Labels, list[float]]]:
    """Of living and dead workers: counters of both, gauges of the living."""
    total: dict[str, dict[Labels, list[float]]] = {name: {} for name in FAMILIES}
    for alive, numbers in workers:
        for name, rows in numbers.items():
            family = FAMILIES.get(name)
            if family is None or not (alive or family.kind in ("counter", "histogram")):
                continue
            for labels, values in rows:
                known = total[name].get(labels)
                total[name][labels] = values if known is None else _joined(family, known, values)
    return total


def _joined(family: Family, left: Sequence[float], right: Sequence[float]) -> list[float]:
    join = max if family.kind in ("max", "shared") else float.__add__
    return [join(float(a), float(b)) for a, b in zip(left, right, strict=True)]


class _Page:
    """What prometheus_client takes for a registry."""

    def __init__(self, total: dict[str, dict[Labels, list[float]]]) -> None:
        self._total = total

    def collect(self) -> Iterator[Metric]:
        for name, family in FAMILIES.items():
            yield _metric(name, family, self._total[name])


def _metric(name: str, family: Family, rows: Mapping[Labels, Sequence[float]]) -> Metric:
    if family.kind == "histogram":
        histogram = HistogramMetricFamily(name, family.help, labels=family.labels)
        for labels, values in rows.items():
            histogram.add_metric(labels, _buckets(values[:-1]), values[-1])
        return histogram
    metric: CounterMetricFamily | GaugeMetricFamily
    metric = (CounterMetricFamily if family.kind in ("counter", "shared") else GaugeMetricFamily)(
        name, family.help, labels=family.labels
    )
    for labels, (value,) in rows.items():
        metric.add_metric(labels, value)
    return metric


def _buckets(counts: Sequence[float]) -> list[tuple[str, float]]:
    edges = [*map(str, EDGES), "+Inf"]
    return [(edge, sum(counts[: place + 1])) for place, edge in enumerate(edges)]


# ---- OTLP


class MissingExporter(Exception):
    """OTLP is configured and its package is not installed."""


def _observer(telemetry: Telemetry, name: str, family: Family) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_: CallbackOptions) -> Iterable[Observation]:
        for labels, values in telemetry.numbers().get(name, ()):
            named = dict(zip(family.labels, labels, strict=True))
            if family.kind != "histogram":
                yield Observation(values[0], named)
                continue
            for edge, count in _buckets(values[:-1]):
                yield Observation(count, {**named, "le": edge})

    return observe


def telemetry_of(environ: Mapping[str, str], tracing: Tracing | None = None) -> Telemetry:
    """As the environment wants it. Raises `MissingExporter`."""
    telemetry = Telemetry(tracing or tracing_of(environ))
    if environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        telemetry.export(otlp_reader())
    return telemetry


def otlp_reader() -> MetricReader:
    try:
        metrics = import_module("opentelemetry.exporter.otlp.proto.http.metric_exporter")
    except ImportError as error:
        raise _missing() from error
    return PeriodicExportingMetricReader(metrics.OTLPMetricExporter())


def otlp_spans() -> SpanProcessor:
    try:
        spans = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    except ImportError as error:
        raise _missing() from error
    return BatchSpanProcessor(spans.OTLPSpanExporter())


def _missing() -> MissingExporter:
    return MissingExporter(
        "OTEL_EXPORTER_OTLP_ENDPOINT is set, but the exporter is not there: pip install 'recgate[otlp]'"
    )


# ---- traces

_NOTHING = nullcontext()
_TRACEPARENT = re.compile("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-(?P<flags>[0-9a-f]{2})")
_sampled: ContextVar[bool] = ContextVar("sampled", default=False)


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
        """For a request whose caller does not say."""
        return self._chance() < self._ratio

    def request(self, name: str, headers: Mapping[str, str], drawn: bool = False) -> AbstractContextManager[Any]:
        parent = _TRACEPARENT.match(headers.get("traceparent", ""))
        sampled = parent["flags"][1] in "13579bdf" if parent else drawn or self.draws()
        return self._request_span(name, headers) if sampled else _NOTHING

    def span(self, name: str) -> AbstractContextManager[Any]:
        return self._tracer.start_as_current_span(name)

    def close(self) -> None:
        self._provider.shutdown()

    @contextmanager
    def _request_span(self, name: str, headers: Mapping[str, str]) -> Iterator[None]:
        token = _sampled.set(True)
        try:
            with self._tracer.start_as_current_span(name, TraceContextTextMapPropagator().extract(headers)):
                yield
        finally:
            _sampled.reset(token)


def tracing_of(environ: Mapping[str, str]) -> Tracing | None:
    if not environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return None
    return Tracing(otlp_spans(), float(environ.get("OTEL_TRACES_SAMPLER_ARG") or 0.0))
