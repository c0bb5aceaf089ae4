"""The variation that answers a user: a pure hash against the weights, the same in every worker, whenever it starts."""

from __future__ import annotations

from dataclasses import replace

from engine import EVERYONE
from gateway.errors import Invalid, NotConfigured, Problem
from gateway.plan.plan import Plan, Variation, by_weight
from gateway.upstreams.engine import EngineUpstream

UNNAMED = {  # an incomplete variation's error (specification §1.8)
    "function": ("Function", "FunctionArnNotConfigured"),
    "sagemaker": ("SageMaker", "EndpointNameNotConfigured"),
}


def assign(plan: Plan, unit: str | None, feature: str | None = None, arm: str | None = None) -> Variation:
    """The variation for a unit: its `arm` of an experiment; the first with a weight for whoever is in none, or where
    there is no unit; else by weight. Raises `Invalid` for a `feature` that no experiment has, where there are any that
    this unit could be in."""
    if plan.experiments and feature and unit and len(plan.variations) > 1 and feature not in plan.experiments:
        configured = ", ".join(plan.experiments)
        message = f"{plan.path} has no experiment {feature!r}; configured: {configured}"
        raise Invalid("InvalidExperimentFeature", message)
    if arm is not None:
        chosen = plan.by_name[arm]
    elif not unit or plan.experiments:
        chosen = next(each for each in plan.variations if each.weight > 0)
    else:
        chosen = by_weight(plan, unit)
    if plan.post_processor is not None and not plan.post_processor.function.arn:
        message = f"the responsePostProcessor of {where(plan)} names no ARN"
        raise Problem(message, status=404, type="Function", code="FunctionArnNotConfigured")
    if chosen.model:
        return chosen
    kind, code = UNNAMED.get(chosen.upstream, ("Personalize", "RecommenderArnNotConfigured"))
    lacking = "endpoint" if kind == "SageMaker" else "model or ARN"
    message = f"variation {chosen.name!r} of {where(plan)} names no {lacking}"
    raise Problem(message, status=404, type=kind, code=code)


def where(plan: Plan) -> str:
    return f"{plan.path} of namespace {plan.namespace!r}"


def shared_by(plan: Plan) -> int:
    """The configured number of cohorts. Raises 404 where there is none."""
    if plan.cohorts is None:
        raise NotConfigured("CohortsNotConfigured", f"{where(plan)} has no 'cohorts'")
    return plan.cohorts


async def of_cohort(cohort: str, plan: Plan, engine: EngineUpstream) -> Variation:
    """The variation whose model has the cohort: a cohort's name is of one model. Raises 404 where none has it any more.

    It hears no context: the list was made in training, from what the cohort's members did.
    """
    shared_by(plan)
    usual = assign(plan, None)
    if cohort == EVERYONE:
        return replace(usual, auto_context=())
    for variation in plan.variations:
        if variation.model and await engine.has_cohort(cohort, variation):
            return replace(variation, auto_context=())
    message = f"no model of {plan.recommender!r} has the cohort {cohort!r} now: ask /cohorts for the user's"
    raise NotConfigured("CohortNotFound", message)
