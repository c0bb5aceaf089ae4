"""User personalization, first version: the second's model with the hyperparameters of its recurrent ancestor."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import msgspec
import numpy as np

from engine.data.snapshot import Snapshot
from engine.ensemble.indexing import indexed
from engine.ensemble.new_items import extended
from engine.ensemble.plan import EnsembleParams, Options
from engine.ensemble.scorer import Ensemble
from engine.ensemble.training import cheaper, cost, plan_of, refit, renew as renew_ensemble, train as train_ensemble
from engine.extras import TORCH, text_libraries
from engine.rank.explore import Exploration
from engine.recipe import Model, Progress, Recipe
from engine.recipes.sims import Share, between

Hidden = Annotated[int, msgspec.Meta(ge=32, le=256)]


class UserPersonalizationParams(EnsembleParams, frozen=True, forbid_unknown_fields=True):
    hidden_dimension: Hidden = 149
    bptt: Annotated[int, msgspec.Meta(ge=2, le=32)] = 32
    recency_mask: bool = True
    min_user_history_length_percentile: Share = 0.0
    max_user_history_length_percentile: Share = 0.99

    @property
    def options(self) -> Options:
        half = self.hidden_dimension // 4 * 2  # a transformer of that width costs what the recurrent model did
        return replace(super().options, dim=half, length=self.bptt, recency=self.recency_mask)


def train(snapshot: Snapshot, params: UserPersonalizationParams, seed: int, progress: Progress) -> Model:
    return train_ensemble(_usual_users(snapshot, params), params.options, seed, progress)


def again(model: Model, snapshot: Snapshot, params: UserPersonalizationParams, seed: int, progress: Progress) -> Model:
    return refit(plan_of(model), _usual_users(snapshot, params), seed, progress)


def renew(model: Model, snapshot: Snapshot, params: UserPersonalizationParams, seed: int, progress: Progress) -> Model:
    return renew_ensemble(model, _usual_users(snapshot, params), seed, progress)


def _usual_users(snapshot: Snapshot, params: UserPersonalizationParams) -> Snapshot:
    """Only the rows of users whose history is neither shorter nor longer than the percentiles say."""
    bounds = (params.min_user_history_length_percentile, params.max_user_history_length_percentile)
    return snapshot.take(between(np.diff(snapshot.indptr), bounds)[snapshot.users])


RECIPE = Recipe(
    name="aws-user-personalization",
    kind="USER_PERSONALIZATION",
    params=UserPersonalizationParams,
    train=train,
    ready=Ensemble,
    scores=True,
    exploration=Exploration(),
    description="What a user will want next, with exploration of new items; the first version's hyperparameters",
    hidden=frozenset(EnsembleParams.__struct_fields__),
    again=again,
    extend=extended,
    renew=renew,
    index=indexed,
    libraries=lambda schemas: (TORCH, *text_libraries(schemas.get("ITEMS"))),
    cost=lambda snapshot, params: cost(snapshot, params.options),
    cheaper=cheaper,
)
