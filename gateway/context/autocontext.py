"""Automatic fields: the values of rules, mapped by the configuration, as they enter a context, an event or a filter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from gateway.context.operators import Operator, Value
from gateway.context.rules import A_DAY, ITEM_METADATA, FieldType, Rule, Values
from gateway.plan.plan import ContextField, Moment

LONGEST_VALUE = 1000  # characters that Personalize takes in a context or a filter value; headers may be longer


@dataclass(frozen=True)
class Mapped:
    operator: Operator
    value: Value
    map_to: Value


@dataclass(frozen=True)
class Bound:
    """A rule with its keys filled in and its value mappings."""

    rule: Rule
    keys: Mapping[str, str]
    mappings: tuple[Mapped, ...] = ()

    def headers(self) -> frozenset[str]:
        return self.rule.headers | ({self.keys["header"]} if "header" in self.keys else frozenset())

    def until(self, moment: Moment) -> datetime | None:
        return self.rule.until(moment, **self.keys) if self.rule.until else None

    def yields(self, moment: Moment) -> Values:
        value = self.rule.value(moment, **self.keys)
        raws = value if isinstance(value, tuple) else () if value is None else (value,)
        if not self.mappings:
            return raws
        return tuple(value for raw in raws if (value := self._mapped(raw)) is not None)

    def _mapped(self, raw: Value) -> Value | None:
        return next((each.map_to for each in self.mappings if each.operator(raw, each.value)), None)


def automatic(
    name: str, kind: FieldType, rules: tuple[Bound, ...], default: Value | None, evaluate_all: bool
) -> ContextField:
    def resolve(moment: Moment) -> tuple[Value, ...]:
        values: list[Value] = []
        for each in rules:
            values += each.yields(moment)
            if values and not evaluate_all:
                break
        return tuple(dict.fromkeys(values)) if values or default is None else (default,)

    timed = [each for each in rules if each.rule.until]

    def until(moment: Moment) -> datetime:
        return min(edge for each in timed if (edge := each.until(moment)))

    headers = frozenset[str]().union(*(each.headers() for each in rules))
    reads_item = any(each.rule.name == ITEM_METADATA for each in rules)
    queries = frozenset(each.keys["param"] for each in rules if "param" in each.keys)
    return ContextField(name, kind, resolve, headers, until if timed else None, reads_item, queries)


def context_of(
    fields: Iterable[ContextField], moment: Moment, explicit: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The context of an inference; the caller's own values win."""
    values_by_name = {field.name: text(values[0]) for field in fields if (values := field.resolve(moment))}
    return {**values_by_name, **(explicit or {})}


def properties_of(
    fields: Iterable[ContextField], moment: Moment, explicit: Mapping[str, object] | None = None
) -> dict[str, object]:
    """The properties of an event; the caller's own values win."""
    values_by_name = {field.name: property_of(field, values) for field in fields if (values := field.resolve(moment))}
    return {**values_by_name, **(explicit or {})}


def filter_values_of(
    fields: Iterable[ContextField], moment: Moment, explicit: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The values of a filter's placeholders; the caller's own values win."""
    values_by_name = {field.name: filter_value(field, values) for field in fields if (values := field.resolve(moment))}
    return {**values_by_name, **(explicit or {})}


def property_of(field: ContextField, values: tuple[Value, ...]) -> Value:
    if field.type != "string":
        return text(values[0])
    return "|".join(map(str, values)) if len(values) > 1 else values[0]


def filter_value(field: ContextField, values: tuple[Value, ...]) -> str:
    return ",".join(map(quoted, values)) if field.type == "string" else text(values[0])


def text(value: Value) -> str:
    return str(value)[:LONGEST_VALUE]


def quoted(value: Value) -> str:
    # a header is the client's: what it says must not close the quotes and go on as another value
    return '"' + text(value).replace('"', "").replace("\\", "") + '"'


def next_change(fields: Iterable[ContextField], moment: Moment, within: timedelta = A_DAY) -> datetime | None:
    """The next moment at which a field that reads the clock may change: an answer made now is not true beyond it.

    `within` is how far anyone cares; where nothing changes so soon, it is some moment after that.
    """
    timed = [(field, field.until) for field in fields if field.until]
    if not timed:
        return None

    def boundary(then: Moment) -> Moment:
        return msgspec.structs.replace(then, now=min(until(then) for _, until in timed))

    horizon, then = moment.now + within, boundary(moment)
    if then.now >= horizon:
        return then.now
    values = [field.resolve(moment) for field, _ in timed]
    while then.now < horizon and [field.resolve(then) for field, _ in timed] == values:
        then = boundary(then)
    return then.now
