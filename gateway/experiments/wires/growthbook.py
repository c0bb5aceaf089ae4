"""Experiments as features of GrowthBook's SDKs, which then find the same arms by themselves (ecosystem §1.5).

`filters` say who takes part, one for each hash that `enrol.takes` looks at; `ranges` say the arms, since a sum of
weights rounds otherwise. Attributes are `id` for users, `sessionId` for sessions, and the fields of the audience.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.experiments.flags import UnitReport, number_of
from gateway.experiments.outcomes import DEFAULT_VALUE
from gateway.plan.draw import ends_of
from gateway.plan.experiment import Arm, Experiment, FieldCondition
from gateway.plan.flag import Flag

VIEWED = ("$$experiment_viewed", "Experiment Viewed")
ATTRIBUTES = {"user": "id", "session": "sessionId"}
ORDERS = {"less-than": "$lt", "greater-than": "$gt"}


def feature(flag: Flag, now: float) -> dict[str, Any]:
    """The feature of a flag as of now: ramps and schedules change it."""
    experiment = flag.experiment
    rules = [_forced(experiment, arm) for arm in experiment.arms if arm.variation in experiment.overrides.values()]
    if experiment.start <= now < experiment.end and experiment.traffic(now) > 0:
        rules.append(_drawn(flag.key, experiment, experiment.traffic(now)))
    return {"defaultValue": flag.default, "rules": rules}


def _forced(experiment: Experiment, arm: Arm) -> dict[str, Any]:
    units = [unit for unit, variation in experiment.overrides.items() if variation == arm.variation]
    return {"condition": {ATTRIBUTES[experiment.unit]: {"$in": units}}, "force": arm.variation}


def _drawn(key: str, experiment: Experiment, traffic: float) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "key": key,
        "name": experiment.feature,
        "variations": [arm.variation for arm in experiment.arms],
        "meta": [{"key": arm.variation, "name": arm.variation} for arm in experiment.arms],
        "weights": list(experiment.shares),
        "ranges": ranges(experiment.shares),
        "coverage": 1,
        "hashAttribute": ATTRIBUTES[experiment.unit],
        "hashVersion": 2,
        "seed": experiment.seed,
    }
    if filters := _filters(experiment, traffic):
        rule["filters"] = filters
    if condition := _condition(experiment):
        rule["condition"] = condition
    return rule


def ranges(shares: Sequence[float]) -> list[list[float]]:
    """The beginning and end of each arm's part of 0 to 1."""
    ends = ends_of(shares)
    return [[start, end] for start, end in zip((0.0, *ends), ends, strict=False)]


def _filters(experiment: Experiment, traffic: float) -> list[dict[str, Any]]:
    namespace, seed, attribute = experiment.namespace, experiment.seed, ATTRIBUTES[experiment.unit]
    wanted = [
        (f"{namespace}/holdout", 2, (experiment.global_holdout, 1.0)),
        (f"{seed}/holdout", 2, (experiment.holdout, 1.0)),
        (f"__{experiment.group}", 1, experiment.range if experiment.group else (0.0, 1.0)),
        (f"{seed}/traffic", 2, (0.0, traffic)),
    ]
    return [
        {"seed": salt, "hashVersion": version, "attribute": attribute, "ranges": [list(range_)]}
        for salt, version, range_ in wanted
        if range_[0] > 0 or range_[1] < 1
    ]


def _condition(experiment: Experiment) -> dict[str, Any]:
    by_field: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for condition in experiment.audience:
        by_field[condition.field].append(_test(condition))
    whole: dict[str, Any] = {} if experiment.synthetic else {"syntheticUser": {"$nin": [True, "true"]}}
    whole |= {field: tests[0] for field, tests in by_field.items()}
    more = [{field: test} for field, tests in by_field.items() for test in tests[1:]]
    return whole | ({"$and": more} if more else {})


def _test(condition: FieldCondition) -> dict[str, Any]:
    value, text = condition.value, re.escape(str(condition.value))
    match condition.operator:
        case "equals":
            return {"$in": [value] if isinstance(value, str) else [value, str(value)]}
        case "less-than" | "greater-than":
            return {ORDERS[condition.operator]: value}
        case "contains":
            return {"$regex": text}
        case "ends-with":
            return {"$regex": f"{text}$"}
        case _:
            return {"$regex": f"^{text}"}


# --- what the SDKs' tracking plugins send


def reports_in(flags: Mapping[str, Flag], event: Mapping[str, Any]) -> Iterator[UnitReport]:
    """The reports of an event: that an experiment was viewed, or what a metric of its name counts, of any
    experiment."""
    name = event.get("event_name")
    properties, context = _object(event, "properties_json"), _object(event, "context_json")
    if not isinstance(name, str):
        return
    if name in VIEWED:
        flag = flags.get(str(properties.get("experiment_id", properties.get("experimentId"))))
        unit = properties.get("hash_value", properties.get("hashValue"))
        if flag is not None and properties.get("in_experiment", True) is True and isinstance(unit, str) and unit:
            shown = properties.get("variation_key", properties.get("variationId", properties.get("variation_id")))
            variation = shown if isinstance(shown, str) and shown in flag.experiment.by_variation else None
            yield UnitReport(flag, unit, variation=variation)
        return
    units = {
        "user": event.get("user_id") or event.get("device_id"),  # which is the attribute `id`, too
        "session": event.get("session_id") or context.get(ATTRIBUTES["session"]),
    }
    value = number_of(properties.get("value"))
    for flag in flags.values():
        unit = units[flag.experiment.unit]
        if name in flag.experiment.metrics and isinstance(unit, str) and unit:
            yield UnitReport(flag, unit, name, DEFAULT_VALUE if value is None else value)


def _object(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = event.get(name)
    return value if isinstance(value, dict) else {}
