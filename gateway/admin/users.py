"""The view of one user: what each dataset group knows of it, its arms and its lists."""

from __future__ import annotations

import time

import msgspec

from engine import Cards, Deployed, Engine, EngineError, Question, UserProfile, look, user_profile
from gateway.admin.lists import ListView, failed_list, list_of
from gateway.admin.view import View

FOR_USERS = ("USER_PERSONALIZATION", "POPULAR_ITEMS")  # types of recipes that answer a user without an item


class UserArm(View, frozen=True, kw_only=True):
    """The arm of an experiment that the user is in."""

    experiment: str
    feature: str
    recommender: str
    variation: str
    counted: bool


class UserView(View, frozen=True, kw_only=True):
    """`namespace` is null where models were asked past a configuration."""

    namespace: str | None = None
    user_id: str
    known: bool
    groups: list[UserProfile]
    arms: list[UserArm] = msgspec.field(default_factory=list)
    lists: list[ListView]


def user_of_group(engine: Engine, group_arn: str, user: str, count: int) -> UserView:
    """The user in one dataset group, with the list of each model of it that answers users. Raises `NotFound`."""
    profile = user_profile(engine, group_arn, user)
    deployed = [each for each in engine.answers.deployed_models() if each.group_arn == group_arn]
    asked = sorted((each for each in deployed if each.recipe.kind in FOR_USERS), key=lambda each: each.campaign.name)
    cards = Cards.of(engine, group_arn)
    lists = [model_list(engine, each, cards, user, count) for each in asked]
    return UserView(user_id=user, known=profile.known, groups=[profile], lists=lists)


def model_list(engine: Engine, deployed: Deployed, cards: Cards, user: str, count: int) -> ListView:
    """The list of one model for a user, or why there is none."""
    question = Question(campaign=deployed.campaign.arn, account=deployed.campaign.account, user=user, num_results=count)
    began = time.perf_counter()
    try:
        ranked = look(engine, question, deployed)
    except EngineError as error:
        return failed_list(deployed.campaign.name, error)
    return list_of(ranked, deployed, cards, (time.perf_counter() - began) * 1000)
