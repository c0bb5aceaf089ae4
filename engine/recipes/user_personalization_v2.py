"""User personalization, second version: what the user will want next, out of everything."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

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


class UserPersonalizationV2Params(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    apply_recency_bias: bool = True
    sequence_epochs: int = Options.epochs
    sequence_dimension: int = Options.dim
    sequence_gigaflops: float = Options.gigaflops
    sequence_most_epochs: int = Options.most_epochs
    light: bool = Options.light

    @property
    def options(self) -> Options:
        return Options(
            dim=self.sequence_dimension,
            epochs=self.sequence_epochs,
            gigaflops=self.sequence_gigaflops,
            recency=self.apply_recency_bias,
            most_epochs=self.sequence_most_epochs,
            light=self.light,
        )


def train(snapshot: Snapshot, params: UserPersonalizationV2Params, seed: int, progress: Progress) -> Model:
    return train_ensemble(snapshot, params.options, seed, progress)


def cheaper(
    snapshot: Snapshot, params: UserPersonalizationV2Params
) -> Iterator[tuple[UserPersonalizationV2Params, str]]:
    for options, words in cheaper_ensembles(snapshot, params.options):
        yield cheaper_params(params, options), words


def again(
    model: Model, snapshot: Snapshot, params: UserPersonalizationV2Params, seed: int, progress: Progress
) -> Model:
    return refit(plan_of(model), snapshot, seed, progress)


def extend(model: Model, snapshot: Snapshot, params: UserPersonalizationV2Params, progress: Progress) -> Model:
    return extended(model, snapshot, progress)


HIDDEN = frozenset({"sequence_epochs", "sequence_dimension", "sequence_gigaflops", "sequence_most_epochs", "light"})

RECIPE = Recipe(
    name="aws-user-personalization-v2",
    kind="USER_PERSONALIZATION",
    params=UserPersonalizationV2Params,
    train=train,
    ready=ready,
    scores=True,
    exploration=Exploration(weight=0.1),
    v2=True,
    description="What a user will want next: a blend of scorers, chosen on the data's own validation",
    hidden=HIDDEN,
    again=again,
    extend=extend,
    index=indexed,
    cost=lambda snapshot, params: cost(snapshot, params.options),
    cheaper=cheaper,
)
