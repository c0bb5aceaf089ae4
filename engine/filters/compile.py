"""A filter's tree compiled to a mask over the items (specification §4.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.data.group import History
from engine.filters.grammar import EventTypes, Expression, parse

Mask = NDArray[np.bool_]  # (items,)


class Candidates(Protocol):
    """What a filter may look at: the user's history and, by name, the dataset group's event types."""

    @property
    def item_count(self) -> int: ...

    @property
    def history(self) -> History: ...

    def type_codes(self, wanted: Iterable[str]) -> list[int]: ...


@dataclass(frozen=True)
class Filter:
    """`mask(candidates, values)` is True for the items that may be recommended."""

    mask: Callable[[Candidates, Mapping[str, str]], Mask]
    needs_user: bool


@lru_cache(maxsize=4096)
def compile_filter(text: str) -> Filter:
    """Raises `InvalidInput` for what the language does not allow."""
    expressions = parse(text)
    return Filter(lambda candidates, values: _evaluate(expressions, candidates), needs_user=True)


def _evaluate(expressions: tuple[Expression, ...], candidates: Candidates) -> Mask:
    """The union of the INCLUDE sets (everything where there is none), less the union of the EXCLUDE sets."""
    included = [_touched(e.where, candidates) for e in expressions if e.action == "INCLUDE"]
    excluded = [_touched(e.where, candidates) for e in expressions if e.action == "EXCLUDE"]
    keep = np.logical_or.reduce(included) if included else np.ones(candidates.item_count, np.bool_)
    for mask in excluded:
        keep &= ~mask
    return keep


def _touched(where: EventTypes, candidates: Candidates) -> Mask:
    history = candidates.history
    rows = np.ones(len(history.items), np.bool_)
    if "*" not in where.names:
        rows = np.isin(history.types, candidates.type_codes(where.names))
    mask = np.zeros(candidates.item_count, np.bool_)
    mask[history.items[rows != where.negated]] = True
    return mask
