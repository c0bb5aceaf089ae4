"""The counts of metric attributions so far, to be shown."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NamedTuple

from engine.attribution import ledger
from engine.errors import Unavailable
from engine.records import MetricAttributionRecord, Records
from engine.storage.sql import Database

log = logging.getLogger(__name__)

FRESH_S = 2.0


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
