"""Experiments as the datafile of Optimizely's SDKs (version 4), which then find the same arms by themselves.

Optimizely's SDKs hash a unit with the id of an experiment, or of a group of experiments, by MurmurHash3, and look the
bucket up in ranges. So an experiment is told to them if its `bucketing` is `optimizely`: then the gateway itself looks
units up in these ranges. A group's range says who takes part (traffic, holdout and exclusion together), the
experiment's own who is in which arm. A rollout gives everyone else the first variation. A value's members are the
flag's variables.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from gateway.plan.draw import BUCKETS, buckets_below
from gateway.plan.experiment import Experiment, FieldCondition, number
from gateway.plan.flag import AnyFlag, Flag, RecommenderFlag, value_of

Json = dict[str, Any]
SINGLE = "value"  # the variable of values that are no objects
MATCHES = {"less-than": "lt", "greater-than": "gt", "contains": "substring"}  # and equals
TYPES: Mapping[type, str] = {bool: "boolean", int: "integer", float: "double", str: "string"}
ZEROS = {"boolean": False, "integer": 0, "double": 0.0, "string": ""}


def datafile(flags: Iterable[AnyFlag], key: str, events: Iterable[str], now: float) -> Json:
    """The datafile of flags of one namespace as of now. `key` is the SDK's, and comes back in what it sends; `events`
    are names that it may track besides those of metrics."""
    told = [flag for flag in flags if is_told(flag)]
    rules = {rule.experiment.id: rule for flag in told for rule in flag.rules}
    fields = {each.field for rule in rules.values() for each in rule.experiment.audience}
    metrics = {name: None for rule in rules.values() for name in rule.experiment.metrics}
    content: Json = {
        "version": "4",
        "projectId": next((flag.plan.namespace for flag in told), ""),
        "accountId": key,
        "sdkKey": key,
        "environmentKey": "recgate",
        "anonymizeIP": True,
        "botFiltering": False,
        "sendFlagDecisions": False,
        "variables": [],
        "audiences": [],
        "typedAudiences": [_audience(rule) for rule in rules.values() if _has_audience(rule.experiment)],
        "attributes": [{"id": number(name), "key": name} for name in sorted({*fields, "sessionId", "syntheticUser"})],
        "experiments": [_experiment(rule) for rule in rules.values() if not _is_grouped(rule.experiment, now)],
        "groups": list(_groups([rule for rule in rules.values() if _is_grouped(rule.experiment, now)], now)),
        "featureFlags": [_feature(flag) for flag in told],
        "rollouts": [_rollout(flag) for flag in told],
        "events": [{"id": number(name), "key": name, "experimentIds": []} for name in [*metrics, *events]],
        "integrations": [],
    }
    return {**content, "revision": number(msgspec.json.encode(content).decode())}


def is_told(flag: AnyFlag) -> bool:
    """True if Optimizely's SDKs can find what the gateway finds."""
    if isinstance(flag, RecommenderFlag) and not flag.plan.experiments:
        return len(flag.plan.variations) == 1
    return all(rule.experiment.bucketing == "optimizely" for rule in flag.rules)


# --- flags


def _feature(flag: AnyFlag) -> Json:
    variables = [
        {"id": _variable_id(flag, name), "key": name, "defaultValue": _text(default, kind), **_typed(kind)}
        for name, (kind, default) in _variables(flag).items()
    ]
    return {
        "id": number(flag.key),
        "key": flag.key,
        "rolloutId": _rollout_id(flag),
        "experimentIds": [rule.experiment.number for rule in flag.rules],
        "variables": variables,
    }


def _rollout(flag: AnyFlag) -> Json:
    """The first variation for whoever is in no experiment."""
    variation = _variation(flag, _rollout_id(flag), flag.default)
    rule = {
        "id": number(f"{flag.key}/everyone"),
        "key": f"{flag.key}/everyone",
        "status": "Running",
        "layerId": _rollout_id(flag),
        "audienceIds": [],
        "forcedVariations": {},
        "variations": [variation],
        "trafficAllocation": [{"entityId": variation["id"], "endOfRange": BUCKETS}],
    }
    return {"id": _rollout_id(flag), "experiments": [rule]}


def _rollout_id(flag: AnyFlag) -> str:
    return number(f"{flag.key}/rollout")


def _variables(flag: AnyFlag) -> dict[str, tuple[str, Any]]:
    """By name, each variable's type and what it is where a variation does not say it: the first variation's."""
    members: dict[str, dict[str, Any]] = {}
    for each in flag.plan.variations:
        for name, value in _members(flag, each.name).items():
            members.setdefault(name, {})[each.name] = value
    kinds = {name: _kind(values.values()) for name, values in members.items()}
    return {name: (kinds[name], values.get(flag.default, ZEROS.get(kinds[name]))) for name, values in members.items()}


def _members(flag: AnyFlag, variation: str) -> Mapping[str, Any]:
    value = value_of(flag.plan, variation)
    return value if isinstance(value, dict) else {SINGLE: value}


def _kind(values: Iterable[Any]) -> str:
    kinds = {TYPES.get(type(value), "json") for value in values}
    if kinds == {"integer", "double"}:
        return "double"
    return kinds.pop() if len(kinds) == 1 else "json"


def _typed(kind: str) -> Json:
    return {"type": "string", "subType": "json"} if kind == "json" else {"type": kind}


def _text(value: Any, kind: str) -> str:
    return value if kind == "string" else msgspec.json.encode(value).decode()


def _variable_id(flag: AnyFlag, name: str) -> str:
    """The same for all flags of a recommender, since they share its experiments' variations."""
    return number(f"{flag.plan.salt}/{name}")


def _variation(flag: AnyFlag, rule: str, name: str) -> Json:
    kinds = _variables(flag)
    variables = [
        {"id": _variable_id(flag, key), "value": _text(value, kinds[key][0])}
        for key, value in _members(flag, name).items()
    ]
    return {"id": number(f"{rule}/{name}"), "key": name, "featureEnabled": True, "variables": variables}


# --- experiments


def _experiment(flag: Flag) -> Json:
    experiment = flag.experiment
    variations = [_variation(flag, experiment.number, arm.variation) for arm in experiment.arms]
    ends = [buckets_below(end) for end in experiment.configured.ends]
    allocation = [{"entityId": each["id"], "endOfRange": end} for each, end in zip(variations, ends, strict=True)]
    return {
        "id": experiment.number,
        "key": flag.key,
        "status": "Running",
        "layerId": experiment.number,
        "audienceIds": [_audience_id(experiment)] if _has_audience(experiment) else [],
        "forcedVariations": dict(experiment.overrides),
        "variations": variations,
        "trafficAllocation": allocation,
    }


def _is_grouped(experiment: Experiment, now: float) -> bool:
    return bool(experiment.group) or _members_now(experiment, now) != (0.0, 1.0)


def _members_now(experiment: Experiment, now: float) -> tuple[float, float]:
    """Nobody takes part before the start, nor after the end."""
    return experiment.members(now) if experiment.start <= now < experiment.end else (0.0, 0.0)


def _groups(flags: Sequence[Flag], now: float) -> Iterator[Json]:
    by_group: defaultdict[str, list[Flag]] = defaultdict(list)
    for flag in flags:
        by_group[flag.experiment.group_number].append(flag)
    for group, members in by_group.items():
        yield {
            "id": group,
            "policy": "random",
            "experiments": [_experiment(flag) for flag in members],
            "trafficAllocation": list(_ranges([flag.experiment for flag in members], now)),
        }


def _ranges(experiments: Iterable[Experiment], now: float) -> Iterator[Json]:
    """The ranges of a group's buckets, with what is nobody's between them."""
    end = 0
    for (first, last), experiment in sorted(
        ((_members_now(each, now), each) for each in experiments), key=lambda pair: pair[0]
    ):
        if first >= last:
            continue
        if buckets_below(first) > end:
            yield {"entityId": "", "endOfRange": buckets_below(first)}
        end = buckets_below(last)
        yield {"entityId": experiment.number, "endOfRange": end}


# --- audiences


def _has_audience(experiment: Experiment) -> bool:
    return bool(experiment.audience) or not experiment.synthetic


def _audience_id(experiment: Experiment) -> str:
    return number(f"{experiment.id}/audience")


def _audience(flag: Flag) -> Json:
    experiment = flag.experiment
    conditions: list[Any] = [_condition(each) for each in experiment.audience]
    if not experiment.synthetic:
        conditions.append(_REAL_USERS)
    return {"id": _audience_id(experiment), "name": flag.key, "conditions": ["and", *conditions]}


def _match(name: str, match: str, value: Any = None) -> Json:
    return {"type": "custom_attribute", "name": name, "match": match, "value": value}


# an attribute that is absent leaves a match unknown, and so its negation: `exists` alone is false then
_REAL_USERS = [
    "not",
    [
        "and",
        _match("syntheticUser", "exists"),
        ["or", _match("syntheticUser", "exact", True), _match("syntheticUser", "exact", "true")],
    ],
]


def _condition(condition: FieldCondition) -> Any:
    if condition.operator != "equals":
        return _match(condition.field, MATCHES[condition.operator], condition.value)
    values = [condition.value, *_alike(condition.value)]
    return ["or", *(_match(condition.field, "exact", value) for value in values)]


def _alike(value: str | int | float) -> Iterator[str | int | float | bool]:
    """The same value of other types: attributes have types, and the context of a request is text."""
    if not isinstance(value, str):
        yield str(value)
        return
    if value in ("true", "false"):
        yield value == "true"
    try:
        yield int(value) if value.isascii() and value.isdigit() else float(value)
    except ValueError:
        return
