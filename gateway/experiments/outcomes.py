"""Outcomes for the experiments of a namespace, from callers' events and conversions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from engine import Event, UnitOutcome
from gateway.errors import Invalid
from gateway.experiments.credit import SEEN, confirming
from gateway.experiments.ledger import event_name
from gateway.plan.experiment import Experiment, ExperimentMetric
from gateway.plan.plan import Namespace, Plan

DEFAULT_VALUE = 1.0000001  # in a sum of values it tells a conversion from an exposure, which counts 0.0000001


class Conversion(msgspec.Struct, frozen=True, rename="camel"):
    """`recommender` is a name, or `action/name` where several actions have the name. One of an `event_id` counts once,
    however often it is sent."""

    recommender: Annotated[str, Meta(min_length=1, max_length=256)]
    feature: str | None = None
    metric: str | None = None
    value: float = DEFAULT_VALUE
    event_id: Annotated[str, Meta(min_length=1, max_length=256)] | None = None


def resolved(namespace: Namespace, conversions: Sequence[Conversion]) -> list[Conversion]:
    """The conversions with `action/name`, feature and metric. Raises `Invalid` for the first that belongs to none."""
    return [_resolved(namespace, each) for each in conversions]


def _resolved(namespace: Namespace, conversion: Conversion) -> Conversion:
    plan = _plan(namespace, conversion.recommender, conversion.feature)
    feature = _choice(conversion.feature, plan.experiments, "InvalidExperimentFeature", f"{plan.path} has experiments")
    where = f"experiment {feature!r} of {plan.path} has metrics"
    metric = _choice(conversion.metric, plan.experiments[feature].metrics, "InvalidExperimentMetric", where)
    return Conversion(plan.path, feature, metric, conversion.value, conversion.event_id)


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


def outcomes_of(
    namespace: Namespace,
    session: str,
    user: str | None,
    events: Sequence[Event],
    conversions: Sequence[Conversion],
    now: float,
) -> list[UnitOutcome]:
    """`conversions` are resolved. An event from the future happens now; one without the value that a metric counts is
    not counted by it. Whoever is no unit has the name "", and the answer that an event names says whose it is."""
    reported = [outcome for each in conversions for outcome in _reported(namespace, each, session, user, now)]
    wanted = {
        (each.scope, _unit(each, session, user) or "", event_name(metric)): metric
        for each in namespace.experiments
        for metric in (*each.metrics.values(), *confirming(each))
        if metric.event_type is not None
    }
    return reported + [
        UnitOutcome(
            scope,
            unit,
            name,
            value,
            min(event.sent_at, now),
            event.recommendation_id,
            _once(scope, unit, name, event),
            event.item_id,
        )
        for event in events
        for (scope, unit, name), metric in wanted.items()
        if (
            metric.event_type == event.event_type
            or (not metric.event_type and (event.impression or event.recommendation_id))
        )
        and (unit or event.recommendation_id)
        and (value := _value(metric, event)) is not None
    ]


def _reported(
    namespace: Namespace, conversion: Conversion, session: str, user: str | None, now: float
) -> Iterator[UnitOutcome]:
    for each in namespace.experiments:
        path = f"{namespace.key}/{conversion.recommender}/{conversion.feature}"
        unit = _unit(each, session, user)
        if unit and conversion.metric is not None and each.id.partition("@")[0] == path:
            once = (
                None if conversion.event_id is None else _digest(each.id, unit, conversion.metric, conversion.event_id)
            )
            yield UnitOutcome(each.id, unit, conversion.metric, conversion.value, now, once=once)


def _unit(experiment: Experiment, session: str, user: str | None) -> str | None:
    return user if experiment.unit == "user" else session


def _value(metric: ExperimentMetric, event: Event) -> float | None:
    if not metric.value_key:
        return 1.0
    value: Any = {"eventValue": event.event_value, "properties": event.properties}
    for name in metric.value_key.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _once(scope: str, unit: str, name: str, event: Event) -> bytes | None:
    of = event.event_id
    if name == SEEN and event.recommendation_id is not None:
        of = event.recommendation_id  # to see a list twice tells no more
    return None if of is None else _digest(scope, unit, name, of)


def _digest(*names: str) -> bytes:
    return hashlib.blake2b("\n".join(names).encode(), digest_size=16).digest()
