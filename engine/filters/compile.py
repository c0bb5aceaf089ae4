"""A filter compiled: a checked tree that answers with a mask over the candidates (specification §4.3, §4.4)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, reduce
from typing import Any

import numpy as np

from engine.data.cells import column_kind
from engine.data.columns import NO_IDS, Ints, column_of
from engine.data.schema import Field
from engine.errors import InvalidInput
from engine.filters.candidates import Candidates
from engine.filters.checks import EVENTS, SPELLED, Checks, Fields, field_keys, field_of, is_own_id
from engine.filters.grammar import parse
from engine.filters.live import Indexed, LiveColumn, Mask
from engine.filters.tree import (
    RANGES,
    SETS,
    Both,
    Condition,
    FieldReference,
    FilterExpression,
    Literal,
    Placeholder,
    Predicate,
)
from engine.filters.values import Value, parameter_values, typed

LATEST = {"INTERACTIONS": 100, "ACTION_INTERACTIONS": 300}  # events of a user and type that AWS looks at
Values = Mapping[str, str]


@dataclass(frozen=True)
class CompiledFilter:
    """A checked filter; `mask(candidates, values)` is True for candidates that may be recommended."""

    text: str
    rules: str  # open | aws
    expressions: tuple[FilterExpression, ...]
    fields: Fields = field(default_factory=dict)  # of the group that it is asked about

    def within(self, fields: Fields) -> CompiledFilter:
        return CompiledFilter(self.text, self.rules, self.expressions, fields)

    def check(self, fields: Fields) -> None:
        """Raises `InvalidInput` where the fields aren't those of the group, or don't allow what is done with them."""
        Checks(self.text, self.rules).check_fields(self.expressions, fields)

    # ---- what it needs

    @property
    def target(self) -> str:
        return SPELLED[self.expressions[0].target]

    @cached_property
    def names_user(self) -> bool:
        """The filter looks at the user's own fields; users without history then differ, too."""
        return any(expression.when for expression in self.expressions) or "CURRENTUSER" in self._compared

    @cached_property
    def needs_user(self) -> bool:
        return self.names_user or any(dataset in EVENTS for dataset, _ in self.field_keys)

    @cached_property
    def needs_item(self) -> bool:
        return "CURRENTITEM" in self._compared

    @cached_property
    def _compared(self) -> frozenset[str]:
        """Whose fields items are compared with."""
        predicates = (predicate for expression in self.expressions for predicate in expression.predicates())
        return frozenset(each.compared.source for each in predicates if each.compared is not None)

    @cached_property
    def field_keys(self) -> set[tuple[str, str]]:
        return field_keys(self.expressions)

    @cached_property
    def personal(self) -> tuple[FilterExpression, ...]:
        """The expressions that only take away items which the user has touched, or which equal a value of the user's
        own."""
        includes = sum(each.action == "INCLUDE" for each in self.expressions)
        return tuple(each for each in self.expressions if _is_personal(each, includes))

    @cached_property
    def common(self) -> CompiledFilter:
        """The filter without the personal expressions; `needs_user` and `needs_item` are then about the rest."""
        rest = tuple(each for each in self.expressions if each not in self.personal)
        return CompiledFilter(self.text, self.rules, rest, self.fields)

    # ---- what it leaves

    def dropped(self, candidates: Candidates, values: Values) -> Ints:
        """Ids of the items that the `personal` expressions take away, an item perhaps more than once.

        Raises `InvalidInput` where a parameter can't be read.
        """
        reading = _Reading(self, candidates, values)
        taken = [reading.taken(each.where) for each in self.personal if _complete(each, values)]
        return taken[0] if len(taken) == 1 else np.concatenate((NO_IDS, *taken))

    def lacking(self, candidates: Candidates) -> list[str]:
        """The fields that items are compared with in which the current item or user has no value: nothing equals it."""
        if not self._compared:
            return []
        reading = _Reading(self, candidates, {})
        compared = (each.compared for expression in self.expressions for each in expression.predicates())
        return sorted({each.written for each in compared if each is not None and reading.value(each) is None})

    def mask(self, candidates: Candidates, values: Values) -> Mask:
        """The union of the INCLUDE sets (everything where none is active), less the union of the EXCLUDE sets.

        Raises `InvalidInput` where a parameter is missing or can't be read.
        """
        reading = _Reading(self, candidates, values)
        active = [each for each in self.expressions if _complete(each, values) and reading.holds(each)]
        included = [reading.mask(each.where) for each in active if each.action == "INCLUDE"]
        keep = reduce(np.logical_or, included) if included else np.ones(candidates.count + 1, np.bool_)
        for each in active:
            if each.action == "EXCLUDE":
                keep = keep & ~reading.mask(each.where)
        return keep


@lru_cache(maxsize=4096)
def compile_filter(text: str, rules: str = "open") -> CompiledFilter:
    """Compile an expression. Raises `InvalidInput` for a violation; `CompiledFilter.check` does the schemas' part."""
    expressions = parse(text, rules)
    Checks(text, rules).check(expressions)
    return CompiledFilter(text, rules, expressions)


def items_left_out(items: Sequence[str]) -> CompiledFilter:
    """The filter that takes these items out, whatever datasets there are."""
    column = FieldReference("ITEMS", "ITEM_ID", "Items.ITEM_ID", 0)
    predicate = Predicate(column, "IN", tuple(Literal(item, "string", 0) for item in items))
    text = f"EXCLUDE ItemID WHERE Items.ITEM_ID IN ({', '.join(map(json.dumps, items))})"
    return CompiledFilter(text, "open", (FilterExpression("EXCLUDE", "ITEMID", predicate, (), 0),))


def check_expression(text: str) -> None:
    """Raises `InvalidInput`, with the place and the choices, for an expression that is no filter in any group."""
    compile_filter(text)


def _is_personal(expression: FilterExpression, includes: int) -> bool:
    """EXCLUDE … IN, or INCLUDE … NOT IN where nothing else is included: the two say the same (§4.4)."""
    where = expression.where
    if expression.when or not isinstance(where, Predicate):
        return False
    if where.column.source not in EVENTS and not (where.compares_user and where.operator not in RANGES):
        return False
    return where.negated and includes == 1 if expression.action == "INCLUDE" else not where.negated


def _complete(expression: FilterExpression, values: Values) -> bool:
    """An EXCLUDE expression is skipped without its parameter; an INCLUDE expression is an error then."""
    missing = [name for name in expression.placeholders() if name not in values]
    if missing and expression.action == "INCLUDE":
        raise InvalidInput(f"filterValues: the filter's parameter {missing[0]} has no value.")
    return not missing


@dataclass(frozen=True)
class _Reading:
    """One filter for one question."""

    filter: CompiledFilter
    candidates: Candidates
    values: Values

    def holds(self, expression: FilterExpression) -> bool:
        """Every IF condition holds; none does for a user, or a field, that is not known."""
        return all(map(self._is_true, expression.when))

    def _is_true(self, predicate: Predicate) -> bool:
        field = field_of(predicate.column, self.filter.fields)
        value = self.value(predicate.column)
        if field is None or value is None:
            return False
        row = Indexed(column_of(column_kind(field), [value]))
        return bool(row.match(predicate.operator, self._operands(predicate, field))[0])

    def mask(self, where: Condition) -> Mask:
        """(candidates + 1,)"""
        if isinstance(where, Predicate):
            return self._predicate(where)
        join = np.logical_and if isinstance(where, Both) else np.logical_or
        return reduce(join, map(self.mask, where.parts))

    def taken(self, where: Condition) -> Ints:
        """Ids of the items touched with an event of a type that the predicate names, or equal to one of its values."""
        assert isinstance(where, Predicate)
        field, candidates = self.filter.fields.get(where.column.key), self.candidates
        operands = self._operands(where, field)
        if where.column.source in EVENTS:
            return candidates.touched_ids([str(each) for each in operands], self._latest(where))
        if is_own_id(where.column, self.filter.fields):
            ids = np.array([candidates.names.find(str(each)) for each in operands], np.int32)
        elif field is None:
            return NO_IDS
        else:
            ids = LiveColumn.of(candidates.table, field.name, column_kind(field)).ids(operands)
        return ids[(ids >= 0) & (ids < candidates.count)]

    def _latest(self, predicate: Predicate) -> int | None:
        return LATEST[predicate.column.source] if self.filter.rules == "aws" else None

    def _predicate(self, predicate: Predicate) -> Mask:
        column = predicate.column
        field = self.filter.fields.get(column.key)
        operands = self._operands(predicate, field)
        if column.source in EVENTS:
            return self.candidates.touched([str(each) for each in operands], predicate.negated, self._latest(predicate))
        if is_own_id(column, self.filter.fields):
            return self._named(operands, predicate.negated)
        if field is None:  # no longer: its values are missing
            return np.full(self.candidates.count + 1, predicate.negated)
        live = LiveColumn.of(self.candidates.table, field.name, column_kind(field))
        find = live.cached_mask if predicate.constant else live.mask
        return self._fit(find(predicate.operator, operands), predicate.negated)

    def _named(self, operands: tuple[Value, ...], negated: bool) -> Mask:
        mask = np.zeros(self.candidates.count + 1, np.bool_)
        ids = (self.candidates.names.find(str(each)) for each in operands)
        mask[[index for index in ids if 0 <= index < self.candidates.count]] = True
        return ~mask if negated else mask

    def _fit(self, mask: Mask, beyond: bool) -> Mask:
        count = self.candidates.count
        fitted = np.full(count + 1, beyond)
        fitted[: min(len(mask), count)] = mask[:count]
        return fitted

    def _operands(self, predicate: Predicate, field: Field | None) -> tuple[Value, ...]:
        first = predicate.operands[0]
        if isinstance(first, Placeholder):
            one = predicate.operator not in SETS
            return parameter_values(first.name, self.values[first.name], field, one=one)
        if isinstance(first, FieldReference):
            return self._current(first, field)
        return tuple(typed(each.text, field) for each in predicate.operands if isinstance(each, Literal))

    def _current(self, column: FieldReference, beside: Field | None) -> tuple[Value, ...]:
        """The values of the current item or user: several of a multi-valued field, none where it has none, or none that
        could be compared with the field beside it."""
        field, value = field_of(column, self.filter.fields), self.value(column)
        if value is None:
            return ()
        is_text = isinstance(value, str)
        if beside is not None and is_text != (beside.type == "string"):  # of a schema that is no more
            return ()
        return tuple(value.split("|")) if is_text and field is not None and field.categorical else (value,)

    def value(self, column: FieldReference) -> Any:
        """The value of the current item or user in a field; None where it has none."""
        candidates, fields = self.candidates, self.filter.fields
        field, own = fields.get(column.key), is_own_id(column, fields)
        if column.source == "CURRENTUSER":
            return candidates.owner if own else None if field is None else candidates.current_user(field.name)
        return candidates.item if own else None if field is None else candidates.current_item(field.name)
