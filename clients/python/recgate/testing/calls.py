"""Requests as tests speak of them: their operation, and the members that they sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

TARGET = "AmazonPersonalize."  # begins the header that names an operation of the control plane
OPERATIONS = {
    "/recommendations": "GetRecommendations",
    "/personalize-ranking": "GetPersonalizedRanking",
    "/action-recommendations": "GetActionRecommendations",
    "/events": "PutEvents",
    "/items": "PutItems",
    "/users": "PutUsers",
    "/actions": "PutActions",
    "/action-interactions": "PutActionInteractions",
}


@dataclass
class Call:
    """One request: an operation of Amazon Personalize by its name, one of the REST API by its first word, such as
    `recommend-items`. `status` is that of the answer; 0: none was sent."""

    operation: str
    path: str
    members: Mapping[str, Any] = field(default_factory=dict)
    status: int = 0


def call_of(method: str, target: str, named: str, body: bytes) -> Call:
    """`named` is the header X-Amz-Target."""
    parts = urlsplit(target)
    if named.startswith(TARGET):
        return Call(named.removeprefix(TARGET), parts.path, members_of(body))
    if method == "POST" and parts.path in OPERATIONS:
        return Call(OPERATIONS[parts.path], parts.path, members_of(body))
    first = unquote(parts.path).strip("/").split("/")[0]
    return Call(first, parts.path, {**dict(parse_qsl(parts.query)), **members_of(body)})


def members_of(body: bytes) -> dict[str, Any]:
    """The members of a JSON object; none of anything else."""
    try:
        members = json.loads(body or b"{}")
    except ValueError:
        return {}
    return members if isinstance(members, dict) else {}
