"""Experiments in the words of CloudWatch Evidently: projects of features and experiments, as its clients read them, and
what the events that they send say (ecosystem §2.2).

A project is what experiments of the configuration name as theirs, or else their namespace. A feature and its experiment
have one name. Times that the configuration does not tell are 0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from math import isfinite
from typing import Any

import msgspec

from gateway.experiments.analysis.verdict import Verdict
from gateway.experiments.flags import UnitReport, number_of
from gateway.plan.flag import AnyFlag, Flag, RecommenderFlag, value_of

Project = Mapping[str, AnyFlag]  # by the feature's name
Body = dict[str, Any]

AN_EXPOSURE = 0.000_001  # a value below it is no conversion: clients send 0.0000001 (specification §4.3)
WHOLE = 100_000  # shares are thousandths of a percent
USER_KEY, VALUE_KEY = "userDetails.userId", "details."  # where the configuration says nothing else
MISSING = object()


def projects(flags: Iterable[AnyFlag]) -> dict[str, dict[str, AnyFlag]]:
    """A feature's name is the flag that the configuration names, or else the experiment's feature. It has its
    recommender before it where another feature of the project has the same."""
    by_project: defaultdict[str, dict[str, AnyFlag]] = defaultdict(dict)
    for flag in flags:
        own = by_project[_project(flag)]
        name = flag.key if isinstance(flag, RecommenderFlag) else flag.experiment.flag or flag.feature
        own[f"{flag.plan.recommender}.{name}" if name in own else name] = flag
    return dict(by_project)


def _project(flag: AnyFlag) -> str:
    """The project that an experiment names; for a recommender's flag the first of its experiments that names one."""
    named = (rule.document.get("project") for rule in flag.rules)
    return next((name for name in named if name), flag.plan.namespace)


def experiments_in(project: Project) -> dict[str, Flag]:
    """The experiments of a project, by their names."""
    return {name: flag for name, flag in project.items() if isinstance(flag, Flag)}


# --- what clients read


def project_of(arn: str, name: str, project: Project, now: float) -> Body:
    experiments = experiments_in(project)
    running = sum(_status(flag, now) == "RUNNING" for flag in experiments.values())
    return {
        "arn": arn,
        "name": name,
        "status": "AVAILABLE",
        "featureCount": len(project),
        "experimentCount": len(experiments),
        "activeExperimentCount": running,
        "launchCount": 0,
        "activeLaunchCount": 0,
        "createdTime": 0,
        "lastUpdatedTime": 0,
    }


def feature_summary(arn: str, name: str, flag: AnyFlag) -> Body:
    rules = [{"name": name, "type": "aws.evidently.onlineab"}] if isinstance(flag, Flag) else []
    return {
        "arn": f"{arn}/feature/{name}",
        "project": arn,
        "name": name,
        "status": "AVAILABLE",
        "evaluationStrategy": "ALL_RULES",
        "evaluationRules": rules,
        "defaultVariation": flag.default,
        "createdTime": 0,
        "lastUpdatedTime": 0,
    }


def feature_of(arn: str, name: str, flag: AnyFlag) -> Body:
    values = {each.name: value(flag, each.name) for each in flag.plan.variations}
    (member,) = values[flag.default]
    overrides = [rule.experiment.overrides for rule in reversed(flag.rules)]  # the first rule's win
    own = {
        "valueType": member.removesuffix("Value").upper(),
        "variations": [{"name": name, "value": each} for name, each in values.items()],
        "entityOverrides": {unit: name for each in overrides for unit, name in each.items()},
    }
    return {**feature_summary(arn, name, flag), **own}


def experiment_of(arn: str, name: str, flag: Flag, now: float) -> Body:
    experiment = flag.experiment
    times = {"startedTime": experiment.start, "endedTime": experiment.end}
    return {
        "arn": f"{arn}/experiment/{name}",
        "project": arn,
        "name": name,
        "status": _status(flag, now),
        "type": "aws.evidently.onlineab",
        "description": flag.document.get("description", ""),
        "randomizationSalt": experiment.seed,
        "samplingRate": round(experiment.traffic(now) * WHOLE),
        "treatments": [{"name": arm.variation, "featureVariations": {name: arm.variation}} for arm in experiment.arms],
        "onlineAbDefinition": {
            "controlTreatmentName": flag.default,
            "treatmentWeights": {arm.variation: round(arm.share * WHOLE) for arm in experiment.arms},
        },
        "metricGoals": [_goal(flag, metric) for metric in experiment.metrics],
        "execution": {key: time for key, time in times.items() if isfinite(time) and time <= now},
        "createdTime": 0,
        "lastUpdatedTime": 0,
    }


def _status(flag: Flag, now: float) -> str:
    if now < flag.experiment.start:
        return "CREATED"
    return "RUNNING" if now < flag.experiment.end else "COMPLETED"


def _goal(flag: Flag, metric: str) -> Body:
    entity, value = _keys(flag, metric)
    definition = {"name": metric, "entityIdKey": entity, "valueKey": value}
    return {"metricDefinition": definition, "desiredChange": flag.experiment.metrics[metric].direction.upper()}


def value(flag: AnyFlag, variation: str) -> Body:
    """The value of a variation; objects are texts of JSON, since Evidently has none."""
    member = value_of(flag.plan, variation)
    match member:
        case bool():
            return {"boolValue": member}
        case int():
            return {"longValue": member}
        case float():
            return {"doubleValue": member}
        case str():
            return {"stringValue": member}
        case _:
            return {"stringValue": msgspec.json.encode(member).decode()}


def results_of(
    verdict: Verdict, metrics: Container[str], treatments: Container[str], stats: Container[str]
) -> list[Body]:
    """One value a statistic, of all that happened till now; nothing of arms with too few units to tell. The effect is
    the difference of the means, its interval and p-value hold at every look."""
    results: list[Body] = []
    for row in verdict.rows:
        if row.metric not in metrics or row.arm not in treatments:
            continue
        figures = {"Mean": ("BaseStat", row.mean)}
        if row.lift is not None and row.lift.enough and row.lift.p is not None:
            figures["TreatmentEffect"] = ("TreatmentEffect", row.lift.difference)
            figures["ConfidenceIntervalLowerBound"] = ("ConfidenceInterval", row.lift.difference_low)
            figures["ConfidenceIntervalUpperBound"] = ("ConfidenceInterval", row.lift.difference_high)
            figures["PValue"] = ("PValue", row.lift.p)
        results += [
            {"metricName": row.metric, "treatmentName": row.arm, "resultStat": name, "values": [value]}
            for name, (stat, value) in figures.items()
            if stat in stats
        ]
    return results


def reports_of(verdict: Verdict, metrics: Container[str], treatments: Container[str]) -> list[Body]:
    """BayesianInference, of a `bayesian` verdict. AWS documents no members of a report's content; these are ours."""
    return [
        {
            "metricName": row.metric,
            "treatmentName": row.arm,
            "reportName": "BayesianInference",
            "content": msgspec.json.encode(
                {
                    "probabilityOfBeatingControl": row.lift.chance_to_win,
                    "expectedLoss": row.lift.expected_loss,
                    "credibleIntervalLowerBound": row.lift.difference_low,
                    "credibleIntervalUpperBound": row.lift.difference_high,
                }
            ).decode(),
        }
        for row in verdict.rows
        if row.metric in metrics and row.arm in treatments and row.lift is not None and row.lift.enough
    ]


# --- what clients send


def report_of_evaluation(project: Project, data: Mapping[str, Any]) -> UnitReport:
    """Raises `ValueError`."""
    flag, unit = project.get(str(data.get("feature"))), data.get("entityId")
    if flag is None:
        raise ValueError(f"data.feature: there is no feature {data.get('feature')!r}")
    if not isinstance(unit, str) or not unit:
        raise ValueError("data.entityId must be a text that is not empty")
    variation = data.get("variation")
    if variation is not None and not (isinstance(variation, str) and variation in flag.plan.by_name):
        raise ValueError(f"data.variation: the feature has no variation {variation!r}")
    return UnitReport(flag, unit, variation=variation)


def reports_of_custom(project: Project, data: Mapping[str, Any]) -> Iterator[UnitReport]:
    """A report for each metric whose two paths lead to something; the event may be of none. Raises `ValueError`."""
    for flag in experiments_in(project).values():
        for metric in flag.experiment.metrics:
            entity, value = _keys(flag, metric)
            unit, raw = _at(data, entity), _at(data, value)
            if unit is MISSING or raw is MISSING:
                continue
            if not isinstance(unit, str) or not unit:
                raise ValueError(f"data.{entity} must be a text that is not empty")
            number = number_of(raw)
            if number is None:
                raise ValueError(f"data.{value} must be a number")
            yield UnitReport(flag, unit) if abs(number) < AN_EXPOSURE else UnitReport(flag, unit, metric, number)


def _keys(flag: Flag, metric: str) -> tuple[str, str]:
    own = {**flag.document.get("metrics", {}), **flag.document.get("guardrails", {})}.get(metric, {})
    if flag.experiment.method != "evidently":  # its keys are of the gateway's own events
        return USER_KEY, f"{VALUE_KEY}{metric}"
    return own.get("entityIdKey") or USER_KEY, own.get("valueKey") or f"{VALUE_KEY}{metric}"


def _at(data: object, path: str) -> Any:
    """The value that a path with dots leads to. A zero is something."""
    for name in path.split("."):
        if not isinstance(data, Mapping) or name not in data:
            return MISSING
        data = data[name]
    return data
