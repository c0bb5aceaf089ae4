"""Answers that a test declares, in the shapes of GetRecommendations, GetPersonalizedRanking, GetActionRecommendations,
and of the REST API's lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from recgate.testing.calls import Call

LISTS = {"GetRecommendations": "itemList", "GetActionRecommendations": "actionList"}
RANKING = "GetPersonalizedRanking"
PATHS = {"recommend-items": "user", "related-items": "item"}  # the last part of a path of the REST API
RERANK = "rerank-items"
USUAL = 25


@dataclass(frozen=True)
class DeclaredAnswer:
    """`name` is of a campaign, a recommender, or a recommender of the configuration; no user and no item: any."""

    name: str
    user: str | None
    item: str | None
    items: Sequence[str]

    def fits(self, asked: Asked) -> bool:
        wanted = (self.user, asked.user), (self.item, asked.item)
        return self.name == asked.name and all(own in (None, theirs) for own, theirs in wanted)


@dataclass(frozen=True)
class Asked:
    """What a request asks for."""

    name: str
    user: str | None
    item: str | None


def asked_by(call: Call) -> Asked | None:
    """None where the request is for no list."""
    members = call.members
    if call.operation in (*LISTS, RANKING):
        arn = str(members.get("campaignArn") or members.get("recommenderArn") or "")
        return Asked(arn.rsplit("/", 1)[-1], members.get("userId"), members.get("itemId"))
    parts = [unquote(part) for part in call.path.strip("/").split("/")]
    if call.operation not in (*PATHS, RERANK) or len(parts) < 3:
        return None
    last = parts[3] if len(parts) > 3 else None
    is_item = PATHS.get(call.operation) == "item"
    return Asked(parts[2], None if is_item else last, last if is_item else None)


def body_of(call: Call, items: Sequence[str]) -> Mapping[str, Any]:
    """The answer as Amazon Personalize, or recgate's REST API, has it."""
    identified = {"recommendationId": f"RID-{uuid4()}"}
    if call.operation in (RANKING, RERANK):
        return {_ranked_as(call): [{"itemId": item} for item in _ranked(call, items)], **identified}
    many = int(call.members.get("numResults") or USUAL)
    if call.operation == "GetActionRecommendations":
        return {"actionList": [{"actionId": action} for action in items[:many]], **identified}
    return {"itemList": [{"itemId": item} for item in items[:many]], **identified}


def _ranked_as(call: Call) -> str:
    return "personalizedRanking" if call.operation == RANKING else "itemList"


def _ranked(call: Call, items: Sequence[str]) -> list[str]:
    """The items that the request names: those declared first, in their order, then the others in the request's."""
    candidates = list(call.members.get("inputList") or call.members.get("itemIds") or [])
    if not candidates and call.path.count("/") > 4:  # GET /rerank-items/NAMESPACE/RECOMMENDER/USER/ITEMS
        candidates = [unquote(item) for item in call.path.split("/")[5].split(",")]
    return [item for item in items if item in candidates] + [item for item in candidates if item not in items]
