"""A negated test of EVENT_TYPE is the complement of IN with the opposite action, wherever filters are evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from engine.data import entries
from engine.data.group import Group
from engine.filters import Candidates, Mask, UserCandidates, compile_filter, eligible_by
from tests.engine.filter_world import FIELDS, agreeing, imported, put, tell

TYPES = ("view", "View", "buy", "rare")
OPPOSITE = {"INCLUDE": "EXCLUDE", "EXCLUDE": "INCLUDE"}
LATEST = 3  # events of a type that count where the rules are AWS's, instead of 100 or 300


@dataclass(frozen=True)
class OfTypes:
    """EVENT_TYPE against types, in one of the language's spellings."""

    types: tuple[str, ...]
    spelling: str  # of the negated operator
    placeholder: bool

    def text(self, source: str, *, negated: bool, name: str) -> str:
        one = self.spelling == "!="
        operator = self.spelling if negated else ("=" if one else "IN")
        operand = f"${name}" if self.placeholder else ", ".join(f'"{type_}"' for type_ in self.used)
        return f"{source}.EVENT_TYPE {operator} {operand if one else f'({operand})'}"

    @property
    def used(self) -> tuple[str, ...]:
        return self.types[:1] if self.spelling == "!=" else self.types

    @property
    def value(self) -> str:
        return ",".join(f'"{type_}"' for type_ in self.used)


@dataclass(frozen=True)
class Joined:
    how: str  # AND | OR
    tests: tuple[Any, ...]  # OfTypes or Joined

    def text(self, source: str, *, negated: bool, name: str) -> str:
        """Negated: by De Morgan's law, with AND and OR exchanged."""
        how = {"AND": "OR", "OR": "AND"}[self.how] if negated else self.how
        parts = (each.text(source, negated=negated, name=f"{name}{n}") for n, each in enumerate(self.tests))
        return "(" + f" {how} ".join(parts) + ")"


def values_of(test: Any, name: str = "T") -> dict[str, str]:
    if isinstance(test, OfTypes):
        return {name: test.value} if test.placeholder else {}
    parts = [values_of(each, f"{name}{n}") for n, each in enumerate(test.tests)]
    return {key: value for part in parts for key, value in part.items()}


_types = st.lists(st.sampled_from([*TYPES, "*", "never"]), min_size=1, max_size=3).map(tuple)
_of_types = st.builds(OfTypes, _types, st.sampled_from(["NOT IN", "NOT_IN", "not in", "!="]), st.booleans())
_tests = st.recursive(
    _of_types,
    lambda inner: st.builds(Joined, st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=2, max_size=3).map(tuple)),
    max_leaves=4,
)
_events = st.lists(
    st.tuples(st.sampled_from(["u", "v", "s-u"]), st.sampled_from("pqrst"), st.sampled_from(TYPES)), max_size=14
)


def world(old: list[Any], new: list[Any]) -> Group:
    """Events of a snapshot and of the log, of items and of actions; the session s-u is u's where u does anything."""
    group = put({}, {}, new, group=imported({name: {} for name in "pqrst"}, {"w": {}}, old))
    for user, action, type_ in (*old, *new):
        tell(group, "action_event", user, entries.Interaction(user, f"s-{user}", action, type_, float(group.seq)))
    return group


def kept(group: Group, target: str, expression: str, values: dict[str, str], rules: str) -> Mask:
    made = compile_filter(expression, rules).within(FIELDS)
    if target == "UserID":
        return made.mask(UserCandidates(group, len(group.users), group.history("")), values)
    whole = group.actions if target == "ActionID" else group
    candidates = Candidates(whole, len(whole.items), whole.history("u"), "u")
    mask = made.mask(candidates, values)
    agreeing(eligible_by((made,), candidates, values), mask)  # what answers are made with says the same
    return mask


@settings(max_examples=75, deadline=None)
@given(_events, _events, _tests, st.sampled_from(["ItemID", "UserID", "ActionID"]), st.sampled_from(["open", "aws"]))
def test_not_in_keeps_what_in_with_the_opposite_action_keeps(
    old: list[Any], new: list[Any], test: Any, target: str, rules: str
):
    if rules == "aws":  # neither parentheses nor placeholders with NOT IN are in AWS's language
        test = OfTypes(("view", "buy"), "NOT IN", False) if isinstance(test, Joined) else OfTypes(*_plain(test))
    group, source = world(old, new), "Action_Interactions" if target == "ActionID" else "Interactions"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.filters.compile.LATEST", {"INTERACTIONS": LATEST, "ACTION_INTERACTIONS": LATEST})
        for action, opposite in OPPOSITE.items():
            negated = f"{action} {target} WHERE {test.text(source, negated=True, name='T')}"
            plain = f"{opposite} {target} WHERE {test.text(source, negated=False, name='T')}"
            values = values_of(test)
            masks = [kept(group, target, expression, values, rules) for expression in (negated, plain)]
            assert masks[0].tolist() == masks[1].tolist(), (negated, plain)


def _plain(test: OfTypes) -> tuple[tuple[str, ...], str, bool]:
    return test.types, test.spelling, False
