"""The use cases of domain dataset groups: what a recommender trains and how it answers (specification §3.3).

Each is one of our recipes on the interactions it asks for, with an automatic filter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from engine import recipes
from engine.arns import RECIPE_PREFIX
from engine.rank.explore import Exploration
from engine.recipe import Recipe

PURCHASED = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("Purchase")'
WATCHED = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("Watch")'


@dataclass(frozen=True)
class UseCase:
    name: str  # the recipe's, as AWS calls it
    domain: str
    trains: str  # the name of our recipe
    description: str
    event_type: str | None = None  # only these interactions count; None: all
    drops: str | None = None  # a filter expression that always applies
    needs_user: bool = True
    needs_items: bool = False  # an Items dataset

    @property
    def explores(self) -> bool:
        return recipes.RECIPES[self.trains].kind == "USER_PERSONALIZATION"

    @property
    def recipe(self) -> Recipe[Any]:
        """Recommenders give no scores and no reasons, and metadata only where they are told to."""
        exploration = Exploration() if self.explores else None
        return replace(recipes.RECIPES[self.trains], name=self.name, scores=False, v2=False, exploration=exploration)


def _shop(name: str, trains: str, description: str, **more: Any) -> UseCase:
    return UseCase(f"aws-ecomm-{name}", "ECOMMERCE", trains, description, **more)


def _video(name: str, trains: str, description: str, **more: Any) -> UseCase:
    return UseCase(f"aws-vod-{name}", "VIDEO_ON_DEMAND", trains, description, **more)


_ALL = (
    _shop("popular-items-by-views", "aws-popularity-count", "Most viewed", event_type="View"),
    _shop("popular-items-by-purchases", "aws-popularity-count", "Best sellers", event_type="Purchase"),
    _shop(
        "frequently-bought-together",
        "aws-sims",
        "Frequently bought together",
        event_type="Purchase",
        needs_user=False,
    ),
    _shop(
        "customers-who-viewed-x-also-viewed",
        "aws-sims",
        "Customers who viewed X also viewed",
        event_type="View",
        drops=PURCHASED,
    ),
    _shop("recommended-for-you", "aws-user-personalization-v2", "Recommended for you", drops=PURCHASED),
    _video("because-you-watched-x", "aws-sims", "Because you watched X", event_type="Watch", drops=WATCHED),
    _video("more-like-x", "aws-similar-items", "More like X", drops=WATCHED, needs_items=True),
    _video("most-popular", "aws-popularity-count", "Most popular", event_type="Watch"),
    _video("trending-now", "aws-trending-now", "Trending now", needs_user=False),
    _video("top-picks", "aws-user-personalization-v2", "Top picks for you", drops=WATCHED),
)
USE_CASES: dict[str, UseCase] = {each.name: each for each in _ALL}


def use_case_of(recipe_arn: str) -> UseCase | None:
    """None for an ARN that is no use case's."""
    return USE_CASES.get(recipe_arn.removeprefix(RECIPE_PREFIX)) if recipe_arn.startswith(RECIPE_PREFIX) else None
