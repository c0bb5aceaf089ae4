"""Personalized ranking, first version: user personalization's scores, for a list the caller brings."""

from dataclasses import replace

from engine.recipes import user_personalization

RECIPE = replace(
    user_personalization.RECIPE,
    name="aws-personalized-ranking",
    kind="PERSONALIZED_RANKING",
    exploration=None,
    extend=None,
    index=None,
    description="Reorders a given list for a user, with the model of aws-user-personalization",
)
