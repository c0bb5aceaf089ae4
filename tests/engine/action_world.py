"""A shop with actions: what there is to do, and what users did with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine import Event, Question
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
NEXT = "arn:aws:personalize:::recipe/aws-next-best-action"
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
    seq = shop.engine.feed.put_action_interactions(shop.tracking, [(session, user, event)]).result(30)
    shop.engine.feed.catch_up()
    return seq


def put_action(shop: Shop, action: str, **properties: Any) -> None:
    shop.engine.feed.put_rows(shop.dataset("ACTIONS"), "ACTIONS", [(action, properties)]).result(30)
    shop.engine.feed.catch_up()


def deeds_of(shop: Shop, user: str) -> list[tuple[str, str]]:
    """Action and event type, oldest first."""
    group = shop.engine.follower.group(shop.uid).actions
    history = group.history(user)
    types: Sequence[int] = history.types.tolist()
    return list(zip(group.items.names(history.items), (group.event_types[code] for code in types), strict=True))


def row_of(shop: Shop, action: str) -> dict[str, Any] | None:
    group = shop.engine.follower.group(shop.uid).actions
    return group.item_table.row(group.items.find(action))


# ---- a model that is sure of itself

DAY = 86_400
NOW = 40 * DAY  # after T0


def busy(shop: Shop, users: int = 200) -> Shop:
    """Users take the action of their parity, which their items show, and refuse the other; the campaign is `next`."""
    shop.load_clicks(*(f"u{user} i{2 * place + user % 2} {place}" for user in range(users) for place in range(4)))
    load_deeds(
        shop,
        *(
            f"u{user} {name} {'Taken' if user % 2 == parity else 'NotTaken'} {(user % 20) * DAY}"
            for user in range(users)
            for parity, name in enumerate(("even", "odd"))
        ),
    )
    load_actions(shop, "even,5,card,,", "odd,5,offer,,", "rare,2,card,,", "dear,9,offer,,")
    shop.clock.now = float(T0 + NOW)
    shop.deploy(shop.train("next", NEXT), "next")
    shop.engine.feed.catch_up()
    return shop


def ask(shop: Shop, user: str, count: int = 5, campaign: str = "next", **more: Any) -> dict[str, float]:
    """Action -> score, best first."""
    question = Question(of="actions", campaign=campaign, user=user, num_results=count, **more)
    ranked = shop.engine.answers.recommend(question)
    assert ranked.recommendation_id.startswith("RID-") and len(ranked.items) == len(set(ranked.items))
    return dict(zip(ranked.items, (score or 0.0 for score in ranked.scores), strict=True))
