"""The attribute language of user segments (specification §7.3): `ITEMS.genres = "Comedy" AND ITEMS.year = 1999`.

It is a part of the filter language: equality of fields of Items, joined by AND. Two values of one field mean items that
have both.
"""

from __future__ import annotations

from functools import cache

from lark import Lark, Token, UnexpectedInput, v_args

from engine.filters.candidates import Candidates
from engine.filters.checks import Checks, Fields
from engine.filters.compile import CompiledFilter
from engine.filters.grammar import TERMINALS, ToTree, unexpected, unquoted
from engine.filters.live import Mask
from engine.filters.tree import Both, FilterExpression, Literal, Predicate

WRONG = "itemAttributes: invalid expression"
GRAMMAR = r"""
attributes: condition (_AND condition)*
condition: FIELD EQUALS literal -> comparison
literal: STRING | NUMBER

_AND: /AND\b/i
EQUALS: "="
"""


@v_args(inline=True)
class _ToPredicates(ToTree):
    def literal(self, token: Token) -> Literal:
        number = token.type == "NUMBER"
        text = str(token) if number else unquoted(token)
        return Literal(text, "number" if number else "string", token.start_pos or 0)

    def attributes(self, *predicates: Predicate) -> tuple[Predicate, ...]:
        return predicates


@cache
def _parser() -> Lark:
    return Lark(GRAMMAR + TERMINALS, start="attributes", parser="lalr", transformer=_ToPredicates())


def items_having(text: str, candidates: Candidates, fields: Fields, rules: str) -> Mask:
    """(candidates,) which items have all that the expression asks for. Raises `InvalidInput`, with the place."""
    try:
        predicates: tuple[Predicate, ...] = _parser().parse(text)  # type: ignore[assignment]
    except UnexpectedInput as error:
        raise unexpected(text, error, WRONG) from None
    expression = FilterExpression("INCLUDE", "ITEMID", Both(predicates), (), 0)
    checks = Checks(text, rules, WRONG)
    for predicate in predicates:
        if predicate.column.source != "ITEMS":
            raise checks.wrong(predicate.column, f"{predicate.column.written}: items are told by fields of ITEMS")
    checks.check_fields((expression,), fields)
    return CompiledFilter(text, rules, (expression,), fields).mask(candidates, {})[:-1]
