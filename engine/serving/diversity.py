"""The choice of a list of unlike items: the best that caps leave and marginal relevance prefers.

The choice is among the best few. Where caps refuse so many of them that places stay empty, the next best join whose
terms still have room, until the list is full or nobody is left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

import numpy as np

from engine.data.cells import column_kind
from engine.data.columns import NO_IDS, Bools, Floats, Ints
from engine.data.table import LiveTable
from engine.filters.live import LiveColumn
from engine.rank.diversify import LAST, Limit, Margin, Room, Terms, by_margin, in_order, scaled, term_vectors
from engine.rank.rule import DiversityRule
from engine.rank.topk import top_k
from engine.serving.likeness import ItemTerms, ModelVectors, TextVectors

POOL, FACTOR = 100, 4  # candidates of a list: so many, or so many times its length
TWICE = 2  # as many candidates as places, where only caps choose among them


class ScoredItems(NamedTuple):
    """(m,) each, the best first."""

    items: Ints
    values: Floats

    def without(self, taken: Ints) -> ScoredItems:
        if not len(taken):
            return self
        left = ~np.isin(self.items, taken)
        return ScoredItems(self.items[left], self.values[left])

    def joined(self, more: ScoredItems) -> ScoredItems:
        items, values = np.concatenate((self.items, more.items)), np.concatenate((self.values, more.values))
        order = np.argsort(-values, kind="stable")
        return ScoredItems(items[order], values[order])


class ScoredCatalogue(Protocol):
    def best(self, count: int) -> ScoredItems:
        """The best of all."""
        ...

    def next_best(self, closed: Bools, taken: Ints, count: int) -> ScoredItems:
        """The best of those that are neither closed (catalogue,) nor taken."""
        ...


@dataclass(frozen=True)
class ScoreArray:
    """A catalogue by its scores (catalogue,), -inf for what may not be chosen."""

    scores: Floats

    def best(self, count: int) -> ScoredItems:
        items = top_k(self.scores, count)
        return ScoredItems(items, self.scores[items])

    def next_best(self, closed: Bools, taken: Ints, count: int) -> ScoredItems:
        left = np.where(closed, np.float32(-np.inf), self.scores)
        left[taken] = -np.inf
        return ScoreArray(left).best(count)


class ChosenItems(NamedTuple):
    items: Ints
    short: bool  # caps left fewer than were wanted


class HeldItems(NamedTuple):
    """The places of the list's items among those that were wanted and then the `others`, which joined."""

    places: list[int]
    others: Ints
    short: bool


@dataclass(frozen=True)
class WithoutSome:
    """A catalogue without some items (k,)."""

    catalogue: ScoredCatalogue
    some: Ints

    def best(self, count: int) -> ScoredItems:
        return self.catalogue.best(count + len(self.some)).without(self.some)

    def next_best(self, closed: Bools, taken: Ints, count: int) -> ScoredItems:
        return self.catalogue.next_best(closed, np.concatenate((taken, self.some)), count)


@dataclass(frozen=True)
class Diversifier:
    """A rule over the first `count` items of a table, with the vectors of the model that answers."""

    rule: DiversityRule
    table: LiveTable
    count: int
    model: Callable[[], ModelVectors | None]
    last: Ints = field(default_factory=lambda: NO_IDS)  # items that come after all others, however unlike they are

    @property
    def on_whole_lists(self) -> Diversifier:
        return replace(self, rule=self.rule.on_whole_lists)

    def choose(self, catalogue: ScoredCatalogue, count: int, before: Ints = NO_IDS) -> ChosenItems:
        """(<= count,) items for the places after those of `before`, which are in the list whatever the caps say."""
        size = max(POOL, FACTOR * count) if self.rule.strength else TWICE * count
        pool = catalogue.best(size).without(before)
        while True:
            room = self._room(before)
            chosen = self._pick(pool, room, len(before) + count, before)
            if len(chosen) == count or not room.refused:
                return ChosenItems(chosen, False)
            taken = np.concatenate((before, pool.items))
            more = catalogue.next_best(self._closed(room), taken, size)
            if not len(more.items):
                return ChosenItems(chosen, self._leaves_any(catalogue, np.concatenate((before, chosen))))
            pool = pool.joined(more)

    def hold(self, wanted: Ints, catalogue: ScoredCatalogue, count: int, pins: Mapping[int, int]) -> HeldItems:
        """(<= count,) the `wanted` items in their order, but where a cap refuses one: there, others of the catalogue.
        -1 stands for an item that nobody knows. `pins`: which of them have a place, from 0."""
        size = max(POOL, FACTOR * count)
        others = NO_IDS
        while True:
            items = np.concatenate((wanted, others))
            places, room = self.arrange(items, pins, count)
            if len(places) == count:
                return HeldItems(places, others, False)
            more = catalogue.next_best(self._closed(room), items[items >= 0], size)
            if not len(more.items):
                listed = items[places]
                return HeldItems(places, others, self._leaves_any(catalogue, listed[listed >= 0]))
            others = np.concatenate((others, more.items))

    def arrange(self, items: Ints, pins: Mapping[int, int], count: int) -> tuple[list[int], Room]:
        """The places of at most `count` of these items in the order that caps leave them. `pins`: which of them have a
        place in the list; where it ends before, they come last."""
        terms, room = self._terms(items), self._room(NO_IDS)
        for at, place in sorted(pins.items(), key=lambda pin: pin[1]):
            room.reserve(place, at, terms[at])
        left = None if not pins else [at for at in range(len(items)) if at not in pins]
        chosen = in_order(terms, room, count, left)
        if room.reserved and len(chosen) < count:
            end = self._room(items[chosen])
            for _, at in sorted(room.reserved.items()):
                if len(chosen) < count and end.admits(terms[at]):
                    end.take(terms[at])
                    chosen.append(at)
        return chosen, room

    def _leaves_any(self, catalogue: ScoredCatalogue, taken: Ints) -> bool:
        return len(catalogue.next_best(np.zeros(self.count, np.bool_), taken, 1).items) > 0

    def order(self, items: Ints, values: Floats) -> list[int]:
        """The places of given items in the order of the list, those that caps refuse left out. -inf is the value of an
        item without a score: such come last."""
        scored = values > -np.inf
        room, terms = self._room(NO_IDS), self._terms(items)
        if not self.rule.strength or not scored.any():
            return in_order(terms, room, len(items))
        relevance = np.full(len(items), LAST, np.float32)
        relevance[scored] = scaled(values[scored])
        return by_margin(self._margin(items, relevance, NO_IDS), terms, room, len(items))

    def refusals(self, item: int, items: Ints) -> list[tuple[Limit, str, str]]:
        """The limits, their columns and the terms that keep an item out of the list of `items`."""
        (own,) = self._terms(np.array([item]))
        caps = zip(self.rule.limits, self.rule.capped, self._room(items).full, own, strict=True)
        return [(limit, field.name, term) for limit, field, full, terms in caps for term in full if term in terms]

    def _pick(self, pool: ScoredItems, room: Room, length: int, before: Ints) -> Ints:
        terms = self._terms(pool.items)
        if not self.rule.strength:
            return pool.items[in_order(terms, room, length)]
        relevance = scaled(pool.values)
        if len(self.last):
            is_last = np.isin(pool.items, self.last)
            relevance = np.full(len(pool.items), LAST, np.float32)
            relevance[~is_last] = scaled(pool.values[~is_last])
        margin = self._margin(pool.items, relevance, before)
        return pool.items[by_margin(margin, terms, room, length)]

    def _room(self, before: Ints) -> Room:
        room = Room(self.rule.limits)
        for terms in self._terms(before):
            room.take(terms)
        return room

    def _terms(self, items: Ints) -> list[tuple[Terms, ...]]:
        """The items' terms in the column of each cap."""
        if not self.rule.capped:
            return [()] * len(items)
        ids = items.tolist()
        return list(zip(*(ItemTerms.of(self.table, capped)(ids) for capped in self.rule.capped), strict=True))

    def _margin(self, items: Ints, relevance: Floats, before: Ints) -> Margin:
        vectors = self.vectors(np.concatenate((before, items)))
        return Margin(self.rule.strength, relevance, vectors[len(before) :], vectors[: len(before)])

    def vectors(self, items: Ints) -> Floats:
        """(m, d) unit vectors by which the items are alike; zero where nothing is known."""
        model = self.model() if self.rule.similarity == "model" else None
        if model is not None:
            return model(items)
        ids = items.tolist()
        if self.rule.similarity == "texts":
            return TextVectors.of(self.table, tuple(column.name for column in self.rule.alike))(ids)
        return term_vectors([ItemTerms.of(self.table, column)(ids) for column in self.rule.alike], len(ids))

    def _closed(self, room: Room) -> Bools:
        """(count,) the items that the next place may not be for."""
        closed = np.zeros(self.count, np.bool_)
        for capped, full in zip(self.rule.capped, room.closed, strict=True):
            column = LiveColumn.of(self.table, capped.name, column_kind(capped))
            for term in full:
                mask = column.cached_mask("=", (term,))[: self.count]
                closed[: len(mask)] |= mask
        return closed
