"""The view of one item: what each dataset group knows of it, and who gets it."""

from __future__ import annotations

from collections import Counter

from engine import Engine, EngineError, ItemProfile, Question, Ranked, live_group, look_many, looked_up, sampled_users
from gateway.admin.view import View

EXAMPLES = 10


class ItemView(View, frozen=True, kw_only=True):
    namespace: str | None = None
    item_id: str
    known: bool
    groups: list[ItemProfile]


class AudienceExample(View, frozen=True, kw_only=True):
    user_id: str
    place: int


class ItemAudience(View, frozen=True, kw_only=True):
    """The share of users, a sample of all, who get the item in a model's list, and at which places."""

    model: str
    users: int
    num_results: int
    gets: int
    places: dict[int, int]
    examples: list[AudienceExample]


def item_view(item: str, profiles: list[ItemProfile], namespace: str | None = None) -> ItemView:
    return ItemView(namespace=namespace, item_id=item, known=any(each.known for each in profiles), groups=profiles)


def audience(engine: Engine, model: str, item: str, users: int, count: int) -> ItemAudience:
    """Raises `NotFound`, and what is wrong with asking the model for a user."""
    deployed = looked_up(engine, model)
    asked = sampled_users(live_group(engine, deployed.group_arn), users)
    arn, account = deployed.campaign.arn, deployed.campaign.account
    questions = [Question(campaign=arn, account=account, user=user, num_results=count) for user in asked]
    places: dict[str, int] = {}
    for user, answer in zip(asked, look_many(engine, questions, deployed), strict=True):
        if isinstance(answer, EngineError):
            raise answer
        if isinstance(answer, Ranked) and item in answer.items:
            places[user] = answer.items.index(item) + 1
    best = sorted(places.items(), key=lambda pair: pair[1])[:EXAMPLES]
    return ItemAudience(
        model=deployed.campaign.name,
        users=len(asked),
        num_results=count,
        gets=len(places),
        places=dict(sorted(Counter(places.values()).items())),
        examples=[AudienceExample(user_id=user, place=place) for user, place in best],
    )
