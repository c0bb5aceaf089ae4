"""Counts as a file where the attribution's output goes (specification §2.4)."""

from __future__ import annotations

import csv

from engine.attribution.expression import parse_expression
from engine.attribution.ledger import Counts
from engine.data.destination import open_destination
from engine.records import MetricAttributionRecord

HEADER = ("METRIC_NAME", "EVENT_TYPE", "VALUE", "MATH_FUNCTION", "EVENT_ATTRIBUTION_SOURCE", "TIMESTAMP")


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
