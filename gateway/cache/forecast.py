"""A forecast of the bytes that all answers of a configuration take, against the ceiling of the cache."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from gateway.cache.entry import OVERHEAD
from gateway.plan.plan import Namespace, Plan, Variation

KEY = 400  # bytes of a key's strings, about
ITEM, DECORATED = 60, 160  # bytes of an item in JSON, and more with metadata
RESULTS = 25  # items of an answer, as long as nobody asks for another number


class Size(NamedTuple):
    users: int  # with a history
    items: int


class CacheForecast(NamedTuple):
    answers: int
    bytes: int

    def describe(self, ceiling: int) -> str:
        needs = f"this configuration needs about {self.bytes / 1e6:,.0f} MB for {self.answers:,} answers"
        may = f"each worker may keep {ceiling / 1e6:,.0f} MB"
        if self.bytes <= ceiling:
            return f"{needs}; {may}"
        return f"{needs}; {may}, {ceiling / self.bytes:.0%} of them: raise cache.megabytes if many users come back"


def cache_forecast(namespaces: Mapping[str, Namespace], size: Callable[[str], Size]) -> CacheForecast:
    """`size` is of the dataset group of a model; 0 and 0 if that is unknown. One answer is counted for each user or
    cohort, or for each item of related items, in one context. Rankings are not counted: their items are not known."""
    plans = [plan for namespace in namespaces.values() for plan in namespace.plans.values()]
    parts = [_forecast_of(plan, variation, size) for plan in plans for variation in plan.variations[:1]]
    return CacheForecast(sum(part.answers for part in parts), sum(part.bytes for part in parts))


def _forecast_of(plan: Plan, variation: Variation, size: Callable[[str], Size]) -> CacheForecast:
    storable = any(policy.storable for policy in (variation.policies or {}).values())
    if not storable or plan.action == "rerank-items" or variation.origin is not None:
        return CacheForecast(0, 0)
    group = size(variation.model)
    answers = group.users + 1 + (plan.cohorts or 0) if plan.action == "recommend-items" else group.items
    item = ITEM + (DECORATED if variation.metadata is not None else 0)
    bodies = 2 if variation.metadata is not None else 1  # as it was made, and as it went out
    return CacheForecast(answers, answers * (OVERHEAD + KEY + RESULTS * (ITEM * bodies + item - ITEM)))
