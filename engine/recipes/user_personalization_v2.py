"""User personalization, second version: the items that the user will want next, out of the whole catalogue."""

from __future__ import annotations

from dataclasses import replace

from engine.data.snapshot import Snapshot
from engine.ensemble.indexing import indexed
from engine.ensemble.new_items import extended
from engine.ensemble.plan import EnsembleParams, Options
from engine.ensemble.scorer import Ensemble
from engine.ensemble.training import cheaper, cost, plan_of, refit, renew as renew_ensemble, train as train_ensemble
from engine.extras import TORCH, text_libraries
from engine.rank.explore import Exploration
from engine.recipe import Model, Progress, Recipe


class UserPersonalizationV2Params(EnsembleParams, frozen=True, forbid_unknown_fields=True):
    apply_recency_bias: bool = True
    sequence_dimension: int = Options.dim

    @property
    def options(self) -> Options:
        return replace(super().options, dim=self.sequence_dimension, recency=self.apply_recency_bias)


def train(snapshot: Snapshot, params: UserPersonalizationV2Params, seed: int, progress: Progress) -> Model:
    return train_ensemble(snapshot, params.options, seed, progress)


def again(
    model: Model, snapshot: Snapshot, params: UserPersonalizationV2Params, seed: int, progress: Progress
) -> Model:
    return refit(plan_of(model), snapshot, seed, progress)


def renew(
    model: Model, snapshot: Snapshot, params: UserPersonalizationV2Params, seed: int, progress: Progress
) -> Model:
    return renew_ensemble(model, snapshot, seed, progress)


RECIPE = Recipe(
    name="aws-user-personalization-v2",
    kind="USER_PERSONALIZATION",
    params=UserPersonalizationV2Params,
    train=train,
    ready=Ensemble,
    scores=True,
    exploration=Exploration(weight=0.1),
    v2=True,
    description="What a user will want next: a blend of scorers, chosen on the data's own validation",
    hidden=frozenset({*EnsembleParams.__struct_fields__, "sequence_dimension"}),
    again=again,
    extend=extended,
    renew=renew,
    index=indexed,
    libraries=lambda schemas: (TORCH, *text_libraries(schemas.get("ITEMS"))),
    cost=lambda snapshot, params: cost(snapshot, params.options),
    cheaper=cheaper,
)
