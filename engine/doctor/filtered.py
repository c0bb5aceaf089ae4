"""Filters tried on a sample of users: for whom they leave nothing, and the conditions that nothing fulfils."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from engine.data.columns import Bools
from engine.data.group import Group
from engine.doctor.examined import EXAMPLES, EmptyingFilter
from engine.filters import Candidates, CompiledFilter, UserCandidates
from engine.filters.tree import FilterExpression, Literal, Predicate, leaves
from engine.serving.ranking import LiveState

SAMPLED = 100  # users whose answers are looked at


class NamedFilter(NamedTuple):
    """A filter of the group's, ready for it."""

    name: str
    compiled: CompiledFilter


def emptying(filters: Iterable[NamedFilter], group: Group) -> list[EmptyingFilter]:
    """The filters with what they leave; those that wait for a parameter are passed over."""
    return [_tried(each, group) for each in filters if not placeholders_of(each.compiled)]


def placeholders_of(compiled: CompiledFilter) -> list[str]:
    return sorted({name for expression in compiled.expressions for name in expression.placeholders()})


def sampled_users(group: Group, count: int = SAMPLED) -> list[str]:
    """Users who did something, spread over all of them."""
    snapshot = group.stored.snapshot
    active = {*np.flatnonzero(np.diff(snapshot.indptr)).tolist(), *group.streamed}
    ids = sorted(active)
    chosen = [ids[place] for place in np.linspace(0, len(ids) - 1, min(count, len(ids))).astype(int)] if ids else []
    return group.users.names(np.array(chosen, np.int64))


def eligible_counts(
    compiled: CompiledFilter, group: Group, users: Iterable[str | None], values: Mapping[str, str]
) -> list[int]:
    """The number of items that the filter leaves to each of these users. Raises `InvalidInput` as `mask` does."""
    return [int(_eligible(compiled, group, user, values).sum()) for user in users]


def _eligible(compiled: CompiledFilter, group: Group, user: str | None, values: Mapping[str, str]) -> Bools:
    live = LiveState.of(group, user)
    return compiled.mask(Candidates(group, live.item_count, live.history, user, None), values)[:-1]


def _tried(each: NamedFilter, group: Group) -> EmptyingFilter:
    compiled = each.compiled
    if compiled.target == "UserID":
        candidates = UserCandidates(group, len(group.users), LiveState.of(group, None).history)
        left = [int(compiled.mask(candidates, {})[:-1].sum())] if len(group.users) else []
        users: list[str] = []
    elif compiled.target == "ItemID" and not compiled.needs_item and len(group.items):
        users = sampled_users(group) if compiled.needs_user else []
        left = eligible_counts(compiled, group, users if compiled.needs_user else [None], {})
    else:
        users, left = [], []
    empty = [user for user, count in zip(users, left, strict=False) if not count]
    return EmptyingFilter(
        name=each.name,
        expression=compiled.text,
        asked=len(left),
        emptied=left.count(0),
        examples=tuple(empty[:EXAMPLES]),
        unmatched=tuple(unmatched(compiled, group)),
    )


def unmatched(compiled: CompiledFilter, group: Group) -> list[str]:
    """Conditions on Items, each as it is written, that name a value which no item has."""
    if compiled.target != "ItemID" or not len(group.items):
        return []
    odd = []
    for expression in compiled.expressions:
        for predicate in leaves(expression.where):
            if predicate.column.source == "ITEMS" and predicate.constant and not predicate.negated:
                alone = FilterExpression("INCLUDE", "ITEMID", predicate, (), 0)
                single = CompiledFilter(compiled.text, compiled.rules, (alone,), compiled.fields)
                if not _eligible(single, group, None, {}).any():
                    odd.append(_written(predicate))
    return odd


def _written(predicate: Predicate) -> str:
    values = [each for each in predicate.operands if isinstance(each, Literal)]
    texts = ", ".join(f'"{each.text}"' if each.kind == "string" else each.text for each in values)
    listed = f"({texts})" if predicate.operator in ("IN", "NOT IN") else texts
    return f"{predicate.column.written} {predicate.operator} {listed}"
