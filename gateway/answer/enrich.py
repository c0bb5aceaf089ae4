"""All that can change an answer joins the question: filter and promotion with their values (specification §2.5), the
rules in force, parameters and context."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from engine import ListRule, Promotion, RuleBook
from gateway.ask import Ask
from gateway.context.autocontext import context_of, filter_values_of
from gateway.errors import Invalid
from gateway.plan.plan import ContextField, FilterChoice, Moment, Variation


def enrich(ask: Ask, variation: Variation, moment: Moment) -> Ask:
    """Add to the question what the configuration says; what the caller said wins."""
    promotion = promoted(ask, variation, moment)
    rules = None if variation.rules is None else ruled(ask, variation, variation.rules, moment)
    ask = filtered(ask, variation, moment)
    if promotion is not None:
        ask = msgspec.structs.replace(ask, promotion=promotion)
    if rules is not None:
        ask = msgspec.structs.replace(ask, rules=rules)
    if variation.parameters:
        query = moment.caller.query
        parameters = {name: query[name] for name in variation.parameters if name in query}
        ask = msgspec.structs.replace(ask, parameters=parameters)
    if not variation.auto_context:
        return ask
    return msgspec.structs.replace(ask, context=context_of(variation.auto_context, moment, ask.context))


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


def ruled(ask: Ask, variation: Variation, book: RuleBook, moment: Moment) -> tuple[ListRule, ...]:
    """The rules in force, with their filters' values. `ask` is as the caller sent it, as for a promotion."""
    rules = book.in_force(moment.now.timestamp()).of(ask.user_id or None)
    if not variation.rule_values:
        return rules
    return tuple([_with_values(rule, variation.rule_values.get(rule.name), ask, moment) for rule in rules])


def _with_values(rule: ListRule, fields: tuple[ContextField, ...] | None, ask: Ask, moment: Moment) -> ListRule:
    if fields is None:
        return rule
    values = {**filter_values_of(fields, moment, ask.filter_values), **rule.filter_values}
    return msgspec.structs.replace(rule, filter_values=values)


def choice(user_id: str | None, filters: Iterable[FilterChoice]) -> FilterChoice | None:
    return next((each for each in filters if user_id or not each.user_required), None)


def named(filter_: str, variation: Variation) -> str:
    """A plan that addresses its model by name takes a filter's ARN by its name, too, whatever account it is from."""
    by_arn = variation.model.startswith("arn:")
    return filter_ if by_arn else filter_.rpartition("/")[2]
