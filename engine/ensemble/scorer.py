"""The answer of a trained blend: numpy only, no loop over items, safe to share between threads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.data.columns import Floats
from engine.ensemble.choice import mixture
from engine.ensemble.extension import Extension
from engine.ensemble.fits import reader, unpacked
from engine.ensemble.plan import FRESH, IN_SESSION, Blend, Plan
from engine.ensemble.training import plan_of
from engine.recipes.base import Model, Query, Scorer


def ready(model: Model) -> Scorer:
    """Logits for every item of the model, given a history; ids unknown to the model are passed over."""
    plan, items, latest = plan_of(model), int(model.about["items"]), float(model.about["latest"])
    fits = unpacked(model.arrays, plan.columns)
    scores = [reader(column, fits[column.fit], items) for column in plan.columns]
    extension = Extension.of(model)
    bonus = model.arrays.get("bonus")
    blends = {blend: mixture(plan.columns, scores, blend.weights) for blend in (plan.active, plan.returning, plan.new)}

    def score(query: Query) -> Floats:
        chosen = query.history if extension is None else extension.known(query.history, items)
        history = chosen[(chosen >= 0) & (chosen < items)]
        blend = situation(plan, query, len(history), latest)
        logits = blend.scale * blends[blend](replace(query, history=history))
        if bonus is not None:
            logits = logits + bonus
        if extension is not None:
            logits = extension.widened(logits)
        if plan.seen_penalty and len(history):
            seen = query.history[(query.history >= 0) & (query.history < len(logits))]
            logits[np.unique(seen)] -= np.float32(plan.seen_penalty)
        return np.asarray(logits, np.float32)

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
