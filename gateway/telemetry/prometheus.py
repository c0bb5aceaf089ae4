"""The Prometheus page, which adds up all workers of the machine through small files."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from gateway.telemetry.families import FAMILIES, Family, Labels, Numbers, buckets
from gateway.telemetry.numbers import Telemetry

log = logging.getLogger(__name__)

LIVE_S = 5.0  # a worker that has not written for so long is dead: its counters stay, its gauges go


Totals = Mapping[str, Mapping[Labels, Sequence[float]]]  # by a family's name and its labels


class ProcessNumbers(NamedTuple):
    """The numbers of one process, as of an epoch second. `pid` is 0 of one that writes for another."""

    name: str
    pid: int
    written: float
    is_alive: bool
    numbers: Numbers
    began: float = 0.0  # the process, as an epoch second


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
        total = self.total()
        for name, family in FAMILIES.items():
            yield _metric(name, family, total[name])

    def total(self) -> Totals:
        """The sums of all workers."""
        return merged((each.is_alive, each.numbers) for each in self.processes())

    def processes(self) -> list[ProcessNumbers]:
        """The numbers of each process of the server that writes some, this one first."""
        numbers = self._telemetry.numbers()
        own = ProcessNumbers(self._mine.stem.rsplit("-", 2)[0], os.getpid(), self._clock(), True, numbers)
        return [own, *self._others()]

    def _others(self) -> list[ProcessNumbers]:
        return numbers_in(self._folder, self._clock(), self._mine)

    def _write_on(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                self.write()
            except OSError as error:  # a full disk: the numbers are written when there is room again
                log.warning("the numbers of this worker can't be written: %s", error)


def numbers_in(folder: Path, now: float, own: Path | None = None) -> list[ProcessNumbers]:
    """The numbers of the processes of one server, but for the one that writes `own`."""
    processes = []
    for path in sorted(folder.glob("*.json")):
        if path == own:
            continue
        written, numbers = msgspec.json.decode(path.read_bytes(), type=tuple[float, Numbers])
        name, pid, began = path.stem.rsplit("-", 2) if path.stem.count("-") >= 2 else (path.stem, "0", "0")
        is_alive = now - written < LIVE_S
        processes.append(ProcessNumbers(name, int(pid), written, is_alive, numbers, int(began, 16) / 1e9))
    return processes


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
