"""The filter language of specification §4.1: text to a tree, with errors that point at the place."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, v_args

from engine.errors import InvalidInput
from engine.filters.tree import (
    Both,
    Condition,
    Either,
    FieldReference,
    FilterExpression,
    Literal,
    Operand,
    Placeholder,
    Predicate,
)

LONGEST = 2500
TERMINALS = r"""
FIELD: /[A-Za-z_]+\s*\.\s*[A-Za-z_][A-Za-z0-9_]*/
STRING: /"(\\.|[^"\\])*"|'(\\.|[^'\\])*'/s
NUMBER: /[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?/
%ignore /\s+/
"""
GRAMMAR = r"""
filter: expression ("|" expression)*
expression: ACTION TARGET _WHERE either [_IF conditions]
conditions: predicate (_AND predicate)*
?either: both (_OR both)*
?both: test (_AND test)*
?test: predicate
predicate: FIELD IN (set | field)        -> set_test
         | FIELD NOT_IN (set | field)    -> set_test
         | FIELD COMPARE (operand | "(" operand ")") -> comparison
set: "(" literal ("," literal)* ")"
?operand: literal | field
field: FIELD
literal: STRING | NUMBER | PLACEHOLDER | STAR

ACTION: /(INCLUDE|EXCLUDE)\b/i
TARGET: /(ItemID|UserID|ActionID)\b/i
_WHERE: /WHERE\b/i
_IF: /IF\b/i
_AND: /AND\b/i
_OR: /OR\b/i
IN: /IN\b/i
NOT_IN: /NOT(\s+|_)IN\b/i
COMPARE: "=" | "!=" | "<=" | ">=" | "<" | ">"
PLACEHOLDER: /\$[A-Za-z0-9_]+/
STAR: "*"
"""
OPEN = r"""
%extend test: "(" either ")"
%extend literal: BOOLEAN
%extend set: "(" field ")"
BOOLEAN: /(true|false)\b/i
"""
NAMES = {  # of the terminals, as an error calls them
    "ACTION": "INCLUDE or EXCLUDE",
    "TARGET": "ItemID, UserID or ActionID",
    "EQUALS": "=",
    "COMPARE": "=, !=, <, <=, > or >=",
    "NOT_IN": "NOT IN",
    "FIELD": "a field such as Items.PRICE",
    "PLACEHOLDER": "a placeholder such as $PRICE",
    "STRING": "a text in quotes",
    "NUMBER": "a number",
    "BOOLEAN": "true or false",
    "STAR": "*",
    "VBAR": "|",
    "LPAR": "(",
    "RPAR": ")",
    "COMMA": ",",
    "$END": "the end",
}
WRONG = "Could not create filter. Invalid Expression"
_QUOTED_PLACEHOLDER = re.compile(r"\$[A-Za-z0-9_]+", re.ASCII)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def invalid(text: str, at: int, reason: str, what: str = WRONG) -> InvalidInput:
    """The refusal of an expression (`what` it is), its place marked by a caret."""
    start = text.rfind("\n", 0, at) + 1
    line, column = text.count("\n", 0, at) + 1, at - start
    shown = text[start:].split("\n", 1)[0]
    first = max(0, column - 60)
    return InvalidInput(
        f"{what} at line {line}, column {column + 1}:\n"
        f"{shown[first : column + 40]}\n{' ' * (column - first)}^\n{reason}"
    )


def unquoted(token: str) -> str:
    return _ESCAPED.sub(r"\1", token[1:-1])


@v_args(inline=True)
class ToTree(Transformer[Token, tuple[FilterExpression, ...]]):
    def literal(self, token: Token) -> Operand:
        at = token.start_pos or 0
        if token.type == "PLACEHOLDER":
            return Placeholder(token[1:], at)
        if token.type in ("NUMBER", "BOOLEAN", "STAR"):
            return Literal(str(token), token.type.lower(), at)  # type: ignore[arg-type]
        text = unquoted(token)
        if _QUOTED_PLACEHOLDER.fullmatch(text):
            return Placeholder(text[1:], at)
        return Literal(text, "star" if text == "*" else "string", at)

    def field(self, token: Token) -> FieldReference:
        source, name = (part.strip() for part in token.split("."))
        return FieldReference(source.upper(), name.upper(), f"{source}.{name}", token.start_pos or 0)

    def set(self, *operands: Operand) -> tuple[Operand, ...]:
        return operands

    def set_test(self, field: Token, operator: Token, operands: tuple[Operand, ...] | FieldReference) -> Predicate:
        arguments = (operands,) if isinstance(operands, FieldReference) else operands
        return Predicate(self.field(field), "IN" if operator.upper() == "IN" else "NOT IN", arguments)

    def comparison(self, field: Token, operator: Token, operand: Operand) -> Predicate:
        return Predicate(self.field(field), str(operator), (operand,))  # type: ignore[arg-type]

    def both(self, *parts: Condition) -> Condition:
        return Both(parts)

    def either(self, *parts: Condition) -> Condition:
        return Either(parts)

    def conditions(self, *predicates: Predicate) -> tuple[Predicate, ...]:
        return predicates

    def expression(
        self, action: Token, target: Token, where: Condition, when: tuple[Predicate, ...] | None
    ) -> FilterExpression:
        names: Any = {"action": action.upper(), "target": target.upper()}
        return FilterExpression(**names, where=where, when=when or (), at=action.start_pos or 0)

    def filter(self, *expressions: FilterExpression) -> tuple[FilterExpression, ...]:
        return expressions


@cache
def _parser(rules: str) -> Lark:
    grammar = GRAMMAR + TERMINALS + ("" if rules == "aws" else OPEN)
    return Lark(grammar, start="filter", parser="lalr", transformer=ToTree(), maybe_placeholders=True)


def parse(text: str, rules: str) -> tuple[FilterExpression, ...]:
    """Raises `InvalidInput` with the place marked by a caret and what could stand there."""
    if not 1 <= len(text) <= LONGEST:
        raise InvalidInput(
            f"Could not create filter. Invalid Expression: it has {len(text)} characters; 1 to {LONGEST} are allowed."
        )
    try:
        return _parser(rules).parse(text)  # type: ignore[return-value]
    except UnexpectedInput as error:
        raise unexpected(text, error) from None


def unexpected(text: str, error: UnexpectedInput, what: str = WRONG) -> InvalidInput:
    token = getattr(error, "token", None)
    at = len(text) if token is not None and token.type == "$END" else error.pos_in_stream or 0
    expected: Any = getattr(error, "accepts", None) or getattr(error, "expected", None) or getattr(error, "allowed", ())
    names = sorted(NAMES.get(name, name.strip("_")) for name in expected)
    return invalid(text, at, f"expected {'one of: ' if len(names) > 1 else ''}{'  '.join(names)}", what)
