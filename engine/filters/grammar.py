"""The filter language of specification §4.1: text to a tree, with errors that point at the place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lark import Lark, Token, Transformer, UnexpectedInput, v_args

from engine.errors import InvalidInput

GRAMMAR = r"""
filter: expression ("|" expression)*
expression: ACTION TARGET "WHERE"i predicate
predicate: FIELD "IN"i "(" strings ")"             -> is_in
         | FIELD ("NOT"i "IN"i | "NOT_IN"i) "(" strings ")" -> not_in
         | FIELD "=" operand                         -> is_in
         | FIELD "!=" operand                        -> not_in
operand: string | "(" string ")"
strings: string ("," string)*
string: STRING | STAR

ACTION.2: "INCLUDE"i | "EXCLUDE"i
TARGET.2: "ItemID"i
FIELD: /[A-Za-z_]+\.[A-Za-z_][A-Za-z0-9_]*/
STAR: "*"
STRING: /"(\\.|[^"\\])*"|'(\\.|[^'\\])*'/
%ignore /\s+/
"""


@dataclass(frozen=True)
class EventTypes:
    """Items that the user touched with one of `names` ("*": any), or, negated, with another type."""

    names: frozenset[str]
    negated: bool


@dataclass(frozen=True)
class Expression:
    action: Literal["INCLUDE", "EXCLUDE"]
    where: EventTypes


@v_args(inline=True)
class _ToTree(Transformer[Token, tuple[Expression, ...]]):
    def string(self, token: Token) -> str:
        text = str(token)
        return text if text == "*" else text[1:-1].replace("\\" + text[0], text[0]).replace("\\\\", "\\")

    def strings(self, *names: str) -> tuple[str, ...]:
        return names

    def operand(self, name: str) -> tuple[str, ...]:
        return (name,)

    def is_in(self, field: Token, names: tuple[str, ...]) -> EventTypes:
        return EventTypes(_event_types(field, names), negated=False)

    def not_in(self, field: Token, names: tuple[str, ...]) -> EventTypes:
        return EventTypes(_event_types(field, names), negated=True)

    def expression(self, action: Token, _target: Token, where: EventTypes) -> Expression:
        return Expression("INCLUDE" if action.upper() == "INCLUDE" else "EXCLUDE", where)

    def filter(self, *expressions: Expression) -> tuple[Expression, ...]:
        return expressions


_parser = Lark(GRAMMAR, start="filter", parser="lalr")


def parse(text: str) -> tuple[Expression, ...]:
    """Raises `InvalidInput` with the place marked by a caret and what could stand there."""
    if not 1 <= len(text) <= 2500:
        raise InvalidInput(
            f"Could not create filter. filterExpression has {len(text)} characters; 1 to 2500 are allowed."
        )
    try:
        tree = _parser.parse(text)
    except UnexpectedInput as error:
        raise InvalidInput(f"Could not create filter. Invalid Expression at {_place(text, error)}") from None
    try:
        return _ToTree().transform(tree)
    except Exception as error:
        cause = getattr(error, "orig_exc", error)
        raise cause from None


def _place(text: str, error: UnexpectedInput) -> str:
    expected = sorted(getattr(error, "expected", None) or getattr(error, "allowed", None) or ())
    return f"line {error.line}, column {error.column}:\n{error.get_context(text)}expected one of {expected}"


def _event_types(field: Token, names: tuple[str, ...]) -> frozenset[str]:
    if field.casefold() != "interactions.event_type":
        raise InvalidInput(
            f"Could not create filter. {field} can't be filtered on by this version, only Interactions.EVENT_TYPE can."
        )
    return frozenset(name.casefold() for name in names)
