"""The cache key: everything that can change an answer, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b

import msgspec

from engine import Promotion, Tired
from gateway.ask import Action, Ask

Pairs = tuple[tuple[str, str], ...]
Promoted = tuple[str, int, str | None, str | None, Pairs]  # a promotion's members
Ruled = tuple[str, Pairs]  # a rule's name, which is its own in one configuration and campaign, and its filter's values


class CacheKey(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The key of an answer. `synthetic` and `feature` choose the policy and the variation, not the answer."""

    version: str
    action: Action
    namespace: str
    recommender: str
    variation: str
    user: str | None  # None where all users without history share the answer
    cohort: str | None
    item: str | None
    items: tuple[str, ...] | None
    results: int
    filter: str | None
    expression: str | None
    values: Pairs
    context: Pairs
    decorate: bool
    parameters: Pairs
    promotion: Promoted | None = None
    history: tuple[str, ...] = ()
    tired: str = ""  # a digest of what the user is tired of
    rules: tuple[Ruled, ...] | None = None


def key_of(ask: Ask, variation: str, version: str, user: str | None) -> CacheKey:
    """The key of an enriched `ask`; `version` is the configuration that enriched it."""
    return CacheKey(
        version,
        ask.action,
        ask.namespace,
        ask.recommender,
        variation,
        user,
        ask.cohort,
        ask.item_id,
        ask.item_ids,
        ask.num_results,
        ask.filter,
        ask.expression,
        pairs(ask.filter_values),
        pairs(ask.context),
        ask.decorate,
        pairs(ask.parameters),
        None if ask.promotion is None else promoted(ask.promotion),
        ask.history,
        "" if ask.fatigue is None or not ask.fatigue.items else digest_of(ask.fatigue),
        None if ask.rules is None else tuple([(each.name, pairs(each.filter_values)) for each in ask.rules]),
    )


@lru_cache(maxsize=4096)
def digest_of(tired: Tired) -> str:
    parts = (str(tired.weight), *tired.items)
    return blake2b("\0".join(parts).encode(), digest_size=12).hexdigest()


def promoted(promotion: Promotion) -> Promoted:
    values = pairs(promotion.filter_values)
    return promotion.name, promotion.percent, promotion.filter, promotion.expression, values


def pairs(values: Mapping[str, str]) -> Pairs:
    return tuple(sorted(values.items())) if values else ()
