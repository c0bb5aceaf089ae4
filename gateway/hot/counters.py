"""Counters of answers that go out by hot entries. They are added up here and reported a few times a second."""

from __future__ import annotations

from asyncio import AbstractEventLoop, TimerHandle
from dataclasses import dataclass
from typing import NamedTuple

from gateway.experiments.ledger import Ledger
from gateway.telemetry import Telemetry

REPORT_S = 0.1  # between two reports
IDLE_REPORT_S = 0.5  # the same after a report of nothing
QUICK_S = 0.0005  # the first edge of the histogram: an answer that took longer is reported by itself


class MetricLabels(NamedTuple):
    """The labels under which answers count."""

    route: str
    namespace: str
    recommender: str
    outcome: str
    experiment: str
    variation: str


@dataclass(slots=True, eq=False)
class HitCounter:
    """Answers of the same labels since the last report. `resource` is what calls of the AWS wire are about, "" for
    none; None: they are no such calls."""

    labels: MetricLabels
    resource: str | None = None
    hits: int = 0
    not_modified: int = 0
    seconds: float = 0.0

    def add(self, seconds: float, is_not_modified: bool) -> None:
        self.seconds += seconds
        if is_not_modified:
            self.not_modified += 1
        else:
            self.hits += 1


class HitCounters:
    """All counters of a worker, and the way to its telemetry and its experiments' ledger."""

    def __init__(self, telemetry: Telemetry, ledger: Ledger | None) -> None:
        """Without a ledger no answer is of an experiment."""
        self.telemetry, self.ledger, self.draws = telemetry, ledger, telemetry.draws
        self._counters: dict[tuple[MetricLabels, str | None], HitCounter] = {}
        self._timer: TimerHandle | None = None

    def of(self, labels: MetricLabels, resource: str | None = None) -> HitCounter:
        counter = self._counters.get((labels, resource))
        if counter is None:
            counter = self._counters[labels, resource] = HitCounter(labels, resource)
        return counter

    def report(self, counter: HitCounter, status: int, seconds: float, count: int = 1) -> None:
        """Report so many answers that each took so long."""
        labels = counter.labels
        if counter.resource is None:
            self.telemetry.request(labels.route, status, seconds, count)
        else:
            self.telemetry.aws_request(labels.route, counter.resource, status, seconds, count)
        self.telemetry.lookup(labels.namespace, labels.recommender, labels.outcome, count)
        if labels.experiment and self.ledger is not None:
            self.ledger.count_hits(labels.experiment, labels.variation, count, seconds * count)

    def report_all(self) -> bool:
        """Report the answers counted since the last time; True if there were any."""
        has_reported = False
        for counter in self._counters.values():
            count = counter.hits + counter.not_modified
            if not count:
                continue
            has_reported = True
            each = counter.seconds / count
            for status, times in ((200, counter.hits), (304, counter.not_modified)):
                if times:
                    self.report(counter, status, each, times)
            counter.hits, counter.not_modified, counter.seconds = 0, 0, 0.0
        return has_reported

    def start(self, loop: AbstractEventLoop) -> None:
        pause_s = REPORT_S if self.report_all() else IDLE_REPORT_S
        self._timer = loop.call_later(pause_s, self.start, loop)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.report_all()
