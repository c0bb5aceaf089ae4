"""Merchandising rules of a tag, checked against recipe and data when they come, as a filter is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection

from engine.control.control import Control
from engine.control.schemas import schemas_of
from engine.data.options import TAG_PREFIX
from engine.errors import InvalidInput
from engine.filters import CompiledFilter, compile_filter, fields_of
from engine.rank.merchandising import check_rule_filter
from engine.recipe import Recipe
from engine.records import FilterRecord
from engine.rules.rules import ListRule


def check_rules_of_lists(
    control: Control, rules: Iterable[ListRule], recipe: Recipe[Any], group_arn: str, within: Connection
) -> None:
    """Raises `InvalidInput`, naming the rule and what is wrong, and `NotFound` for a filter that there is not."""
    for rule in rules:
        compiled = _filter_of(control, rule, group_arn, within)
        if compiled is not None:
            check_rule_filter(rule, compiled, recipe.name, recipe.kind)


def _filter_of(control: Control, rule: ListRule, group_arn: str, within: Connection) -> CompiledFilter | None:
    text = rule.expression
    if rule.filter is not None:
        arn = rule.filter if ":" in rule.filter else control.arn(f"filter/{rule.filter}")
        record = control.usable(arn, FilterRecord, within)
        if record.dataset_group_arn != group_arn:
            raise InvalidInput(f"tags: the filter {arn} of the rule {rule.name} is of another dataset group.")
        text = record.filter_expression
    if text is None:
        return None
    try:
        compiled = compile_filter(text, control.settings.quotas)
        compiled.check(fields_of(schemas_of(control, group_arn, within).values()))
    except InvalidInput as error:
        reason = error.message.removeprefix("Could not create filter. ")
        raise InvalidInput(f"tags: {TAG_PREFIX}rules: the rule {rule.name}: {reason}") from error
    return compiled
