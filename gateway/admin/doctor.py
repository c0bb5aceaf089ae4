"""The data doctor's view: a dataset group's diagnosis, with the filters that the configuration has for its models."""

from __future__ import annotations

from engine import Diagnosis, Engine, diagnose_group
from gateway.config import Config


def diagnosis(engine: Engine, group_arn: str, config: Config | None = None) -> Diagnosis:
    """Raises `NotFound` where there is no such group."""
    return diagnose_group(
        engine, group_arn, {} if config is None else configured_expressions(engine, group_arn, config)
    )


def configured_expressions(engine: Engine, group_arn: str, config: Config) -> dict[str, str]:
    """The filters that the configuration writes in place for models of the group, by where they are written."""
    expressions: dict[str, str] = {}
    plans = (plan for namespace in config.namespaces.values() for plan in namespace.plans.values())
    for plan, variation in ((each, variation) for each in plans for variation in each.variations):
        if variation.origin is not None or not variation.model:
            continue
        record = engine.answers.campaigns.record(variation.model)
        if record is None or record.dataset_group_arn != group_arn:
            continue
        for number, choice in enumerate(variation.filters, 1):
            if choice.expression is not None:
                place = f"/{plan.action}/{plan.namespace}/{plan.recommender} {variation.name}, filter {number}"
                expressions[place] = choice.expression
    return expressions
