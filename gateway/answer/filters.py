"""Which filter and which promotion apply to a question, with their values (specification §2.5)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from engine import Promotion
from gateway.ask import Ask
from gateway.context.autocontext import filter_values_of
from gateway.errors import Invalid
from gateway.plan.plan import FilterChoice, Moment, Variation


def filtered(ask: Ask, variation: Variation, moment: Moment) -> Ask:
    """The question with the one filter that applies: the caller's, else the first configured one that may apply.

    Values without a filter are dropped, so that they do not tell apart questions that are the same.
    """
    if ask.filter:
        return msgspec.structs.replace(ask, filter=named(ask.filter, variation), expression=None)
    chosen = choice(ask.user_id, variation.filters) if variation.filters else None
    if chosen is None:
        if ask.filter is None and ask.expression is None and not ask.filter_values:
            return ask
        return msgspec.structs.replace(ask, filter=None, expression=None, filter_values={})
    values = filter_values_of(chosen.values, moment, ask.filter_values)
    return msgspec.structs.replace(ask, filter=chosen.filter, expression=chosen.expression, filter_values=values)


def promoted(ask: Ask, variation: Variation, moment: Moment) -> Promotion | None:
    """The promotion of the answer: the caller's, else the configured one. `ask` is as the caller sent it: its filter
    values count here, too. Raises `Invalid` for a ranking."""
    if ask.promotion is not None:
        if ask.action == "rerank-items":
            raise Invalid("ValidationError", "promotions: rerank-items orders given items and promotes none")
        return msgspec.structs.replace(ask.promotion, filter=named(ask.promotion.filter or "", variation))
    configured = variation.promotion
    if configured is None or (configured.choice.user_required and not ask.user_id):
        return None
    chosen = configured.choice
    values = {**filter_values_of(chosen.values, moment, ask.filter_values), **configured.fixed}
    return Promotion(
        name=configured.name,
        percent=configured.percent,
        filter=chosen.filter,
        expression=chosen.expression,
        filter_values=values,
    )


def choice(user_id: str | None, filters: Iterable[FilterChoice]) -> FilterChoice | None:
    return next((each for each in filters if user_id or not each.user_required), None)


def named(given: str, variation: Variation) -> str:
    """A plan that addresses its model by name takes a filter's ARN by its name, too, whatever account it is from."""
    by_arn = variation.model.startswith("arn:")
    return given if by_arn else given.rpartition("/")[2]
