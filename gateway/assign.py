"""Which variation answers a user: a pure hash against the weights, the same in every worker and after every restart."""

from __future__ import annotations

from itertools import accumulate

from gateway.errors import Invalid, Problem
from gateway.plan import Plan, Variation

BUCKETS = 10_000
UNNAMED = {  # an incomplete variation's error (specification §1.8)
    "function": ("Function", "FunctionArnNotConfigured"),
    "sagemaker": ("SageMaker", "EndpointNameNotConfigured"),
}


def assign(plan: Plan, unit: str | None, feature: str | None = None) -> Variation:
    """The variation for a unit, which is a user or a session; the first one with a weight where there is none. Raises
    `Invalid` for a `feature` that no experiment has, where there are any that this unit could be in."""
    if plan.experiments and feature and unit and len(plan.variations) > 1 and feature not in plan.experiments:
        known = ", ".join(plan.experiments)
        raise Invalid("InvalidExperimentFeature", f"{plan.path} has no experiment {feature!r}; configured: {known}")
    weighted = [each for each in plan.variations if each.weight > 0]
    chosen = weighted[0] if not unit or len(weighted) == 1 else drawn(weighted, share(seed(plan), unit))
    where = f"{plan.path} of namespace {plan.namespace!r}"
    if plan.post_processor is not None and not plan.post_processor.function.arn:
        message = f"the responsePostProcessor of {where} names no ARN"
        raise Problem(message, status=404, type="Function", code="FunctionArnNotConfigured")
    if chosen.model:
        return chosen
    kind, code = UNNAMED.get(chosen.upstream, ("Personalize", "RecommenderArnNotConfigured"))
    message = f"variation {chosen.name!r} of {where} names no {'endpoint' if kind == 'SageMaker' else 'model or ARN'}"
    raise Problem(message, status=404, type=kind, code=code)


def drawn(weighted: list[Variation], at: float) -> Variation:
    total = sum(each.weight for each in weighted)
    ends = accumulate(each.weight for each in weighted)
    return next((each for each, end in zip(weighted, ends, strict=True) if at * total < end), weighted[-1])


def seed(plan: Plan) -> str:
    return f"{plan.namespace}/{plan.action}/{plan.recommender}"


def share(salt: str, unit: str) -> float:
    """A unit's place in 0 to 1, as GrowthBook's hash of version 2 has it, so that other tools can check it."""
    return fnv1a(str(fnv1a(salt + unit))) % BUCKETS / BUCKETS


def fnv1a(text: str) -> int:
    """FNV-1a of 32 bits, over code points."""
    value = 0x811C9DC5
    for character in text:
        value = (value ^ ord(character)) * 0x01000193 & 0xFFFFFFFF
    return value
