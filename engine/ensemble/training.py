"""Training a blend: choose on validation, then fit what was kept on everything."""

from __future__ import annotations

import msgspec

from engine.data.snapshot import Snapshot
from engine.ensemble.choice import choose
from engine.ensemble.fits import fitted, packed
from engine.ensemble.plan import Options, Plan
from engine.recipes.base import Model, Progress, stretch


def train(snapshot: Snapshot, options: Options, seed: int, progress: Progress) -> Model:
    plan = choose(snapshot, options, seed, stretch(progress, 0.0, 0.7))
    return refit(plan, snapshot, seed, stretch(progress, 0.7, 1.0))


def refit(plan: Plan, snapshot: Snapshot, seed: int, progress: Progress) -> Model:
    """The model of a plan that was made before, on other data of the same kind."""
    arrays = packed(fitted(plan.columns, snapshot, seed, progress))
    if snapshot.objective is not None:
        arrays["bonus"] = snapshot.objective.bonus()
    about = {
        "items": snapshot.item_count,
        "latest": int(snapshot.times.max(initial=0)),
        "plan": msgspec.to_builtins(plan),
        "chosen": plan.account(),
    }
    return Model(arrays, about)


def plan_of(model: Model) -> Plan:
    return msgspec.convert(model.about["plan"], Plan)
