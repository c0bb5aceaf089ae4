"""Outcomes for the experiments of a namespace, from callers' events and conversions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from engine import Event, UnitOutcome
from gateway.experiments.confirmation import SEEN, confirming
from gateway.experiments.conversions import Conversion
from gateway.experiments.ledger import event_name
from gateway.plan.experiment import Experiment, ExperimentMetric
from gateway.plan.plan import Namespace


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
        if (metric.event_type == event.event_type or (not metric.event_type and _shows_list(event)))
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
            yield UnitOutcome(each.id, unit, conversion.metric, conversion.value, now)


def _unit(experiment: Experiment, session: str, user: str | None) -> str | None:
    return user if experiment.unit == "user" else session


def _value(metric: ExperimentMetric, event: Event) -> float | None:
    if not metric.value_key:
        return 1.0
    value: Any = {"eventValue": event.event_value, "properties": event.properties}
    for name in metric.value_key.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _shows_list(event: Event) -> bool:
    return bool(event.impression or event.recommendation_id)


def _once(scope: str, unit: str, name: str, event: Event) -> bytes | None:
    of = event.event_id
    if name == SEEN and event.recommendation_id is not None:
        of = event.recommendation_id  # to see a list twice tells no more
    if of is None:
        return None
    return hashlib.blake2b("\n".join((scope, unit, name, of)).encode(), digest_size=16).digest()
