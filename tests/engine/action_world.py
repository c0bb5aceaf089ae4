"""A shop with actions: what there is to do, and what users did with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine import Event
from tests.engine.shop import T0, Shop

ACTIONS = [
    {"name": "ACTION_ID", "type": "string"},
    {"name": "VALUE", "type": ["null", "long"]},
    {"name": "KIND", "type": ["null", "string"], "categorical": True},
    {"name": "EXPIRATION_TIMESTAMP", "type": ["null", "long"]},
    {"name": "REPEAT_FREQUENCY", "type": ["null", "long"]},
]
DEEDS = [
    {"name": "USER_ID", "type": "string"},
    {"name": "ACTION_ID", "type": "string"},
    {"name": "EVENT_TYPE", "type": "string"},
    {"name": "TIMESTAMP", "type": "long"},
    {"name": "CHANNEL", "type": ["null", "string"]},
]
ACTIONS_HEADER = ",".join(str(field["name"]) for field in ACTIONS)
DEEDS_HEADER = ",".join(str(field["name"]) for field in DEEDS)


def with_actions(shop: Shop) -> Shop:
    shop.add_dataset("ACTIONS", ACTIONS)
    shop.add_dataset("ACTION_INTERACTIONS", DEEDS)
    return shop


def load_deeds(shop: Shop, *deeds: str, mode: str = "FULL") -> dict[str, Any]:
    """Deeds as `user action type second`, seconds counted from T0."""
    rows = (deed.split() for deed in deeds)
    lines = [f"{user},{action},{type_},{T0 + int(second)}," for user, action, type_, second in rows]
    return shop.load("ACTION_INTERACTIONS", [DEEDS_HEADER, *lines], mode)


def load_actions(shop: Shop, *rows: str, mode: str = "FULL") -> dict[str, Any]:
    return shop.load("ACTIONS", [ACTIONS_HEADER, *rows], mode)


def do(
    shop: Shop, user: str | None, action: str, type_: str, second: float = 0, session: str = "s", **more: Any
) -> int:
    """Done when it is durable; sees to it that this engine has followed."""
    event = Event(event_type=type_, sent_at=T0 + second, item_id=action, **more)
    seq = shop.engine.put_action_interactions(shop.tracking, [(session, user, event)]).result(30)
    shop.engine.catch_up()
    return seq


def put_action(shop: Shop, action: str, **properties: Any) -> None:
    shop.engine.put_actions(shop.dataset("ACTIONS"), [(action, properties)]).result(30)
    shop.engine.catch_up()


def deeds_of(shop: Shop, user: str) -> list[tuple[str, str]]:
    """Action and event type, oldest first."""
    group = shop.engine.follower.group(shop.uid).actions
    history = group.history(user)
    types: Sequence[int] = history.types.tolist()
    return list(zip(group.items.names(history.items), (group.event_types[code] for code in types), strict=True))


def row_of(shop: Shop, action: str) -> dict[str, Any] | None:
    group = shop.engine.follower.group(shop.uid).actions
    return group.item_row(group.items.find(action))
