"""User personalization, first version: the second's model with the hyperparameters of its recurrent ancestor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec
import numpy as np

from engine.data.snapshot import Snapshot
from engine.ensemble.extension import extended
from engine.ensemble.indexing import indexed
from engine.ensemble.plan import Options
from engine.ensemble.scorer import ready
from engine.ensemble.training import cheaper as cheaper_ensembles
from engine.ensemble.training import cheaper_params, cost, plan_of, refit
from engine.ensemble.training import train as train_ensemble
from engine.rank.explore import Exploration
from engine.recipe import Model, Progress, Recipe

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Hidden = Annotated[int, msgspec.Meta(ge=32, le=256)]


class UserPersonalizationParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hidden_dimension: Hidden = 149
    bptt: Annotated[int, msgspec.Meta(ge=2, le=32)] = 32
    recency_mask: bool = True
    min_user_history_length_percentile: Share = 0.0
    max_user_history_length_percentile: Share = 0.99
    sequence_epochs: int = Options.epochs
    sequence_gigaflops: float = Options.gigaflops
    sequence_most_epochs: int = Options.most_epochs
    light: bool = Options.light

    @property
    def options(self) -> Options:
        return Options(
            dim=self.hidden_dimension // 4 * 2,  # half: a transformer of that width costs what the recurrent model did
            length=self.bptt,
            epochs=self.sequence_epochs,
            gigaflops=self.sequence_gigaflops,
            recency=self.recency_mask,
            most_epochs=self.sequence_most_epochs,
            light=self.light,
        )


def train(snapshot: Snapshot, params: UserPersonalizationParams, seed: int, progress: Progress) -> Model:
    return train_ensemble(_usual_users(snapshot, params), params.options, seed, progress)


def cheaper(snapshot: Snapshot, params: UserPersonalizationParams) -> Iterator[tuple[UserPersonalizationParams, str]]:
    for options, words in cheaper_ensembles(snapshot, params.options):
        yield cheaper_params(params, options), words


def again(model: Model, snapshot: Snapshot, params: UserPersonalizationParams, seed: int, progress: Progress) -> Model:
    return refit(plan_of(model), _usual_users(snapshot, params), seed, progress)


def extend(model: Model, snapshot: Snapshot, params: UserPersonalizationParams, progress: Progress) -> Model:
    return extended(model, snapshot, progress)


def _usual_users(snapshot: Snapshot, params: UserPersonalizationParams) -> Snapshot:
    """Only the rows of users whose history is neither shorter nor longer than the percentiles say."""
    lengths = np.diff(snapshot.indptr)
    if not lengths.any():
        return snapshot
    bounds = (params.min_user_history_length_percentile, params.max_user_history_length_percentile)
    shortest, longest = np.quantile(lengths[lengths > 0], bounds)
    return snapshot.take(((lengths >= shortest) & (lengths <= longest))[snapshot.users])


RECIPE = Recipe(
    name="aws-user-personalization",
    kind="USER_PERSONALIZATION",
    params=UserPersonalizationParams,
    train=train,
    ready=ready,
    scores=True,
    exploration=Exploration(),
    description="What a user will want next, with exploration of new items; the first version's hyperparameters",
    hidden=frozenset({"sequence_epochs", "sequence_gigaflops", "sequence_most_epochs", "light"}),
    again=again,
    extend=extend,
    index=indexed,
    cost=lambda snapshot, params: cost(snapshot, params.options),
    cheaper=cheaper,
)
