"""Personalized ranking, second version: user personalization's scores, for a list the caller brings."""

from dataclasses import replace

from engine.recipes import user_personalization_v2

RECIPE = replace(
    user_personalization_v2.RECIPE,
    name="aws-personalized-ranking-v2",
    kind="PERSONALIZED_RANKING",
    exploration=None,
    extend=None,
    index=None,
    description="Reorders a given list for a user, with the model of aws-user-personalization-v2",
)
