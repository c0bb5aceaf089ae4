"""What a configuration's answers would take if all of them were kept, against what may be kept."""

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

    def told(self, ceiling: int) -> str:
        needs = f"this configuration needs about {self.bytes / 1e6:,.0f} MB for {self.answers:,} answers"
        may = f"each worker may keep {ceiling / 1e6:,.0f} MB"
        if self.bytes <= ceiling:
            return f"{needs}; {may}"
        return f"{needs}; {may}, {ceiling / self.bytes:.0%} of them: raise cache.megabytes if many users come back"


def cache_forecast(namespaces: Mapping[str, Namespace], size: Callable[[str], Size]) -> CacheForecast:
    """`size` is of the dataset group of a model; 0 and 0 where that is not known. One answer a user or cohort, or an
    item for related items, in one context; rankings are not counted, for nobody knows what will be ranked."""
    plans = [plan for namespace in namespaces.values() for plan in namespace.plans.values()]
    parts = [_of(plan, variation, size) for plan in plans for variation in plan.variations[:1]]
    return CacheForecast(sum(part.answers for part in parts), sum(part.bytes for part in parts))


def _of(plan: Plan, variation: Variation, size: Callable[[str], Size]) -> CacheForecast:
    storable = any(policy.storable for policy in (variation.policies or {}).values())
    if not storable or plan.action == "rerank-items" or variation.origin is not None:
        return CacheForecast(0, 0)
    known = size(variation.model)
    answers = known.users + 1 + (plan.cohorts or 0) if plan.action == "recommend-items" else known.items
    item = ITEM + (DECORATED if variation.metadata is not None else 0)
    bodies = 2 if variation.metadata is not None else 1  # as it was made, and as it went out
    return CacheForecast(answers, answers * (OVERHEAD + KEY + RESULTS * (ITEM * bodies + item - ITEM)))
