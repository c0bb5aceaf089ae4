"""Experiments as features of GrowthBook's SDKs, which then find the same arms by themselves (ecosystem §1.5).

Who takes part is said by `filters`, one for each hash that `enrol.takes` looks at; arms by `ranges`, since a sum of
weights rounds otherwise. Attributes: `id` for users, `sessionId` for sessions, and the fields of the audience.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any

from gateway.experiments.conversions import DEFAULT_VALUE
from gateway.experiments.flags import UnitReport, number_of
from gateway.plan.experiment import Arm, AudienceCondition, Experiment
from gateway.plan.flag import Flag

VIEWED = ("$$experiment_viewed", "Experiment Viewed")
ATTRIBUTES = {"user": "id", "session": "sessionId"}
ORDERS = {"less-than": "$lt", "greater-than": "$gt"}


def feature(flag: Flag, now: float) -> dict[str, Any]:
    """The flag as of now: ramps and schedules change it."""
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


def ranges(shares: Iterable[float]) -> list[list[float]]:
    """Where each arm begins and ends between 0 and 1, as `draw.drawn` has it: the last that gets anybody ends at 1."""
    shares = list(shares)
    total = sum(shares)
    ends = [end / total for end in accumulate(shares)]
    last = max(index for index, share in enumerate(shares) if share > 0)
    ends[last:] = [1.0] * (len(ends) - last)
    return [[start, end] for start, end in zip([0.0, *ends], ends, strict=False)]


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
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for condition in experiment.audience:
        found[condition.field].append(_test(condition))
    told: dict[str, Any] = {}
    if not experiment.synthetic:
        told["syntheticUser"] = {"$nin": [True, "true"]}
    told |= {field: tests[0] for field, tests in found.items()}
    more = [{field: test} for field, tests in found.items() for test in tests[1:]]
    return told | ({"$and": more} if more else {})


def _test(condition: AudienceCondition) -> dict[str, Any]:
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
    """What an event says: that an experiment was viewed, or what a metric of that name counts, of any experiment."""
    name, told, context = event.get("event_name"), _object(event, "properties_json"), _object(event, "context_json")
    if not isinstance(name, str):
        return
    if name in VIEWED:
        flag = flags.get(str(told.get("experiment_id", told.get("experimentId"))))
        unit = told.get("hash_value", told.get("hashValue"))
        if flag is not None and told.get("in_experiment", True) is True and isinstance(unit, str) and unit:
            shown = told.get("variation_key", told.get("variationId", told.get("variation_id")))
            variation = shown if isinstance(shown, str) and shown in flag.experiment.by_variation else None
            yield UnitReport(flag, unit, variation=variation)
        return
    units = {
        "user": event.get("user_id") or event.get("device_id"),  # which is the attribute `id`, too
        "session": event.get("session_id") or context.get(ATTRIBUTES["session"]),
    }
    value = number_of(told.get("value"))
    for flag in flags.values():
        unit = units[flag.experiment.unit]
        if name in flag.experiment.metrics and isinstance(unit, str) and unit:
            yield UnitReport(flag, unit, name, DEFAULT_VALUE if value is None else value)


def _object(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = event.get(name)
    return found if isinstance(found, dict) else {}
