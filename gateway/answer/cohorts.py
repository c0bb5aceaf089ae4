"""Cohorts of a recommender: how many there are, and the variation that has one's list."""

from __future__ import annotations

from dataclasses import replace

from engine import EVERYONE
from gateway.answer.assign import assign
from gateway.errors import NotConfigured
from gateway.plan.plan import Plan, Variation
from gateway.upstreams.engine import EngineUpstream


def shared_by(plan: Plan) -> int:
    """The configured number of cohorts. Raises 404 where there is none."""
    if plan.cohorts is None:
        where = f"{plan.action}/{plan.recommender} of namespace {plan.namespace!r}"
        raise NotConfigured("CohortsNotConfigured", f"{where} has no 'cohorts'")
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
