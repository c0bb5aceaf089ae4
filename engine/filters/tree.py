"""A filter as plain structs; names are in upper case, since the language ignores theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal as OneOf

DATASETS = {  # as written (any case) -> the dataset type whose schema has the fields
    "ITEMS": "ITEMS",
    "USERS": "USERS",
    "INTERACTIONS": "INTERACTIONS",
    "ACTIONS": "ACTIONS",
    "ACTION_INTERACTIONS": "ACTION_INTERACTIONS",
    "CURRENTUSER": "USERS",
    "CURRENTITEM": "ITEMS",
}
NEGATED = frozenset({"NOT IN", "!="})
RANGES = frozenset({"<", "<=", ">", ">="})
SETS = frozenset({"IN", "NOT IN"})  # all else compares with one value


@dataclass(frozen=True)
class FieldReference:
    source: str  # a key of DATASETS
    name: str
    written: str = field(compare=False)
    at: int = field(compare=False)  # in the text, for errors

    @property
    def dataset(self) -> str:
        return DATASETS[self.source]

    @property
    def key(self) -> tuple[str, str]:
        """The field itself, whichever way it is reached."""
        return self.dataset, self.name


@dataclass(frozen=True)
class Literal:
    text: str
    kind: OneOf["string", "number", "boolean", "star"]
    at: int = field(compare=False)


@dataclass(frozen=True)
class Placeholder:
    name: str
    at: int = field(compare=False)


Operand = Literal | Placeholder | FieldReference  # a column here is the current item's or the current user's


@dataclass(frozen=True)
class Predicate:
    column: FieldReference
    operator: OneOf["IN", "NOT IN", "=", "!=", "<", "<=", ">", ">="]
    operands: tuple[Operand, ...]

    @property
    def negated(self) -> bool:
        return self.operator in NEGATED

    @property
    def constant(self) -> bool:
        """The predicate says the same for every question."""
        return all(isinstance(operand, Literal) for operand in self.operands)

    @property
    def compares_user(self) -> bool:
        return self.compared is not None and self.compared.source == "CURRENTUSER"

    @property
    def compared(self) -> FieldReference | None:
        """The field of the current item or user that the column is compared with."""
        first = self.operands[0]
        return first if isinstance(first, FieldReference) else None


@dataclass(frozen=True)
class Both:
    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Either:
    parts: tuple[Condition, ...]


Condition = Predicate | Both | Either


@dataclass(frozen=True)
class FilterExpression:
    action: OneOf["INCLUDE", "EXCLUDE"]
    target: OneOf["ITEMID", "USERID", "ACTIONID"]
    where: Condition
    when: tuple[Predicate, ...]  # on the current user; all must hold
    at: int = field(compare=False)

    def predicates(self) -> Iterator[Predicate]:
        yield from leaves(self.where)
        yield from self.when

    def placeholders(self) -> Iterator[str]:
        for predicate in self.predicates():
            yield from (operand.name for operand in predicate.operands if isinstance(operand, Placeholder))


def leaves(condition: Condition) -> Iterator[Predicate]:
    if isinstance(condition, Predicate):
        yield condition
        return
    for part in condition.parts:
        yield from leaves(part)
