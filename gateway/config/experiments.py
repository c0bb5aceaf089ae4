"""Experiments of the document: what their types cannot say, and what comes of them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf

from gateway.config import document
from gateway.document.report import Report, checks, choices, inside
from gateway.plan import experiment as setup
from gateway.plan.plan import ContextField
from gateway.upstreams.level import VariationPart

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
LEAST_PERIOD_S = 4
VALUE_KEY = re.compile(r"eventValue|properties(\.[^.\s]+)+")

Variations = Mapping[str, VariationPart]


# --- checks


def check_experiments(part: document.Recommender, place: str, report: Report) -> None:
    """Check a recommender's experiments against its variations."""
    at = inside(place, "experiments")
    interleaved = any(isinstance(each, document.InterleavingExperiment) for each in part.experiments.values())
    if part.experiments and len(part.variations) < 2 and not interleaved:
        report.warn(at, "there is one variation: nobody is in an experiment")
    for feature, each in part.experiments.items():
        check_experiment(each, part.variations, inside(at, feature), report)


def check_experiment(part: document.AnyExperiment, variations: Variations, place: str, report: Report) -> None:
    if not part.metrics:
        report.warn(inside(place, "metrics"), "has no metric: no conversion can be told")
    for name in set(part.metrics) & set(part.guardrails):
        report.refuse(inside(place, "guardrails", name), "is a metric, too: give it another name")
    if isinstance(part, document.InterleavingExperiment):
        check_interleaving(part, variations, place, report)
    elif part.weights is not None:
        check_weights(part.weights, variations, inside(place, "weights"), report)
    for unit, name in part.overrides.items():
        if name not in variations:
            at = inside(place, "overrides", unit)
            report.refuse(at, f"there is no variation {name!r}; {choices(name, variations)}")
    check_times(part, place, report)
    for index, step in enumerate(part.ramp):
        check_step(step, variations, inside(place, "ramp", index), report)
    if isinstance(part, document.BanditExperiment):
        check_bandit(part, variations, place, report)
    share = (0.0, 1.0) if part.exclusion is None else part.exclusion.range
    if len(share) != 2 or share[0] >= share[1]:
        message = "must be two numbers, the first less than the second, such as [0, 0.5]"
        report.refuse(inside(place, "exclusion", "range"), message)
    for index, condition in enumerate(part.audience):
        if isinstance(condition.value, float) and not math.isfinite(condition.value):
            report.refuse(inside(place, "audience", index, "value"), "must be a finite number")


def check_interleaving(
    part: document.InterleavingExperiment, variations: Variations, place: str, report: Report
) -> None:
    steps = [(inside(place, "ramp", index), step.weights) for index, step in enumerate(part.ramp)]
    message = "mean nothing where lists are interleaved: every variation has the same part in them; take them out"
    for at, weights in ((place, part.weights), *steps):
        if weights is not None:
            report.refuse(inside(at, "weights"), message)
    if len(variations) < 2:
        report.refuse(place, "interleaves two variations or more, and the recommender has one")


def check_weights(weights: Mapping[str, float], variations: Variations, place: str, report: Report) -> None:
    for name, weight in weights.items():
        if name not in variations:
            report.refuse(inside(place, name), f"there is no variation {name!r}; {choices(name, variations)}")
        elif not math.isfinite(weight):
            report.refuse(inside(place, name), "must be a finite number")
    if not any(weights.values()):
        report.refuse(place, "all weights are 0: nobody could be in an arm; give one more than 0")


def check_step(step: document.RampStep, variations: Variations, place: str, report: Report) -> None:
    if step.weights is not None:
        check_weights(step.weights, variations, inside(place, "weights"), report)
    elif step.traffic is None:
        report.refuse(place, "changes nothing: give it 'traffic', 'weights' or both")


def check_bandit(part: document.BanditExperiment, variations: Variations, place: str, report: Report) -> None:
    if part.reward is None and not part.metrics:
        report.refuse(inside(place, "metrics"), "has no metric: a bandit needs one to earn")
    if part.reward is not None and part.reward not in part.metrics:
        message = f"there is no metric {part.reward!r}; {choices(part.reward, part.metrics)}"
        report.refuse(inside(place, "reward"), message)
    if length(part.period) < LEAST_PERIOD_S:
        message = f"must be {LEAST_PERIOD_S}s or more: processes hear of new weights within half a second"
        report.refuse(inside(place, "period"), message)
    weights = part.weights or {name: 1.0 if each.weight is None else each.weight for name, each in variations.items()}
    count = sum(weights.get(name, 0.0) > 0 for name in variations)
    if part.minimum_weight * count > 1:
        message = f"{part.minimum_weight:g} for each of {count} variations is more than 1: give {1 / count:.3g} or less"
        report.refuse(inside(place, "minimumWeight"), message)
    for index, step in enumerate(part.ramp):
        if step.weights is not None:
            at = inside(place, "ramp", index, "weights")
            report.refuse(at, "a bandit finds the weights by itself: leave them to it, or take method 'builtin'")


def check_times(part: document.AnyExperiment, place: str, report: Report) -> None:
    at = inside(place, "schedule")
    start, end = seconds(part.schedule.start, at, report), seconds(part.schedule.end, at, report)
    if start is not None and end is not None and start >= end:
        report.refuse(at, f"ends at {part.schedule.end}, not after it starts at {part.schedule.start}")
    before = -inf
    for index, step in enumerate(part.ramp):
        at = inside(place, "ramp", index, "at")
        now = seconds(step.at, at, report)
        if now is not None and now <= before:
            report.refuse(at, f"{step.at} is not after the step before it: put the steps in the order of their times")
        before = before if now is None else now


def seconds(time: str | None, place: str, report: Report) -> float | None:
    try:
        return None if time is None else datetime.fromisoformat(time).timestamp()
    except ValueError as error:
        report.refuse(place, f"is no time: {error}")
        return None


def check_exclusions(part: document.Namespace, place: str, report: Report) -> None:
    """No two experiments of a group may want the same units."""
    taken: list[tuple[str, float, float, str]] = []
    for action, recommenders in part.recommenders.items():
        for name, recommender in recommenders.items():
            for feature, each in recommender.experiments.items():
                if each.exclusion is None or len(each.exclusion.range) != 2:
                    continue
                group, (first, last) = each.exclusion.group, each.exclusion.range
                at = f"{place}.recommenders.{action}.{name}.experiments.{feature}"
                for other, low, high, where in taken:
                    if other == group and first < high and low < last:
                        message = f"overlaps [{low:g}, {high:g}] of {where}: units of group {group!r} would be in both"
                        report.refuse(f"{at}.exclusion.range", message)
                taken.append((group, first, last, at))


def check_senders(part: document.Namespace, place: str, report: Report) -> None:
    if part.takes_events:
        return
    silent = "the namespace has no 'eventTargets', so it takes no events"
    for action, recommenders in part.recommenders.items():
        for name, recommender in recommenders.items():
            at = f"{place}.recommenders.{action}.{name}.experiments"
            if recommender.experiments:
                report.warn(at, f"nobody can send a metric: {silent}")
            for feature, each in recommender.experiments.items():
                if each.confirmation is not None:
                    report.refuse(f"{at}.{feature}.confirmation", f"nobody would be exposed: {silent}")


@checks
def check_metric(part: document.Metric, place: str, report: Report) -> None:
    if part.value_key and not VALUE_KEY.fullmatch(part.value_key):
        report.refuse(inside(place, "valueKey"), f"{part.value_key!r} is in no event: eventValue or properties.NAME")
    if part.value_key and part.event_type is None:
        report.warn(inside(place, "valueKey"), "is of no event: give the metric an 'eventType'")


# --- what comes of them


@dataclass(frozen=True)
class TestedRecommender:
    """The recommender of experiments. `path` is its namespace, action and name. `weights` are the variations' own, all
    of them 1 where they have none. `holdout` is the namespace's."""

    path: tuple[str, str, str]
    weights: Mapping[str, float]
    holdout: float
    fields: tuple[ContextField, ...]


def experiment(feature: str, part: document.AnyExperiment, recommender: TestedRecommender) -> setup.Experiment:
    method, seed = str(part.__struct_config__.tag), part.seed or feature
    names, weights = list(recommender.weights), part.weights or recommender.weights
    rankers: tuple[str, ...] = ()
    if isinstance(part, document.InterleavingExperiment):
        rankers = tuple(names)
        names, weights = ["+".join(rankers)], {"+".join(rankers): 1.0}
    wanted = {each.field for each in part.audience}
    return setup.Experiment(
        method=method,
        metrics={
            **{name: metric(each, guardrail=False) for name, each in part.metrics.items()},
            **{name: metric(each, guardrail=True) for name, each in part.guardrails.items()},
        },
        id=identity("/".join((*recommender.path, feature)), part.seed if seed != feature else None, rankers),
        feature=feature,
        flag=part.flag,
        namespace=recommender.path[0],
        seed=seed,
        unit=part.unit,
        bucketing=part.bucketing,
        arms=arms(method, feature, names, weights),
        rankers=rankers,
        launch=launch(feature, part, names),
        bandit=bandit(part) if isinstance(part, document.BanditExperiment) else None,
        steps=steps(part),
        start=epoch(part.schedule.start, -inf),
        end=epoch(part.schedule.end, inf),
        holdout=part.holdout,
        global_holdout=recommender.holdout,
        group="" if part.exclusion is None else part.exclusion.group,
        range=(0.0, 1.0) if part.exclusion is None else (part.exclusion.range[0], part.exclusion.range[1]),
        audience=tuple(setup.FieldCondition(each.field, each.operator, each.value) for each in part.audience),
        fields=tuple(field for field in recommender.fields if field.name in wanted),
        overrides=part.overrides,
        synthetic=part.include_synthetic,
        confirmed_by=None if part.confirmation is None else part.confirmation.event_type or "",
    )


def launch(feature: str, part: document.AnyExperiment, names: Sequence[str]) -> tuple[setup.AllocationStep, ...]:
    method = str(part.__struct_config__.tag)
    return tuple(
        setup.AllocationStep(arms(method, feature, names, step.weights), epoch(step.at, inf))
        for step in part.ramp
        if step.weights is not None
    )


def bandit(part: document.BanditExperiment) -> setup.Bandit:
    reward = part.reward or next(iter(part.metrics))
    return setup.Bandit(reward, length(part.period), part.minimum_weight, part.burn_in)


def length(window: str) -> float:
    """Seconds of a window."""
    return float(window[:-1]) * SECONDS[window[-1]]


def arms(method: str, feature: str, names: Sequence[str], weights: Mapping[str, float]) -> tuple[setup.Arm, ...]:
    shares = {name: weights.get(name, 0.0) for name in names}
    total = sum(shares.values()) or 1.0
    return tuple(setup.arm(method, feature, name, share / total) for name, share in shares.items())


def identity(path: str, seed: str | None, rankers: tuple[str, ...]) -> str:
    """The id of an experiment. Another seed, or other lists drafted into one, make another experiment."""
    return "@".join((path, *([seed] if seed else ()), *(["+".join(rankers)] if rankers else ())))


def steps(part: document.AnyExperiment) -> tuple[tuple[float, float], ...]:
    """A ramp of traffic begins with nobody, unless `traffic` says how many take part before its first step."""
    ramp = [(epoch(step.at, inf), step.traffic) for step in part.ramp if step.traffic is not None]
    first = part.traffic if part.traffic is not None else (0.0 if ramp else 1.0)
    return ((-inf, first), *ramp)


def epoch(time: str | None, default: float) -> float:
    return default if time is None else datetime.fromisoformat(time).timestamp()


def metric(part: document.EvidentlyMetric | document.Metric, guardrail: bool) -> setup.ExperimentMetric:
    """The metric of the plan. The value at `valueKey` of an event of Evidently's comes by `experimentConversions`."""
    key = part.value_key if isinstance(part, document.Metric) else ""
    return setup.ExperimentMetric(part.event_type, length(part.window), part.direction, key, guardrail)
