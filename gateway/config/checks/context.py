"""Checks of automatic fields, their rules, and filters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from engine import InvalidInput, check_expression, rule_faults
from gateway.caller import Caller
from gateway.context.operators import OPERATORS
from gateway.context.rules import ITEM_METADATA, RULES, holidays_of, instant
from gateway.document.context import AutoField, Filter, Mapping, Promotion, RulePart
from gateway.document.remote import FILTER_ARN, no_arn
from gateway.document.report import Report, checks, inside
from gateway.document.rules import AnyListRule, ListRulePart, list_rule
from gateway.document.values import Value
from gateway.plan.plan import Moment

NUMBERS = frozenset({"hour-of-day", "day-of-week", "season-of-year", "season"})  # rules that yield numbers
A_YEAR_WITH_HOLIDAYS = 2026
ANY_MOMENT = Moment(Caller({}), datetime(2026, 1, 1, tzinfo=UTC))


@checks
def check_field(part: AutoField, place: str, report: Report) -> None:
    if not part.rules and part.default is None:
        report.warn(place, "has neither rules nor a default: it never has a value")
    if part.default is not None and not suits(part.default, part.type):
        report.warn(inside(place, "default"), f"{part.default!r} is not of type {part.type}")
    for index, rule in enumerate(part.rules):
        for number, mapping in enumerate(rule.value_mappings):
            at = inside(place, "rules", index, "valueMappings")
            if not suits(mapping.map_to, part.type):
                report.warn(inside(at, number, "mapTo"), f"{mapping.map_to!r} is not of type {part.type}")


def suits(value: Value, kind: str) -> bool:
    if kind == "string":
        return True
    return isinstance(value, int | float) if kind == "float" else isinstance(value, int)


@checks
def check_rule(part: RulePart, place: str, report: Report) -> None:
    tag = str(part.__struct_config__.tag)
    if RULES[tag].name != tag:
        report.warn(inside(place, "type"), f"old spelling {tag!r}: write {RULES[tag].name!r}")
    keys = part.own_keys()
    check_keys(keys, place, report)
    is_text = tag not in NUMBERS
    for index, mapping in enumerate(part.value_mappings):
        if mapping.operator == "equals" and isinstance(mapping.value, str) != is_text:
            yields = f"a text: write {str(mapping.value)!r}" if is_text else "a number: write it without quotes"
            report.warn(inside(place, "valueMappings", index), f"never holds, for {tag} yields {yields}")


def check_keys(keys: dict[str, str], place: str, report: Report) -> None:
    """Check that dates exist and are in order, and that a holiday's place is known."""
    if "country" in keys:
        try:
            holidays_of(keys["country"], keys["subdivision"], A_YEAR_WITH_HOLIDAYS)
        except NotImplementedError as error:
            report.refuse(place, f"has no holidays: {error}")
    if "start" not in keys:
        return
    times = []
    for key in ("start", "end"):
        try:
            times.append(instant(keys[key], ANY_MOMENT))
        except ValueError as error:
            report.refuse(inside(place, key), f"is no date or time: {error}")
    if len(times) == 2 and times[0] > times[1]:
        report.refuse(place, f"ends at {keys['end']}, before it starts at {keys['start']}")


@checks
def check_mapping(part: Mapping, place: str, report: Report) -> None:
    name = OPERATORS[part.operator].__name__.replace("_", "-")
    if name != part.operator:
        report.warn(inside(place, "operator"), f"old spelling {part.operator!r}: write {name!r}")
    for key, value in (("value", part.value), ("mapTo", part.map_to)):
        if isinstance(value, float) and not math.isfinite(value):
            report.refuse(inside(place, key), "must be a finite number")


@checks
def check_filter(part: Filter, place: str, report: Report) -> None:
    check_choosing("arn", part.arn, part.expression, place, report)
    check_values(part, place, report)


@checks
def check_promotion(part: Promotion, place: str, report: Report) -> None:
    check_choosing("filterArn", part.filter_arn, part.expression, place, report)
    if not part.filter_arn and not part.expression:
        report.refuse(place, "needs 'filterArn' or 'expression'")
    check_values(part, place, report)
    check_fixed_values(part, place, report)


@checks
def check_list_rule(part: ListRulePart, place: str, report: Report) -> None:
    check_choosing("filterArn", part.filter_arn, part.expression, place, report)
    check_values(part, place, report)
    check_fixed_values(part, place, report)


def check_rules(rules: Sequence[AnyListRule] | None, place: str, report: Report) -> None:
    for index, member, message in rule_faults([list_rule(each) for each in rules or ()]):
        report.refuse(inside(place, "rules", index, *(member.split(".") if member else ())), message)


def check_choosing(key: str, arn: str | None, expression: str | None, place: str, report: Report) -> None:
    """Check a filter by ARN, which the document has under `key`, or one written in place."""
    if arn and expression:
        report.refuse(place, f"has both {key!r} and 'expression': give one of them")
    if arn and not FILTER_ARN.fullmatch(arn):
        report.warn(inside(place, key), no_arn(arn, "filter's", "filter/NAME", "filter"))
    if expression:
        try:
            check_expression(expression)
        except InvalidInput as error:
            report.refuse(inside(place, "expression"), error.message.removeprefix("Could not create filter. "))


def check_values(part: Filter | Promotion | ListRulePart, place: str, report: Report) -> None:
    for name in part.auto_dynamic_filter_values:
        if part.expression and f"${name}" not in part.expression:
            report.warn(inside(place, "autoDynamicFilterValues", name), f"the expression has no ${name}")


def check_fixed_values(part: Promotion | ListRulePart, place: str, report: Report) -> None:
    for name in part.filter_values:
        at = inside(place, "filterValues", name)
        if name in part.auto_dynamic_filter_values:
            report.refuse(at, "is under autoDynamicFilterValues, too: a value is fixed or automatic")
        if part.expression and f"${name}" not in part.expression:
            report.warn(at, f"the expression has no ${name}")


def check_filters(filters: Iterable[Filter] | None, place: str, report: Report) -> None:
    reached = True
    for index, each in enumerate(filters or ()):
        at = inside(place, "filters", index)
        if not each.arn and not each.expression:
            report.refuse(at, "needs 'arn' or 'expression'")
        if not reached:
            report.warn(at, "never applies: the filter before it has no condition")
        reached = reached and each.condition is not None


def reads_item(field: AutoField) -> bool:
    return any(rule.__struct_config__.tag == ITEM_METADATA for rule in field.rules)
