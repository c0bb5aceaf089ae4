"""The question as JSON for functions, endpoints and HTTP origins that take a body (specification §2.6)."""

from __future__ import annotations

from typing import Any

from engine import Promotion
from gateway.ask import Ask
from gateway.plan.plan import Plan, Variation


def payload_of(ask: Ask, plan: Plan, variation: Variation) -> dict[str, Any]:
    """The question as the specification has it, and beside that filter, filter values, promotion and history."""
    body = base(ask, plan, variation)
    match ask.action:
        case "recommend-items":
            body |= {"userId": ask.user_id, "numResults": ask.num_results}
        case "related-items":
            body |= {"itemId": ask.item_id, "userId": ask.user_id or "", "numResults": ask.num_results}
        case "rerank-items":
            body |= {"userId": ask.user_id, "itemList": list(ask.item_ids or ())}
    if ask.history:
        body["history"] = list(ask.history)
    if ask.context:
        body["context"] = dict(ask.context)
    if ask.filter or ask.expression:
        body["filter"] = ask.filter or ask.expression
        body["filterValues"] = dict(ask.filter_values)
    if ask.promotion is not None:
        body["promotions"] = [promotion_of(ask.promotion)]
    return body


def promotion_of(promotion: Promotion) -> dict[str, Any]:
    """The promotion as Personalize spells it; `expression` in place of `filterArn` where it is written in place."""
    chosen = {"expression": promotion.expression} if promotion.filter is None else {"filterArn": promotion.filter}
    members = {"name": promotion.name, "percentPromotedItems": promotion.percent, **chosen}
    return {**members, "filterValues": dict(promotion.filter_values)}


def processing_of(ask: Ask, plan: Plan, variation: Variation, response: dict[str, Any]) -> dict[str, Any]:
    """The payload of a post-processor: the question, and the decorated answer."""
    asked = {"userId": ask.user_id, "itemId": ask.item_id}
    return {**base(ask, plan, variation), **{k: v for k, v in asked.items() if v is not None}, "response": response}


def base(ask: Ask, plan: Plan, variation: Variation) -> dict[str, Any]:
    return {
        "version": "1.0",
        "action": ask.action,
        "recommender": {"path": plan.recommender, "config": plan.config},
        "variation": variation.config,
    }
