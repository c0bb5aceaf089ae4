"""The Prometheus page, which adds up all workers of the machine through small files."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from gateway.telemetry.families import FAMILIES, Family, Labels, Numbers, buckets
from gateway.telemetry.numbers import Telemetry

log = logging.getLogger(__name__)

LIVE_S = 5.0  # a worker that has not written for so long is dead: its counters stay, its gauges go


class MetricsPage:
    """A folder with a file of numbers for each worker. A dead worker's counters stay in the sums."""

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

    def render(self) -> tuple[str, bytes]:
        """The content type and the text of `/metrics`."""
        return CONTENT_TYPE_LATEST, generate_latest(self)

    def collect(self) -> Iterator[Metric]:
        """Metrics of all workers, as prometheus_client asks its registries for them."""
        total = merged([(True, self._telemetry.numbers()), *self._others()])
        for name, family in FAMILIES.items():
            yield _metric(name, family, total[name])

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


def forget_numbers(folder: Path) -> None:
    """Count from zero again; called before the first worker starts."""
    for path in folder.glob("*.json"):
        path.unlink(missing_ok=True)


def merged(workers: Iterable[tuple[bool, Numbers]]) -> dict[str, dict[Labels, list[float]]]:
    """Sums of living and dead workers: counters of both, gauges of the living."""
    total: dict[str, dict[Labels, list[float]]] = {name: {} for name in FAMILIES}
    for alive, numbers in workers:
        for name, rows in numbers.items():
            family = FAMILIES.get(name)
            if family is None or not (alive or family.kind in ("counter", "histogram")):
                continue
            for labels, values in rows:
                sums = total[name].get(labels)
                total[name][labels] = values if sums is None else _joined(family, sums, values)
    return total


def _joined(family: Family, left: Sequence[float], right: Sequence[float]) -> list[float]:
    join = max if family.kind in ("max", "shared") else float.__add__
    return [join(float(a), float(b)) for a, b in zip(left, right, strict=True)]


def _metric(name: str, family: Family, rows: Mapping[Labels, Sequence[float]]) -> Metric:
    if family.kind == "histogram":
        histogram = HistogramMetricFamily(name, family.help, labels=family.labels)
        for labels, values in rows.items():
            histogram.add_metric(labels, buckets(values[:-1]), values[-1])
        return histogram
    kind = CounterMetricFamily if family.kind in ("counter", "shared") else GaugeMetricFamily
    metric = kind(name, family.help, labels=family.labels)
    for labels, (value,) in rows.items():
        metric.add_metric(labels, value)
    return metric
