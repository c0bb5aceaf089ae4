"""Training a blend: choose on validation, then fit what was kept on everything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from engine.cost import Cost
from engine.data.snapshot import Snapshot
from engine.ensemble.choice import candidates, choose, most_cases
from engine.ensemble.cost import cost_of, parts_of
from engine.ensemble.fits import Fits, fitted, packed, unpacked
from engine.ensemble.members import MEMBERS
from engine.ensemble.plan import EnsembleParams, EnsemblePlan, Options
from engine.recipe import Model, Progress, spans

P = TypeVar("P", bound=EnsembleParams)


def train(snapshot: Snapshot, options: Options, seed: int, progress: Progress) -> Model:
    parts = parts_of(snapshot, candidates(snapshot, options), most_cases(snapshot.item_count))
    choosing, fitting = spans(progress, (sum(parts[:-1]), parts.refit))
    plan = choose(snapshot, options, seed, choosing)
    return refit(plan, snapshot, seed, fitting)


def cost(snapshot: Snapshot, options: Options) -> Cost:
    return cost_of(snapshot, candidates(snapshot, options), most_cases(snapshot.item_count))


def cheaper(snapshot: Snapshot, params: P) -> Iterator[tuple[P, str]]:
    """Parameters with less and less of what costs most, each with words for what it leaves out."""
    network = next((column for column in candidates(snapshot, params.options) if column.member == "sequence"), None)
    if network is not None:
        epochs = int(network.shape["epochs"])
        for fewer in range(epochs - 1, 1, -1):
            words = f"the sequence model learns for {fewer} epochs instead of {epochs}"
            yield replace(params, sequence_most_epochs=fewer), words
        yield replace(params, sequence_epochs=0), "no sequence model"
    yield replace(params, sequence_epochs=0, light=True), "no sequence model, EASE, regression or neighbours"


def refit(plan: EnsemblePlan, snapshot: Snapshot, seed: int, progress: Progress) -> Model:
    """The model of a plan that was made before, on other data of the same kind."""
    return _model(plan, fitted(plan.columns, snapshot, seed, progress), snapshot)


def renew(model: Model, snapshot: Snapshot, seed: int, progress: Progress) -> Model:
    """The model on data that has grown since: closed forms are fitted anew, the sequence model learns on."""
    plan = plan_of(model)
    earlier, last = unpacked(model.arrays, plan.columns), {column.fit: column for column in plan.columns}
    members = {fit: MEMBERS[column.member] for fit, column in last.items()}
    anew = [column for column in plan.columns if members[column.fit].renew is None]
    fitting, learning = spans(progress, (1.0, 4.0))
    fits = dict(fitted(anew, snapshot, seed, fitting))
    for fit, member in members.items():
        if member.renew is not None:
            fits[fit] = member.renew(earlier[fit], snapshot, last[fit].shape, seed, learning)
    return _model(plan, fits, snapshot)


def _model(plan: EnsemblePlan, fits: Fits, snapshot: Snapshot) -> Model:
    arrays = packed(fits)
    if snapshot.objective is not None:
        arrays["bonus"] = snapshot.objective.bonus()
    about = {
        "items": snapshot.item_count,
        "latest": int(snapshot.times.max(initial=0)),
        "plan": msgspec.to_builtins(plan),
        "chosen": plan.account(),
    }
    return Model(arrays, about)


def plan_of(model: Model) -> EnsemblePlan:
    return msgspec.convert(model.about["plan"], EnsemblePlan)
