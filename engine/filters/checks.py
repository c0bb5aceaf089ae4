"""The static checks of specification §4.2: they refuse what the grammar allows and the language does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from engine.data.schema import BOOLEANS, Field, Schema
from engine.errors import InvalidInput
from engine.filters.grammar import WRONG, invalid
from engine.filters.tree import (
    DATASETS,
    RANGES,
    FieldReference,
    FilterExpression,
    Literal,
    Operand,
    Placeholder,
    Predicate,
    leaves,
)

Fields = Mapping[tuple[str, str], Field]  # (dataset type, name in upper case) -> the field, of one dataset group

MOST_FIELDS = 10  # of one filter
MOST_FIELDS_OF_A_GROUP = 20
TARGETS = {  # what may be filtered by what
    "ITEMID": ("ITEMS", "INTERACTIONS"),
    "USERID": ("USERS", "INTERACTIONS"),
    "ACTIONID": ("ACTIONS", "ACTION_INTERACTIONS"),
}
SPELLED = {
    "ITEMID": "ItemID",
    "USERID": "UserID",
    "ACTIONID": "ActionID",
    "ITEMS": "Items",
    "USERS": "Users",
    "INTERACTIONS": "Interactions",
    "ACTIONS": "Actions",
    "ACTION_INTERACTIONS": "Action_Interactions",
    "CURRENTUSER": "CurrentUser",
    "CURRENTITEM": "CurrentItem",
}
COMPARED_WITH: Mapping[str, Mapping[str, tuple[str, ...]]] = {  # rules -> whose field -> those of what, beside it
    "aws": {"CURRENTITEM": ("ITEMS",)},
    "open": {"CURRENTITEM": ("ITEMS",), "CURRENTUSER": ("ITEMS", "ACTIONS")},
}
EVENTS = ("INTERACTIONS", "ACTION_INTERACTIONS")
OWN_IDS = frozenset({("ITEMS", "ITEM_ID"), ("USERS", "USER_ID"), ("ACTIONS", "ACTION_ID")})
USER_ID = Field(name="USER_ID", type="string")  # of the current user, whether there are Users or not
NEVER = {("ACTIONS", name) for name in ("EXPIRATION_TIMESTAMP", "ACTION_EXPIRATION_TIMESTAMP", "REPEAT_FREQUENCY")}


def fields_of(schemas: Iterable[Schema]) -> dict[tuple[str, str], Field]:
    return {(schema.dataset_type, field.name.upper()): field for schema in schemas for field in schema.fields}


def field_of(column: FieldReference, fields: Fields) -> Field | None:
    """The field that is meant; the user's id is one whether there are Users or not."""
    return fields.get(column.key) or (USER_ID if column.source == "CURRENTUSER" and is_own_id(column, fields) else None)


def is_own_id(column: FieldReference, fields: Fields) -> bool:
    """The column is the id of what it is about. `CurrentUser.ID` is the user's, where Users have no field `ID`."""
    short = column.source == "CURRENTUSER" and column.name == "ID" and column.key not in fields
    return short or column.key in OWN_IDS


def columns_of(expressions: Iterable[FilterExpression]) -> Iterable[FieldReference]:
    for expression in expressions:
        for predicate in expression.predicates():
            yield predicate.column
            yield from (operand for operand in predicate.operands if isinstance(operand, FieldReference))


def field_keys(expressions: Iterable[FilterExpression]) -> set[tuple[str, str]]:
    """The distinct fields, as the limits count them."""
    return {column.key for column in columns_of(expressions)}


@dataclass(frozen=True)
class Checks:
    text: str
    rules: str  # open | aws
    what: str = WRONG  # how a refusal begins

    # ---- without schemas

    def check(self, expressions: tuple[FilterExpression, ...]) -> None:
        """Raises `InvalidInput`, with the place."""
        for expression in expressions:
            if expression.target != expressions[0].target:
                raise self.wrong(expression, "all expressions of a filter must have the same target")
            for predicate in leaves(expression.where):
                self._check_where(expression, predicate)
            for predicate in expression.when:
                if predicate.column.source != "CURRENTUSER":
                    raise self.wrong(predicate.column, "an IF condition is on fields of CurrentUser only")
            for predicate in expression.predicates():
                self._check_operands(predicate)
        count = len(field_keys(expressions))
        if self.rules == "aws" and count > MOST_FIELDS:
            raise InvalidInput(
                f"Could not create filter. Invalid Expression: it uses {count} fields; {MOST_FIELDS} are allowed."
            )

    def _check_where(self, expression: FilterExpression, predicate: Predicate) -> None:
        column = predicate.column
        if column.source not in DATASETS:
            raise self.wrong(column, f"{column.written}: no dataset of that name; {_choices(column.source)}")
        if column.source == "CURRENTUSER":
            open_ = "on the right-hand side and " if self.rules == "open" else ""
            raise self.wrong(column, f"CurrentUser may be used {open_}in an IF condition only")
        if column.source == "CURRENTITEM":
            raise self.wrong(column, "CurrentItem may be used on the right-hand side only")
        allowed = TARGETS[expression.target]
        if column.source not in allowed:
            wanted = " or ".join(SPELLED[name] for name in allowed)
            raise self.wrong(column, f"{SPELLED[expression.target]} is filtered by fields of {wanted}")
        first = next(leaves(expression.where)).column
        if column.source != first.source:
            both = f"{SPELLED[first.source]} and {SPELLED[column.source]}"
            raise self.wrong(column, f"one expression can't use both {both}; write two, joined by |")
        if column.source in EVENTS and column.name != "EVENT_TYPE":
            raise self.wrong(column, f"of {SPELLED[column.source]} only EVENT_TYPE can be filtered by")

    def _check_operands(self, predicate: Predicate) -> None:
        operands = predicate.operands
        for operand in operands:
            if isinstance(operand, Placeholder):
                self._check_placeholder(predicate, operand)
            elif isinstance(operand, FieldReference):
                self._check_compared(predicate.column, operand)
            elif operand.kind == "star" and predicate.column.name != "EVENT_TYPE":
                raise self.wrong(operand, "* can be used with EVENT_TYPE only")
        if predicate.column.source in EVENTS and predicate.operator in RANGES:
            raise self.wrong(predicate.column, f"EVENT_TYPE is a text: {predicate.operator} needs a number")

    def _check_compared(self, column: FieldReference, operand: FieldReference) -> None:
        compared = COMPARED_WITH[self.rules]
        if operand.source not in compared:
            names = " or ".join(("a value, a placeholder", *(f"{SPELLED[each]}.NAME" for each in compared)))
            raise self.wrong(operand, f"what is compared with is {names}")
        if column.source not in compared[operand.source]:
            allowed = " or ".join(SPELLED[each] for each in compared[operand.source])
            raise self.wrong(operand, f"{SPELLED[operand.source]} is compared with fields of {allowed} only")

    def _check_placeholder(self, predicate: Predicate, placeholder: Placeholder) -> None:
        if len(predicate.operands) > 1:
            raise self.wrong(placeholder, "a list holds either one placeholder or values")
        if predicate.operator == "NOT IN" and self.rules == "aws":
            raise InvalidInput(
                f"Could not create filter. Invalid input symbol: ${placeholder.name}. "
                "Placeholders are not allowed with NOT_IN operator."
            )

    # ---- against the schemas

    def check_fields(self, expressions: tuple[FilterExpression, ...], fields: Fields) -> None:
        """Raises `InvalidInput`, with the place."""
        for column in columns_of(expressions):
            if column.source not in EVENTS:  # every event has a type, whatever its schema
                self._check_field(column, fields)
        for expression in expressions:
            for predicate in expression.predicates():
                if predicate.column.source not in EVENTS:
                    self._check_types(predicate, fields)

    def _check_field(self, column: FieldReference, fields: Fields) -> None:
        field = field_of(column, fields) if self.rules == "open" else fields.get(column.key)
        if field is None:
            names = sorted(name for dataset, name in fields if dataset == column.dataset)
            if not names:
                raise self.wrong(column, f"the dataset group has no {SPELLED[column.dataset]} dataset")
            close = get_close_matches(column.name, names, n=1)
            meant = f"; did you mean {close[0]}?" if close else ""
            raise self.wrong(column, f"{column.written}: no such field; one of {', '.join(names)}{meant}")
        if field.textual:
            raise self.wrong(column, f"{column.written} is textual: it can't be filtered by")
        if field.type == "boolean" and self.rules == "aws":
            raise self.wrong(column, f"{column.written} is boolean: it can't be filtered by")
        if column.key in NEVER:
            raise self.wrong(column, f"{column.written} can't be filtered by")

    def _check_types(self, predicate: Predicate, fields: Fields) -> None:
        column, field = predicate.column, field_of(predicate.column, fields)
        assert field is not None  # as `_check_field` has found
        if predicate.operator in RANGES and not field.numeric:
            raise self.wrong(column, f"{column.written} is no number: {predicate.operator} needs one")
        for operand in predicate.operands:
            if isinstance(operand, Literal):
                self._check_literal(column, field, operand)
            elif isinstance(operand, FieldReference):
                other = field_of(operand, fields) or field
                if (field.numeric, field.type == "boolean") != (other.numeric, other.type == "boolean"):
                    raise self.wrong(operand, f"{operand.written} and {column.written} are of different types")

    def _check_literal(self, column: FieldReference, field: Field, literal: Literal) -> None:
        if field.numeric and literal.kind != "number":
            raise self.wrong(literal, f"{column.written} is a number: compare it with numbers, without quotes")
        if field.type == "boolean" and literal.text.lower() not in BOOLEANS:
            raise self.wrong(literal, f"{column.written} is true or false")

    def wrong(self, where: Operand | FilterExpression, reason: str) -> InvalidInput:
        return invalid(self.text, where.at, reason, self.what)


def _choices(source: str) -> str:
    names = [SPELLED[name] for name in DATASETS]
    close = get_close_matches(source, DATASETS, n=1)
    meant = f"; did you mean {SPELLED[close[0]]}?" if close else ""
    return f"one of {', '.join(names)}{meant}"
