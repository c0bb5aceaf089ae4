"""Experiments as features of GrowthBook's SDKs, which then find the same arms by themselves (ecosystem §1.5).

`filters` say who takes part, one for each hash that `enrol.takes` looks at; `ranges` say the arms, since a sum of
weights rounds otherwise. Attributes are `id` for users, `sessionId` for sessions, and the fields of the audience.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.experiments.flags import Evaluation, UnitReport, number_of
from gateway.experiments.outcomes import DEFAULT_VALUE
from gateway.plan.draw import ends_of
from gateway.plan.experiment import Arm, Experiment, FieldCondition
from gateway.plan.flag import AnyFlag, Flag, value_of
from gateway.plan.plan import Plan

VIEWED = ("$$experiment_viewed", "Experiment Viewed")
ATTRIBUTES = {"user": "id", "session": "sessionId"}
ORDERS = {"less-than": "$lt", "greater-than": "$gt"}


def is_told(flag: AnyFlag) -> bool:
    """True if GrowthBook's SDKs can find what the gateway finds."""
    return all(rule.experiment.bucketing == "growthbook" for rule in flag.rules)


def feature(flag: AnyFlag, now: float) -> dict[str, Any]:
    """The feature of a flag as of now: ramps and schedules change it."""
    rules = [rule for each in flag.rules for rule in _rules(each, now)]
    if not flag.plan.experiments and len(flag.plan.variations) > 1:
        rules = [_weighed(flag)]
    return {"defaultValue": value_of(flag.plan, flag.default), "rules": rules}


def _rules(flag: Flag, now: float) -> Iterator[dict[str, Any]]:
    experiment = flag.experiment
    yield from (_forced(flag, arm) for arm in experiment.arms if arm.variation in experiment.overrides.values())
    if experiment.start <= now < experiment.end and experiment.traffic(now) > 0:
        yield _drawn(flag, experiment.traffic(now))


def _forced(flag: Flag, arm: Arm) -> dict[str, Any]:
    experiment = flag.experiment
    units = [unit for unit, variation in experiment.overrides.items() if variation == arm.variation]
    condition = {ATTRIBUTES[experiment.unit]: {"$in": units}}
    return {"condition": condition, "force": value_of(flag.plan, arm.variation)}


def _drawn(flag: Flag, traffic: float) -> dict[str, Any]:
    experiment = flag.experiment
    rule: dict[str, Any] = {
        "key": flag.key,
        "name": experiment.feature,
        **_split(flag.plan, [arm.variation for arm in experiment.arms], experiment.shares),
        "hashAttribute": ATTRIBUTES[experiment.unit],
        "hashVersion": 2,
        "seed": experiment.seed,
    }
    if filters := _filters(experiment, traffic):
        rule["filters"] = filters
    if condition := _condition(experiment):
        rule["condition"] = condition
    return rule


def _weighed(flag: AnyFlag) -> dict[str, Any]:
    """The rule of a recommender without experiments, whose users draw by the variations' weights."""
    total = sum(each.weight for each in flag.plan.variations)
    shares = [each.weight / total for each in flag.plan.variations]
    split = _split(flag.plan, [each.name for each in flag.plan.variations], shares)
    return {"key": flag.key, **split, "hashAttribute": ATTRIBUTES["user"], "hashVersion": 2, "seed": flag.plan.salt}


def _split(plan: Plan, names: Sequence[str], shares: Sequence[float]) -> dict[str, Any]:
    return {
        "variations": [value_of(plan, name) for name in names],
        "meta": [{"key": name, "name": name} for name in names],
        "weights": list(shares),
        "ranges": ranges(shares),
        "coverage": 1,
    }


def evaluated(flag: AnyFlag, evaluation: Evaluation, unit: str) -> dict[str, Any]:
    """The feature of a flag once the gateway has evaluated it for a unit: a rule that gives the one value, with the
    experiment that the SDK is to track."""
    value = value_of(flag.plan, evaluation.variation)
    default = {"defaultValue": value_of(flag.plan, flag.default)}
    if evaluation.experiment is None:
        return {"defaultValue": value}
    if evaluation.reason == "override":
        return {**default, "rules": [{"force": value}]}
    track = _tracked(flag, evaluation.experiment, evaluation.variation, unit)
    return {**default, "rules": [{"force": value, "tracks": [track]}]}


def _tracked(flag: AnyFlag, experiment: Experiment, variation: str, unit: str) -> dict[str, Any]:
    """The experiment and its result, as the SDK would have found them."""
    key = next(rule.key for rule in flag.rules if rule.feature == experiment.feature)
    names = [arm.variation for arm in experiment.arms]
    attribute = ATTRIBUTES[experiment.unit]
    result = {
        "featureId": flag.key,
        "inExperiment": True,
        "variationId": names.index(variation),
        "value": value_of(flag.plan, variation),
        "key": variation,
        "name": variation,
        "hashUsed": True,
        "hashAttribute": attribute,
        "hashValue": unit,
        "stickyBucketUsed": False,
    }
    split = _split(flag.plan, names, experiment.shares)
    return {"experiment": {"key": key, **split, "hashAttribute": attribute}, "result": result}


def forced(flag: AnyFlag, variations: Mapping[str, int]) -> dict[str, Any] | None:
    """The feature where the SDK's user forces a variation of an experiment, by its place; None for none of these."""
    for rule in flag.rules:
        place = variations.get(rule.key)
        if place is not None and 0 <= place < len(rule.experiment.arms):
            value = value_of(flag.plan, rule.experiment.arms[place].variation)
            return {"defaultValue": value_of(flag.plan, flag.default), "rules": [{"force": value}]}
    return None


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


def reports_in(flags: Mapping[str, AnyFlag], event: Mapping[str, Any]) -> Iterator[UnitReport]:
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
            variation = shown if isinstance(shown, str) and shown in flag.plan.by_name else None
            yield UnitReport(flag, unit, variation=variation)
        return
    units = {
        "user": event.get("user_id") or event.get("device_id"),  # which is the attribute `id`, too
        "session": event.get("session_id") or context.get(ATTRIBUTES["session"]),
    }
    value = number_of(properties.get("value"))
    for flag in flags.values():
        unit = units[flag.unit]
        if isinstance(flag, Flag) and name in flag.experiment.metrics and isinstance(unit, str) and unit:
            yield UnitReport(flag, unit, name, DEFAULT_VALUE if value is None else value)


def _object(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = event.get(name)
    return value if isinstance(value, dict) else {}
