"""The counts of metric attributions: those so far, to be shown, and files of them where the output goes (specification
§2.4)."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import NamedTuple

from engine.attribution import ledger
from engine.attribution.expression import parse_expression
from engine.attribution.ledger import Counts
from engine.data.destination import open_destination
from engine.errors import Unavailable
from engine.records import MetricAttributionRecord, Records
from engine.storage.sql import Database

FRESH_S = 2.0
HEADER = ("METRIC_NAME", "EVENT_TYPE", "VALUE", "MATH_FUNCTION", "EVENT_ATTRIBUTION_SOURCE", "TIMESTAMP")


class Figure(NamedTuple):
    attribution: str  # ARN
    metric: str
    event_type: str
    source: str
    events: int
    value: float


class Figures:
    def __init__(self, database: Database, records: Records, clock: Callable[[], float]) -> None:
        self._database, self._records, self._clock = database, records, clock
        self._read: tuple[float, list[Figure]] = (-FRESH_S, [])

    def read(self) -> list[Figure]:
        """All attributions' of all accounts, two seconds old at most; older while the database does not answer."""
        at, figures = self._read
        now = self._clock()
        if now - at >= FRESH_S:
            try:
                every = self._records.list(MetricAttributionRecord)
                figures = [each for attribution in every for each in self._of(attribution)]
            except Unavailable:
                pass  # the database has logged it
            self._read = (now, figures)
        return figures

    def _of(self, attribution: MetricAttributionRecord) -> list[Figure]:
        types = {metric.metric_name: metric.event_type for metric in attribution.metrics}
        with self._database.read() as connection:
            totals = ledger.totals(connection, attribution.arn)
        return [
            Figure(attribution.arn, key.metric, types[key.metric], key.source, *counted)
            for key, counted in totals.items()
            if key.metric in types
        ]


def write_report(
    attribution: MetricAttributionRecord, counts: Counts, method: str, milliseconds: int, *, allow_file_urls: bool
) -> None:
    """One row a metric, source and window, whose first second is the TIMESTAMP. Equal arguments write the same file.

    Raises `InvalidInput` where it can't be written. An attribution without an output, or no counts, write nothing.
    """
    folder = attribution.output
    if folder is None or not counts:
        return
    metrics = {metric.metric_name: metric for metric in attribution.metrics}
    name = f"AggregatedAttributionMetrics - {method} - {milliseconds}.csv"
    with open_destination(folder, name, allow_file_urls=allow_file_urls) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for key, counted in sorted(counts.items()):
            metric = metrics.get(key.metric)
            if metric is not None:
                function = parse_expression(metric.expression).function
                writer.writerow([key.metric, metric.event_type, counted.value, function, key.source, key.began])
