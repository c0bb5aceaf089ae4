"""HRNN, withdrawn by AWS: its hyperparameters on the model of user personalization, which came in its place."""

from __future__ import annotations

from dataclasses import replace

from engine.recipes import user_personalization
from engine.recipes.user_personalization import Hidden


class HrnnParams(user_personalization.UserPersonalizationParams, frozen=True, forbid_unknown_fields=True):
    hidden_dimension: Hidden = 43


RECIPE = replace(
    user_personalization.RECIPE,
    name="aws-hrnn",
    params=HrnnParams,
    extend=None,
    description="Withdrawn by AWS: the model of aws-user-personalization with the hyperparameters of its ancestor",
)
