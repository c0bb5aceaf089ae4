"""What callers report of experiments, checked against the configuration before anything is delivered (specification
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
    """Each with its `action/name`, feature and metric. Raises `Invalid` for the first that belongs to none."""
    return [_resolved(namespace, each) for each in conversions]


def _resolved(namespace: Namespace, told: Conversion) -> Conversion:
    plan = _plan(namespace, told)
    feature = _only(told.feature, plan.experiments, "InvalidExperimentFeature", f"{plan.path} has experiments")
    where = f"experiment {feature!r} of {plan.path} has metrics"
    metric = _only(told.metric, plan.experiments[feature].metrics, "InvalidExperimentMetric", where)
    return Conversion(plan.path, feature, metric, told.value)


def _plan(namespace: Namespace, told: Conversion) -> Plan:
    """The one that is meant: of several of the same name, those that have the experiment count."""
    named = [plan for plan in namespace.plans.values() if told.recommender in (plan.recommender, plan.path)]
    if not named:
        raise _invalid("InvalidRecommender", f"no recommender {told.recommender!r} in {namespace.key!r}")
    tested = [plan for plan in named if plan.experiments]
    if not tested:
        raise _invalid("InvalidExperimentFeature", f"{told.recommender!r} has no experiments")
    meant = [plan for plan in tested if told.feature is None or told.feature in plan.experiments] or tested
    if len(meant) > 1:
        said = " or ".join(plan.path for plan in meant)
        raise _invalid("InvalidRecommender", f"{told.recommender!r} is there more than once: write {said}")
    return meant[0]


def _only(told: str | None, known: Iterable[str], code: str, where: str) -> str:
    """What was told, or the only one there is."""
    names = list(known)
    if told is None and len(names) == 1:
        return names[0]
    if told is None or told not in names:
        said = "none was named" if told is None else f"not {told!r}"
        raise _invalid(code, f"{where}: {', '.join(names) or 'none'}; {said}")
    return told


def _invalid(code: str, message: str) -> Invalid:
    return Invalid(code, f"experimentConversions: {message}")
