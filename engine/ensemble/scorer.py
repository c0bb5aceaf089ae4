"""The answer of a trained blend: numpy only, no loop over items, safe to share between threads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from engine.data.columns import Floats, Ints
from engine.ensemble.extension import Extension
from engine.ensemble.fits import unpacked
from engine.ensemble.members import MEMBERS
from engine.ensemble.mixture import LogitSum, Mixture, all_onto, with_tiles
from engine.ensemble.plan import IN_SESSION, Blend, EnsemblePlan
from engine.ensemble.training import plan_of
from engine.nearest.cells import Index
from engine.nearest.shortlist import IndexQuery, Newer, Shortlist
from engine.recipe import Model, Query

PREFIX = "index_"  # of the index's arrays among a model's
BLENDS = 2  # those for active and for returning users


class _ScoredQuery(NamedTuple):
    blend: int  # place in `Ensemble.mixtures`
    sum: LogitSum
    penalised: Ints  # items that the user knows already; some may come again


class Ensemble:
    """Logits for every item of the model, given a history; ids unknown to the model are passed over."""

    def __init__(self, model: Model, index: Index | None = None) -> None:
        """`index` instead of the model's own, if it has one."""
        self.plan, self.items = plan_of(model), int(model.about["items"])
        self.mixtures = mixtures_of(model)
        self._extension = Extension.of(model)
        self.index = index if index is not None else index_of(model)
        self._means = [float(mixture.base.mean()) if self.items else 0.0 for mixture in self.mixtures]
        self._newer = None
        if self._extension is not None and self.index is not None:
            self._newer = Newer.of(self._extension.near, self._extension.weight, self._extension.offset, self.index)

    def __call__(self, query: Query) -> Floats:
        return self.many((query,))[0]

    def many(self, queries: Sequence[Query]) -> list[Floats]:
        """(items,) logits of each query; queries of one situation are answered together."""
        scored = self._scored(queries)
        logits_of: list[Floats] = [self.mixtures[0].base] * len(queries)
        for blend, mixture in enumerate(self.mixtures):
            places = [place for place, each in enumerate(scored) if each.blend == blend]
            if not places:
                continue
            block = all_onto(mixture.base, [scored[place].sum for place in places])
            for place, logits in zip(places, block, strict=True):
                logits_of[place] = self._finished(logits, blend, scored[place].penalised)
        return logits_of

    def shortlist(self, query: Query) -> Shortlist | None:
        return self.shortlists((query,))[0]

    def shortlists(self, queries: Sequence[Query]) -> list[Shortlist | None]:
        """The best by the index; None where there is none, or none for what a query is scored by."""
        if self.index is None:
            return [None] * len(queries)
        return [self._shortlist(self.index, scored) for scored in self._scored(queries)]

    def _shortlist(self, index: Index, scored: _ScoredQuery) -> Shortlist | None:
        vector = vector_of(scored.sum, scored.blend, index.width)
        if vector is None:
            return None
        mean, penalty = self._means[scored.blend], self.plan.seen_penalty
        asked = IndexQuery(vector, scored.sum.sparse, scored.sum.offset, mean, scored.penalised, penalty, scored.blend)
        return Shortlist(index, asked, self._newer)

    def vector(self, query: Query, width: int) -> Floats | None:
        """(width,) of this query's question to an index of vectors so wide; None where it is no product."""
        (scored,) = self._scored((query,))
        return vector_of(scored.sum, scored.blend, width)

    def _scored(self, queries: Sequence[Query]) -> list[_ScoredQuery]:
        blends = (self.plan.active, self.plan.returning, self.plan.new)
        recognised = [self._recognised(query) for query in queries]
        blend_of = [
            blends.index(situation(self.plan, query, len(own.history)))
            for query, own in zip(queries, recognised, strict=True)
        ]
        sums: dict[int, LogitSum] = {}
        for blend in set(blend_of):
            places = [place for place, own in enumerate(blend_of) if own == blend]
            sums |= zip(places, self.mixtures[blend].sums_of([recognised[place] for place in places]), strict=True)
        return [
            _ScoredQuery(blend_of[at], sums[at], self._penalised(queries[at], recognised[at]))
            for at in range(len(queries))
        ]

    def _recognised(self, query: Query) -> Query:
        """The query with the items of its history that the model knows."""
        chosen = query.history if self._extension is None else self._extension.with_stand_ins(query.history, self.items)
        own = (chosen >= 0) & (chosen < self.items)
        if chosen is query.history and own.all():
            return query
        times = query.times[own] if len(query.times) == len(own) else query.times
        return replace(query, history=chosen[own], times=times)

    def _penalised(self, query: Query, recognised: Query) -> Ints:
        if not self.plan.seen_penalty or not len(recognised.history):
            return np.zeros(0, np.int32)
        count = self.items + (len(self._extension.near) if self._extension is not None else 0)
        seen: Ints = query.history[(query.history >= 0) & (query.history < count)]
        return seen

    def _finished(self, logits: Floats, blend: int, penalised: Ints) -> Floats:
        if self._extension is not None:
            logits = self._extension.widened(logits, blend)
        logits[penalised] -= np.float32(self.plan.seen_penalty)  # once, however often an item was chosen
        return logits


def mixtures_of(model: Model) -> tuple[Mixture, ...]:
    """The mixtures of active, returning and new users."""
    plan, items = plan_of(model), int(model.about["items"])
    fits = {fit: with_tiles(arrays) for fit, arrays in unpacked(model.arrays, plan.columns).items()}
    blends = (plan.active, plan.returning, plan.new)
    mixtures = tuple(Mixture(plan.columns, fits, blend.weights, blend.scale, items) for blend in blends)
    if "bonus" in model.arrays:
        for mixture in mixtures:
            mixture.base += model.arrays["bonus"]
    return mixtures


def situation(plan: EnsemblePlan, query: Query, history: int) -> Blend:
    """The blend that answers: it depends on whether there is a history and whether its last event is recent."""
    if not history:
        return plan.new
    if not query.now or not len(query.times):
        return plan.active
    return plan.returning if query.now - float(query.times[-1]) > IN_SESSION else plan.active


def index_of(model: Model) -> Index | None:
    """The index that `engine.ensemble.indexing` made of the model, if it was any good."""
    about = model.about.get("index")
    if about is None:
        return None
    arrays = {name.removeprefix(PREFIX): array for name, array in model.arrays.items() if name.startswith(PREFIX)}
    return Index(arrays, about["share"], about["depth"])


def vectors_of(model: Model, mixtures: Sequence[Mixture]) -> Floats | None:
    """(items, d); None for a plan without exactly one sequence model."""
    columns = plan_of(model).columns
    trained = {column.fit for column in columns if MEMBERS[column.member].vectors is not None}
    if len(trained) != 1:
        return None
    arrays = unpacked(model.arrays, columns)[trained.pop()]
    return np.column_stack((arrays["items"], arrays["bias"], *(each.base for each in mixtures[:BLENDS])))


def vector_of(total: LogitSum, blend: int, width: int) -> Floats | None:
    """(width,) the vector of a question; None where its sum is no such product."""
    if total.dense or len(total.products) != 1:
        return None
    _, vector, bias = total.products[0]
    ones = np.arange(BLENDS) == blend
    extended = np.concatenate((vector, [bias], ones)).astype(np.float32)
    assert len(extended) == width, "made for another sequence model"
    return extended
