"""Azure Personalizer, which has ended: its requests, as its clients send them. Rank chooses one of several actions for
a context, and Reward says how good the choice was. `gateway.routes.personalizer` answers them.

The best action is the first of a recommender that ranks. With the chance of `exploration` any of them is chosen in its
place, all alike: so each has a probability, which is the one by which it was drawn.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b
from itertools import accumulate
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from engine import Event
from gateway.document.values import Fraction, Text
from gateway.errors import Invalid, Problem
from gateway.intake.base import PartnerPart, PartnerReply, PartnerType
from gateway.intake.mapping import PartnerMapping
from gateway.intake.records import MappedEvent

MOST_ACTIONS, MOST_FEATURES = 50, 150
CODES = {400: "BadRequest", 404: "ResourceNotFound", 500: "InternalServerError"}  # else the status itself

EventId = Annotated[str, Meta(min_length=1, max_length=256)]
TABLE = PartnerMapping(user_id="contextFeatures[].[userId, user.id, user.userId][] | [0]")


class PersonalizerPart(PartnerPart, frozen=True, kw_only=True):
    """Azure Personalizer's clients: `keys` are those of Ocp-Apim-Subscription-Key. The `recommender` of rerank-items
    ranks; `exploration` is the share of requests in which any action is chosen, all alike. `mapping.userId` finds the
    user in `contextFeatures`."""

    recommender: Text
    exploration: Fraction = 0.2


class RankAction(msgspec.Struct, frozen=True, kw_only=True):
    id: EventId
    features: list[dict[str, Any]] | None = None


class RankBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    actions: Annotated[list[RankAction], Meta(min_length=1, max_length=MOST_ACTIONS)]
    context_features: list[dict[str, Any]] | None = None
    excluded_actions: list[str] | None = None
    event_id: EventId | None = None
    defer_activation: bool | None = None


class RewardBody(msgspec.Struct, frozen=True, kw_only=True):
    value: Annotated[float, Meta(ge=-1, le=1)]


class RankedAction(NamedTuple):
    id: str
    probability: float


def eligible_actions(body: RankBody) -> list[str]:
    """The ids of the actions that may be chosen. Raises `Invalid`."""
    ids = [each.id for each in body.actions]
    if len(set(ids)) < len(ids):
        raise Invalid("ValidationError", "actions: an id is there twice")
    eligible = [each for each in ids if each not in (body.excluded_actions or ())]
    if not eligible:
        raise Invalid("ValidationError", "excludedActions: they are all of the actions")
    return eligible


def probabilities(count: int, exploration: float) -> list[float]:
    """The chance of each of so many actions to be chosen, the best first."""
    even = exploration / count
    return [1 - exploration + even, *[even] * (count - 1)]


def drawn(chances: Sequence[float], salt: str, event_id: str) -> int:
    """The place that the event draws by these chances: the same in every process."""
    digest = blake2b(f"{salt}\0{event_id}".encode("utf-8", "surrogatepass"), digest_size=7).digest()
    point = int.from_bytes(digest) / (1 << 56)
    return next((place for place, end in enumerate(accumulate(chances)) if point < end), len(chances) - 1)


def ranking(
    actions: Sequence[str], ranked: Sequence[str], chosen: str, chances: Mapping[str, float]
) -> list[RankedAction]:
    """The actions with the chosen one first; those that were excluded keep the places that they were sent at."""
    order = iter([chosen, *(each for each in ranked if each != chosen)])
    return [
        RankedAction(action, 0.0)
        if action not in chances
        else RankedAction(following := next(order), chances[following])
        for action in actions
    ]


def context_of(features: Collection[Mapping[str, Any]] | None) -> dict[str, str]:
    """The context as texts by their names, those of objects within it among them. Raises `Invalid`."""
    groups = [each for feature in features or () for each in (feature, *_objects(feature))]
    context = {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for group in groups
        for name, value in group.items()
        if isinstance(value, str | int | float)
    }
    if len(context) > MOST_FEATURES:
        raise Invalid("ValidationError", f"contextFeatures: at most {MOST_FEATURES} features, not {len(context)}")
    return context


def _objects(feature: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [value for value in feature.values() if isinstance(value, dict)]


def shown(action: str, event_id: str, user: str | None, now: float) -> MappedEvent:
    """The impression of the chosen action."""
    impression = Event(event_type="Impression", sent_at=now, event_id=f"shown {_short(event_id)}", impression=(action,))
    return MappedEvent(event_id, user, impression)


def rewarded(action: str, event_id: str, user: str | None, value: float, now: float) -> MappedEvent:
    """The reward of the chosen action, which counts once."""
    reward = Event(
        event_type="Reward",
        sent_at=now,
        event_id=f"reward {_short(event_id)}",
        item_id=action,
        event_value=value,
    )
    return MappedEvent(event_id, user, reward)


def _short(event_id: str) -> str:
    return blake2b(event_id.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def refused(problem: Problem) -> PartnerReply:
    """An error as Azure's clients read it."""
    error = {"code": CODES.get(problem.status, str(problem.status)), "message": problem.message}
    return PartnerReply(msgspec.json.encode({"error": error}), problem.status)


PARTNER = PartnerType(name="personalizer", part=PersonalizerPart, table=TABLE, endpoints=(), refused=refused, place=30)
