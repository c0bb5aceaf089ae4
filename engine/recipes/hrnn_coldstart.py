"""HRNN-Coldstart, withdrawn by AWS: user personalization, whose exploration shows cold items."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from msgspec import Meta

from engine.recipes import user_personalization

MOST = 1_000_000  # AWS names no bound


class HrnnColdstartParams(user_personalization.UserPersonalizationParams, frozen=True, forbid_unknown_fields=True):
    """The bounds of cold items are accepted for AWS's sake: exploration goes by an item's age."""

    cold_start_max_interactions: Annotated[int, Meta(ge=1, le=MOST)] = 15
    cold_start_max_duration: Annotated[float, Meta(ge=0, le=MOST)] = 5.0
    cold_start_relative_from: Literal["latestItem", "currentTime"] = "latestItem"


RECIPE = replace(
    user_personalization.RECIPE,
    name="aws-hrnn-coldstart",
    params=HrnnColdstartParams,
    description="Withdrawn by AWS: the model of aws-user-personalization, whose exploration shows cold items",
)
