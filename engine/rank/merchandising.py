"""Merchandising rules at work: scores as boosts and buries leave them, and the items that pins put to their places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from math import log
from typing import NamedTuple

import numpy as np

from engine.data.columns import Floats, Ints
from engine.errors import InvalidInput
from engine.filters import Candidates, CompiledFilter, Mask, eligible_by
from engine.rank.topk import top_k
from engine.rules.rules import Boost, ListRule, Pin

NO_ITEMS: Ints = np.zeros(0, np.int32)


@dataclass(frozen=True)
class CompiledRule:
    """A rule and its filter; None for a pin of items by their ids."""

    rule: ListRule
    filter: CompiledFilter | None = None

    def includes(self, candidates: Candidates) -> Mask:
        """(candidates,) which items its filter includes. Raises `InvalidInput` where a parameter is missing."""
        assert self.filter is not None
        eligible = eligible_by((self.filter,), candidates, self.rule.filter_values)
        assert eligible is not None
        return eligible.mask[:-1]


def check_rule_filter(rule: ListRule, compiled: CompiledFilter, recipe: str, kind: str) -> None:
    """Raises `InvalidInput` where lists of a recipe of this kind can't be ruled by the filter."""
    if compiled.target != "ItemID":
        raise InvalidInput(f"The rule {rule.name}: its filter is on {compiled.target}; lists are ruled by ItemID.")
    if compiled.needs_item and kind != "RELATED_ITEMS":
        reason = f"the recipe {recipe} is of type {kind}, not RELATED_ITEMS"
        raise InvalidInput(f"The rule {rule.name}: its filter depends on CurrentItem, but {reason}.")


class PinnedItems(NamedTuple):
    """(p,) each, by place: items that are pinned to places of the list, from 0, and by which rules. `reserved` (r,) are
    all that a pin has, those beyond the list's end among them: they stand nowhere else."""

    items: Ints
    places: Ints
    rules: tuple[str, ...]
    reserved: Ints


NO_PINS = PinnedItems(NO_ITEMS, NO_ITEMS, (), NO_ITEMS)


def factors_of(rules: Sequence[CompiledRule], candidates: Candidates) -> Floats | None:
    """(candidates,) the logarithm of how many times more likely each item is; None where nothing boosts or buries."""
    factors: Floats | None = None
    for each in rules:
        if isinstance(each.rule, Pin):
            continue
        if factors is None:
            factors = np.zeros(candidates.count, np.float32)
        times = log(each.rule.times) if isinstance(each.rule, Boost) else -log(each.rule.times)
        factors[each.includes(candidates)] += np.float32(times)
    return factors


def reweighted(scores: Floats, factors: Floats, *, are_logits: bool) -> Floats:
    """(n,) the scores with their factors. A logit's odds are multiplied. Of other scores those above 0 are multiplied;
    those below are measured from the least of them, and stay below."""
    if are_logits:
        return np.add(scores, factors)
    times = np.exp(factors)
    finite = scores > -np.inf
    least = np.float32(min(0.0, float(scores.min(where=finite, initial=0.0))))
    below = np.minimum(least + (scores - least) * times, np.float32(0))
    return np.where(scores > 0, scores * times, np.where(finite, below, scores))


@dataclass(frozen=True)
class ListToPin:
    """A list before its pins: (n,) scores, the items that may be pinned at all, and those that filters leave (None:
    all); how many places it has."""

    scores: Floats
    free: Mask
    eligible: Mask | None
    length: int


def pinned_items(rules: Sequence[CompiledRule], candidates: Candidates, pinning: ListToPin) -> PinnedItems:
    """Items by their ids first, then the best of filters, each the best that no rule before it has."""
    pins = [(each, each.rule) for each in rules if isinstance(each.rule, Pin)]
    free = pinning.free.copy()
    by_place: dict[int, tuple[int, str]] = {}
    for compiled, pin in sorted(pins, key=lambda pair: not pair[1].items):
        open_ = free if pinning.eligible is None or pin.even_if_filtered else free & pinning.eligible
        if pin.items:
            ids = [candidates.names.find(name) for name in pin.items]
            chosen = [(place, id_) for place, id_ in zip(pin.places, ids, strict=True) if _is_open(id_, open_)]
        else:
            best = top_k(
                np.where(compiled.includes(candidates) & open_, pinning.scores, np.float32(-np.inf)), pin.count
            )
            chosen = list(zip(pin.places, best.tolist(), strict=False))
        for place, id_ in chosen:
            if place not in by_place:
                by_place[place] = id_, pin.name
                free[id_] = False
    places = sorted(by_place)
    shown = [place for place in places if place <= pinning.length]
    return PinnedItems(
        np.array([by_place[place][0] for place in shown], np.int32),
        np.array(shown, np.int32) - 1,
        tuple([by_place[place][1] for place in shown]),
        np.array([by_place[place][0] for place in places], np.int32),
    )


def _is_open(id_: int, open_: Mask) -> bool:
    return 0 <= id_ < len(open_) and bool(open_[id_])


def inserted(others: int, places: Sequence[int]) -> list[int]:
    """The order of a list of so many others and then the pinned, by their `places`: each pinned at its place, or after
    the last of the others where there are too few."""
    order: list[int] = []
    rest = iter(range(others))
    for pin, place in enumerate(places, others):
        order += islice(rest, max(0, place - len(order)))
        order.append(pin)
    return [*order, *rest]
