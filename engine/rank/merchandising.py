"""Merchandising rules at work: scores as boosts and buries leave them, and the items that pins put to their places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from math import log
from typing import NamedTuple

import numpy as np

from engine.data.columns import NO_IDS, Floats, Ints
from engine.errors import InvalidInput
from engine.filters import Candidates, CompiledFilter, Eligible, Mask, eligible_by
from engine.rank.topk import top_k
from engine.rules.rules import Boost, ListRule, Pin


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


NO_PINS = PinnedItems(NO_IDS, NO_IDS, (), NO_IDS)


def factors_of(rules: Sequence[CompiledRule], candidates: Candidates) -> Floats | None:
    """(candidates,) the logarithm of how many times more likely each item is; None where nothing boosts or buries."""
    factors: Floats | None = None
    for each in rules:
        if isinstance(each.rule, Pin):
            continue
        sign = 1 if isinstance(each.rule, Boost) else -1
        more = each.includes(candidates) * np.float32(sign * log(each.rule.times))
        factors = more if factors is None else np.add(factors, more, out=factors)
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
    """A list before its pins: (n,) scores and what filters leave (None: all), how many places it has. Pins are `among`
    a few items where those are to be ordered, and never of the `barred`."""

    scores: Floats
    left: Eligible | None
    length: int
    among: frozenset[int] | None
    barred: frozenset[int]

    def has(self, item: int, *, even_if_filtered: bool) -> bool:
        """Tells whether the item (-1: an unknown one) may be pinned by its id."""
        if (
            not 0 <= item < len(self.scores)
            or item in self.barred
            or (self.among is not None and item not in self.among)
        ):
            return False
        return even_if_filtered or self.left is None or bool(self.left.keeps(np.array([item], np.int32))[0])

    def best(self, includes: Mask, count: int, taken: Iterable[int], *, even_if_filtered: bool) -> list[int]:
        """The best that are included and not taken."""
        scores = np.where(includes, self.scores, np.float32(-np.inf))
        if self.left is not None and not even_if_filtered:
            scores = self.left.of(scores)
        if self.among is not None:
            open_ = np.zeros(len(scores), np.bool_)
            open_[list(self.among)] = True
            scores[~open_] = -np.inf
        scores[[*self.barred, *taken]] = -np.inf
        best: list[int] = top_k(scores, count).tolist()
        return best


def pinned_items(rules: Sequence[CompiledRule], candidates: Candidates, pinning: ListToPin) -> PinnedItems:
    """Items by their ids first, then the best of filters, each the best that no rule before it has."""
    pins = [(each, each.rule) for each in rules if isinstance(each.rule, Pin)]
    by_place: dict[int, tuple[int, str]] = {}
    taken: set[int] = set()
    for compiled, pin in sorted(pins, key=lambda pair: not pair[1].items):
        even = pin.even_if_filtered
        if pin.items:
            ids = [candidates.names.find(name) for name in pin.items]
            chosen = [(place, id_) for place, id_ in zip(pin.places, ids, strict=True) if id_ not in taken]
            chosen = [(place, id_) for place, id_ in chosen if pinning.has(id_, even_if_filtered=even)]
        else:
            best = pinning.best(compiled.includes(candidates), pin.count, taken, even_if_filtered=even)
            chosen = list(zip(pin.places, best, strict=False))
        for place, id_ in chosen:
            if place not in by_place:
                by_place[place] = id_, pin.name
                taken.add(id_)
    places = sorted(by_place)
    shown = [place for place in places if place <= pinning.length]
    return PinnedItems(
        np.array([by_place[place][0] for place in shown], np.int32),
        np.array(shown, np.int32) - 1,
        tuple([by_place[place][1] for place in shown]),
        np.array([by_place[place][0] for place in places], np.int32),
    )


def inserted(others: int, places: Sequence[int]) -> list[int]:
    """The order of a list of so many others and then the pinned, by their `places`: each pinned at its place, or after
    the last of the others where there are too few."""
    order: list[int] = []
    rest = iter(range(others))
    for pin, place in enumerate(places, others):
        order += islice(rest, max(0, place - len(order)))
        order.append(pin)
    return [*order, *rest]
