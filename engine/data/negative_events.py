"""Negative events: types of events that say what their user does not want, a dislike for example.

A dataset group lists them (the tag `recgate:negativeEvents`), and so does an eventsConfig with weights below 0. They
are no history that a model learns or answers from. An item with one leaves its user's lists; its like are lowered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from engine.data.columns import Array, Bools, Floats, Ints
from engine.data.group import Group, History
from engine.data.snapshot import Snapshot


def event_parameters(solution_config: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The list of a solution's eventsConfig."""
    listed: Sequence[Mapping[str, Any]] = solution_config.get("eventsConfig", {}).get("eventParametersList", [])
    return listed


class NegativeType(NamedTuple):
    """The rule of one event type. `strength`: how much one counts, a positive event of the mean weight being 1."""

    threshold: float | None = None  # of the event's value, below which it says nothing
    strength: float = 1.0


class Wishes(NamedTuple):
    """A user's history without negative events and what they are about, and the items (k,) not wanted, the latest
    last, each once, with how much each counts."""

    chosen: History
    unwanted: Ints
    strengths: Floats


@dataclass(frozen=True)
class NegativeEvents:
    """The negative types, by their names in lower case."""

    types: Mapping[str, NegativeType]

    @classmethod
    def of(cls, listed: Iterable[str], event_parameters: Sequence[Mapping[str, Any]] = ()) -> NegativeEvents:
        """Types that a dataset group lists, and the parameters of an eventsConfig, which win."""
        weights = [float(each.get("weight", 1.0)) for each in event_parameters]
        positive = [weight for weight in weights if weight > 0]
        mean = sum(positive) / len(positive) if positive else 1.0
        types = {name.casefold(): NegativeType() for name in listed}
        for each, weight in zip(event_parameters, weights, strict=True):
            name = str(each["eventType"]).casefold()
            if weight < 0:
                types[name] = NegativeType(each.get("eventValueThreshold"), -weight / mean)
            elif weight > 0:
                types.pop(name, None)  # the solution says that it is none
        return cls(types)

    def __bool__(self) -> bool:
        return bool(self.types)

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(self.types)

    @cached_property
    def read_values(self) -> bool:
        """True where the values of events count."""
        return any(each.threshold is not None for each in self.types.values())

    def wishes(self, group: Group, history: History, values: Floats | None) -> Wishes:
        """The history (h,) divided; `values` (h,) are the events', where they count."""
        negative = group.type_mask(self.names)[history.types]
        if not negative.any():
            return Wishes(history, history.items[:0], np.zeros(0, np.float32))
        strengths = self._strengths(group, history.types[negative], None if values is None else values[negative])
        items = history.items[negative][strengths > 0]
        strengths = strengths[strengths > 0]
        last = _last_of_each(items)
        unwanted, strengths = items[last], strengths[last]
        return Wishes(history.where(~negative & ~np.isin(history.items, unwanted)), unwanted, strengths)

    def _strengths(self, group: Group, types: Ints, values: Floats | None) -> Floats:
        """(n,) how much each event of a negative type counts; 0 below its threshold."""
        strengths = np.zeros(len(types), np.float32)
        for name, each in self.types.items():
            rows = group.type_mask(frozenset((name,)))[types]
            if each.threshold is not None and values is not None:
                rows = rows & (values >= each.threshold)
            strengths[rows] = each.strength
        return strengths

    def left_out(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot without events of these types."""
        codes = [code for code, name in enumerate(snapshot.event_types) if name.casefold() in self.types]
        rows: Bools = np.isin(snapshot.types, codes)
        return snapshot.take(~rows) if codes and rows.any() else snapshot


def _last_of_each(items: Ints) -> Array:
    """Rows of the last of each item, ascending."""
    _, reverse = np.unique(items[::-1], return_index=True)
    return np.sort(len(items) - 1 - reverse)
