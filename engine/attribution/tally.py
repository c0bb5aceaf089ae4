"""Interactions → counts by metric, source and window: one by one as they are streamed, or a whole import."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from engine.attribution.expression import Expression, parse_expression
from engine.attribution.ledger import Key, Sum
from engine.data.columns import Array, Column, Ints, Labels, Longs, Numbers
from engine.data.entries import Interaction
from engine.impressions.ids import tag_of
from engine.records import AttributedMetric

WINDOW = 900  # seconds
UNDEFINED = "SOURCE_NAME_UNDEFINED"
MOST_SOURCES = 100


class Tally:
    def __init__(self, metrics: Sequence[AttributedMetric], sources: Sources) -> None:
        self.counts: dict[Key, Sum] = {}
        self._sources = sources
        self._metrics: dict[str, list[tuple[AttributedMetric, Expression]]] = {}
        for metric in metrics:
            pair = (metric, parse_expression(metric.expression))
            self._metrics.setdefault(metric.event_type.casefold(), []).append(pair)

    @property
    def needs_items(self) -> bool:
        return any(each.dataset_type == "ITEMS" for pairs in self._metrics.values() for _, each in pairs)

    # ---- one event

    def add(self, event: Interaction, at: float, item_value: Callable[[str, str], Any]) -> None:
        """`at` is when the server took it, `item_value(item, column)` what the item's row has now.

        Event types are compared as filters do, their case ignored. Without an item it is no interaction.
        """
        pairs = self._metrics.get(event.event_type.casefold(), ())
        if event.item is None or not pairs:
            return
        source = self._sources.of(event.attribution.get("eventAttributionSource"), event.recommendation_id)
        began = int(event.time) // WINDOW * WINDOW
        for metric, expression in pairs:
            if at >= metric.since:
                self._count(Key(metric.metric_name, source, began), 1, _amount(event, expression, item_value))

    def _count(self, key: Key, events: int, value: float) -> None:
        self.counts[key] = self.counts.get(key, Sum()).plus(events, value)

    # ---- an import

    def add_rows(self, columns: Mapping[str, Column], rows: Longs, item_values: Callable[[str], Array]) -> None:
        """Some rows of imported interactions; `item_values(column)` is one number an imported row, NaN for none."""
        times, types = columns["TIMESTAMP"], columns.get("EVENT_TYPE")
        assert isinstance(times, Numbers)
        if not isinstance(types, Labels):
            return
        origins, names = self._origins(columns, len(times))
        folded = [name.casefold() for name in types.names]
        for event_type, pairs in self._metrics.items():
            codes = [code for code, name in enumerate(folded) if name == event_type]
            chosen = rows[np.isin(types.codes[rows], codes)]
            windows = times.values[chosen].astype(np.int64) // WINDOW * WINDOW
            kinds, places = np.unique(np.stack((windows, origins[chosen])), axis=1, return_inverse=True)
            events = np.bincount(places.ravel(), minlength=kinds.shape[1])
            for metric, expression in pairs:
                amounts = _amounts(columns, expression, item_values, len(times))[chosen]
                values = np.bincount(places.ravel(), np.nan_to_num(amounts), kinds.shape[1])
                for (began, origin), count, value in zip(kinds.T.tolist(), events, values, strict=True):
                    source = self._sources.admitted(names[origin])
                    self._count(Key(metric.metric_name, source, began), int(count), float(value))

    def _origins(self, columns: Mapping[str, Column], rows: int) -> tuple[Ints, list[str]]:
        """(rows,) each row's source as an index into the names."""
        names = {UNDEFINED: 0}
        origins = np.zeros(rows, np.int32)
        answered, stated = columns.get("RECOMMENDATION_ID"), columns.get("EVENT_ATTRIBUTION_SOURCE")
        if isinstance(answered, Labels):
            codes = [names.setdefault(self._sources.answer(name), len(names)) for name in answered.names]
            origins = np.array([*codes, 0], np.int32)[answered.codes]
        if isinstance(stated, Labels):
            codes = [names.setdefault(name, len(names)) for name in stated.names]
            origins = np.where(stated.codes < 0, origins, np.array([*codes, 0], np.int32)[stated.codes])
        return origins, list(names)


def _amount(event: Interaction, expression: Expression, item_value: Callable[[str, str], Any]) -> float:
    """0 for a missing value."""
    if expression.function == "samplecount":
        return 1.0
    if expression.dataset_type == "ITEMS":
        assert event.item is not None
        return float(item_value(event.item, expression.column) or 0.0)
    if expression.column == "EVENT_VALUE" and event.value is not None:
        return event.value
    return float(event.time if expression.column == "TIMESTAMP" else event.properties.get(expression.column) or 0.0)


def _amounts(
    columns: Mapping[str, Column], expression: Expression, item_values: Callable[[str], Array], rows: int
) -> Array:
    """(rows,) float64, NaN where there is none."""
    if expression.function == "samplecount":
        return np.ones(rows)
    if expression.dataset_type == "ITEMS":
        return item_values(expression.column)
    column = columns.get(expression.column)
    return column.values.astype(np.float64) if isinstance(column, Numbers) else np.full(rows, np.nan)


class Sources:
    """The sources of one attribution. `answering` are ARNs by the tag of their answers' names, `counted` the sources
    that have counts already.

    There are at most 100 and `UNDEFINED`: the events of any other count as undefined, so that nothing is lost.
    """

    def __init__(self, answering: Mapping[str, str], counted: Iterable[str]) -> None:
        self._answering = answering
        self._admitted = set(counted) - {UNDEFINED}

    def admitted(self, name: str) -> str:
        if name not in self._admitted and name != UNDEFINED:
            if len(self._admitted) >= MOST_SOURCES:
                return UNDEFINED
            self._admitted.add(name)
        return name

    def answer(self, recommendation_id: str) -> str:
        """The ARN of the campaign or recommender that gave the answer of this name."""
        return self._answering.get(tag_of(recommendation_id) or "", UNDEFINED)

    def of(self, stated: str | None, recommendation_id: str | None) -> str:
        """The source that an event states, or else the one whose answer it names."""
        if stated:
            return self.admitted(stated)
        return self.admitted(self.answer(recommendation_id)) if recommendation_id else UNDEFINED
