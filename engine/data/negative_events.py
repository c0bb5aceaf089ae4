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
from engine.question import NegativeEvent


def event_parameters(solution_config: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The list of a solution's eventsConfig."""
    listed: Sequence[Mapping[str, Any]] = solution_config.get("eventsConfig", {}).get("eventParametersList", [])
    return listed


class NegativeType(NamedTuple):
    """The rule of one event type. `strength`: how much one counts, a positive event of the mean weight being 1. A later
    event of a type in `undone_by` takes it back."""

    threshold: float | None = None  # of the event's value, below which it says nothing
    strength: float = 1.0
    undone_by: frozenset[str] = frozenset()


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
    def of(cls, listed: Iterable[NegativeEvent], event_parameters: Sequence[Mapping[str, Any]] = ()) -> NegativeEvents:
        """Types that a dataset group lists, and the parameters of an eventsConfig, which win."""
        weights = [float(each.get("weight", 1.0)) for each in event_parameters]
        positive = [weight for weight in weights if weight > 0]
        mean = sum(positive) / len(positive) if positive else 1.0
        types = {each.event_type.casefold(): NegativeType(undone_by=frozenset(each.undone_by)) for each in listed}
        for each, weight in zip(event_parameters, weights, strict=True):
            name = str(each["eventType"]).casefold()
            if weight < 0:
                undone_by = types.get(name, NegativeType()).undone_by
                types[name] = NegativeType(each.get("eventValueThreshold"), -weight / mean, undone_by)
            elif weight > 0:
                types.pop(name, None)  # the solution says that it is none
        return cls(types)

    def __bool__(self) -> bool:
        return bool(self.types)

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(self.types)

    def wishes(self, group: Group, history: History) -> Wishes:
        """The history divided."""
        negative = group.type_mask(self.names)[history.types]
        if not negative.any():
            return Wishes(history, history.items[:0], np.zeros(0, np.float32))
        strengths = self._strengths(group, history)
        counting = strengths > 0
        items, strengths = history.items[counting], strengths[counting]
        last = _last_of_each(items)
        unwanted, strengths = items[last], strengths[last]
        return Wishes(history.where(~negative & ~np.isin(history.items, unwanted)), unwanted, strengths)

    def _strengths(self, group: Group, history: History) -> Floats:
        """(h,) how much each event counts: 0 of other types, below the threshold, and for what was taken back."""
        strengths = np.zeros(len(history.types), np.float32)
        for name, each in self.types.items():
            rows = group.type_mask(frozenset((name,)))[history.types]
            if each.threshold is not None:
                rows = rows & (history.values >= each.threshold)
            if each.undone_by and rows.any():
                rows = rows & ~_followed(history.items, group.type_mask(each.undone_by)[history.types])
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


def _followed(items: Ints, by: Bools) -> Bools:
    """(h,) True where a later row of the same item is one of these."""
    last = {int(items[row]): row for row in np.flatnonzero(by)}
    return np.array([last.get(item, -1) > row for row, item in enumerate(items.tolist())], np.bool_)
