"""The answer of a trained blend: numpy only, no loop over items, safe to share between threads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engine.data.columns import Floats, Ints
from engine.ensemble.extension import Extension
from engine.ensemble.fits import unpacked
from engine.ensemble.mixture import Mixture, all_onto
from engine.ensemble.plan import FRESH, IN_SESSION, Blend, Plan
from engine.ensemble.training import plan_of
from engine.recipes.base import Model, Query, Scorer


def ready(model: Model) -> Scorer:
    """Logits for every item of the model, given a history; ids unknown to the model are passed over."""
    return Blended(model)


class Blended:
    """A scorer for one query or many."""

    def __init__(self, model: Model) -> None:
        self._plan, self._items, self._latest = plan_of(model), int(model.about["items"]), float(model.about["latest"])
        fits = unpacked(model.arrays, self._plan.columns)
        self._extension = Extension.of(model)
        self._blends = {
            blend: Mixture(self._plan.columns, fits, blend.weights, blend.scale, self._items)
            for blend in (self._plan.active, self._plan.returning, self._plan.new)
        }
        if "bonus" in model.arrays:
            for mixture in self._blends.values():
                mixture.base += model.arrays["bonus"]

    def __call__(self, query: Query) -> Floats:
        return self.many((query,))[0]

    def many(self, queries: Sequence[Query]) -> list[Floats]:
        """(items,) each: those of one situation together."""
        known = [replace(query, history=self._known(query.history)) for query in queries]
        together: dict[Blend, list[int]] = {}
        for place, query in enumerate(known):
            together.setdefault(situation(self._plan, query, len(query.history), self._latest), []).append(place)
        found: list[Floats] = [self._blends[self._plan.new].base] * len(queries)
        for blend, places in together.items():
            mixture = self._blends[blend]
            for place, logits in zip(
                places, all_onto(mixture.base, mixture.sums_of([known[place] for place in places])), strict=True
            ):
                found[place] = self._finished(logits, queries[place].history, len(known[place].history))
        return found

    def _known(self, history: Ints) -> Ints:
        """(h,) what the model knows of it."""
        chosen = history if self._extension is None else self._extension.known(history, self._items)
        known: Ints = chosen[(chosen >= 0) & (chosen < self._items)]
        return known

    def _finished(self, logits: Floats, history: Ints, known: int) -> Floats:
        if self._extension is not None:
            logits = self._extension.widened(logits)
        if self._plan.seen_penalty and known:
            seen = history[(history >= 0) & (history < len(logits))]
            logits[seen] -= np.float32(self._plan.seen_penalty)  # once, however often an item was chosen
        return logits


def situation(plan: Plan, query: Query, known: int, latest: float) -> Blend:
    """Which blend answers: by whether there is a history and whether its last event is a moment ago.

    What returning users get was chosen at moments right after the training data (whose last event is `latest`), when
    recent popularity is recent. Long after, that is no longer so, and a user's own history says more.
    """
    if not known:
        return plan.new
    if not query.now or not len(query.times) or query.now - latest > FRESH:
        return plan.active
    return plan.returning if query.now - float(query.times[-1]) > IN_SESSION else plan.active
