"""The answer of a trained blend: numpy only, no loop over items, safe to share between threads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.data.columns import Floats
from engine.ensemble.extension import Extension
from engine.ensemble.fits import unpacked
from engine.ensemble.mixture import Mixture
from engine.ensemble.plan import FRESH, IN_SESSION, Blend, Plan
from engine.ensemble.training import plan_of
from engine.recipes.base import Model, Query, Scorer


def ready(model: Model) -> Scorer:
    """Logits for every item of the model, given a history; ids unknown to the model are passed over."""
    plan, items, latest = plan_of(model), int(model.about["items"]), float(model.about["latest"])
    fits = unpacked(model.arrays, plan.columns)
    extension = Extension.of(model)
    blends = {
        blend: Mixture(plan.columns, fits, blend.weights, blend.scale, items)
        for blend in (plan.active, plan.returning, plan.new)
    }
    if "bonus" in model.arrays:
        for mixture in blends.values():
            mixture.base += model.arrays["bonus"]

    def score(query: Query) -> Floats:
        chosen = query.history if extension is None else extension.known(query.history, items)
        history = chosen[(chosen >= 0) & (chosen < items)]
        blend = situation(plan, query, len(history), latest)
        mixture = blends[blend]
        logits = mixture.sum_of(replace(query, history=history)).onto(mixture.base)
        if extension is not None:
            logits = extension.widened(logits)
        if plan.seen_penalty and len(history):
            seen = query.history[(query.history >= 0) & (query.history < len(logits))]
            logits[seen] -= np.float32(plan.seen_penalty)  # once, however often an item was chosen
        return logits

    return score


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
