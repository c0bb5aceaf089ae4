"""Conversions that callers report, checked against the configuration before anything is delivered (specification
§4.4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gateway.errors import Invalid
from gateway.plan.plan import Namespace, Plan

DEFAULT_VALUE = 1.0000001  # in a sum of values it tells a conversion from an exposure, which counts 0.0000001


class Conversion(NamedTuple):
    """`recommender` is a name, or `action/name` where several actions have the name."""

    recommender: str
    feature: str | None = None
    metric: str | None = None
    value: float = DEFAULT_VALUE


def resolved(namespace: Namespace, conversions: Sequence[Conversion]) -> list[Conversion]:
    """The conversions with `action/name`, feature and metric. Raises `Invalid` for the first that belongs to none."""
    return [_resolved(namespace, each) for each in conversions]


def _resolved(namespace: Namespace, conversion: Conversion) -> Conversion:
    plan = _plan(namespace, conversion.recommender, conversion.feature)
    feature = _choice(conversion.feature, plan.experiments, "InvalidExperimentFeature", f"{plan.path} has experiments")
    where = f"experiment {feature!r} of {plan.path} has metrics"
    metric = _choice(conversion.metric, plan.experiments[feature].metrics, "InvalidExperimentMetric", where)
    return Conversion(plan.path, feature, metric, conversion.value)


def _plan(namespace: Namespace, recommender: str, feature: str | None) -> Plan:
    """The one plan that is meant: of several of the same name, those that have the experiment count."""
    named = [plan for plan in namespace.plans.values() if recommender in (plan.recommender, plan.path)]
    if not named:
        raise _invalid("InvalidRecommender", f"no recommender {recommender!r} in {namespace.key!r}")
    tested = [plan for plan in named if plan.experiments]
    if not tested:
        raise _invalid("InvalidExperimentFeature", f"{recommender!r} has no experiments")
    meant = [plan for plan in tested if feature is None or feature in plan.experiments] or tested
    if len(meant) > 1:
        paths = " or ".join(plan.path for plan in meant)
        raise _invalid("InvalidRecommender", f"{recommender!r} is there more than once: write {paths}")
    return meant[0]


def _choice(name: str | None, choices: Iterable[str], code: str, where: str) -> str:
    """The name, or the only choice where none is named."""
    names = list(choices)
    if name is None and len(names) == 1:
        return names[0]
    if name is None or name not in names:
        mistake = "none was named" if name is None else f"not {name!r}"
        raise _invalid(code, f"{where}: {', '.join(names) or 'none'}; {mistake}")
    return name


def _invalid(code: str, message: str) -> Invalid:
    return Invalid(code, f"experimentConversions: {message}")
