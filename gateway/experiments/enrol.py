"""Finds the experiment that a request's unit takes part in, and its arm: pure, and the same in every process."""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Callable
from math import floor, inf

import msgspec

from gateway.ask import Ask
from gateway.context.autocontext import context_of
from gateway.context.operators import OPERATORS, number
from gateway.plan.draw import optimizely_share, share, share_in_group
from gateway.plan.experiment import AllocationStep, Arm, Experiment, FieldCondition
from gateway.plan.plan import Moment, Plan

log = logging.getLogger(__name__)

StickyArm = Callable[[Experiment, str], str | None]  # the variation that a unit keeps though its weights would move it
InForce = Callable[[Experiment, float], AllocationStep]  # the shares at an epoch second


class Enrolment(msgspec.Struct, frozen=True):
    """The arm of a unit. `counted` is False for an override, which neither annotates an answer nor counts as an
    exposure. `allocation` names the shares in force. `rankers` are the variations whose lists are drafted into the
    answer, where it is not the arm's own."""

    experiment: Experiment
    unit: str
    arm: Arm
    counted: bool = True
    allocation: str = ""
    rankers: tuple[str, ...] = ()


def enrolled(
    plan: Plan, ask: Ask, moment: Moment, sticky: StickyArm, in_force: InForce = Experiment.scheduled
) -> Enrolment | None:
    """The unit's arm in the experiment that is asked for, or else in the first that takes it. None: the first variation
    answers."""
    if not plan.experiments or len(plan.variations) < 2:
        return None
    try:
        for each in plan.experiments.values():
            if ask.feature is None or ask.feature == each.feature:
                enrolment = _enrolled_in(each, ask, moment, sticky, in_force)
                if enrolment is not None:
                    return enrolment
    except Exception:  # better the default than no answer
        log.exception("nobody is enrolled: the experiments of %s can't be evaluated", plan.path)
    return None


def _enrolled_in(
    experiment: Experiment, ask: Ask, moment: Moment, sticky: StickyArm, in_force: InForce
) -> Enrolment | None:
    unit = ask.user_id if experiment.unit == "user" else ask.session_id
    if not unit or not experiment.arms:
        return None
    if unit in experiment.overrides:
        return Enrolment(experiment, unit, experiment.by_variation[experiment.overrides[unit]], counted=False)
    if ask.synthetic and not experiment.synthetic:
        return None
    if not experiment.is_for_all and not takes(experiment, unit, moment.now.timestamp()):
        return None
    if experiment.audience:
        context = context_of(experiment.fields, moment, ask.context)
        if not all(_holds(each, context.get(each.field)) for each in experiment.audience):
            return None
    allocation = experiment.configured if experiment.is_steady else in_force(experiment, moment.now.timestamp())
    return placed(experiment, unit, sticky(experiment, unit), allocation)


def placed(experiment: Experiment, unit: str, sticky: str | None, allocation: AllocationStep) -> Enrolment:
    """The arm that the unit keeps, unless it is gone or gets nobody any more; else what it draws by the shares in
    force."""
    arm = allocation.by_variation.get(sticky) if sticky is not None else None
    if arm is None or arm.share <= 0:
        arm = allocation.arms[bisect_right(allocation.ends, experiment.place(unit))]
    return Enrolment(experiment, unit, arm, allocation=allocation.name, rankers=experiment.rankers)


def next_change(experiment: Experiment, now: float) -> float:
    """The epoch second after `now` at which who is in which arm may change, though nobody touches the configuration:
    the experiment starts or ends, takes a step, or a bandit's next period begins; infinite where nothing is to come."""
    times = [experiment.start, experiment.end]
    times += [at for at, _ in experiment.steps]
    times += [each.since for each in experiment.launch]
    if experiment.bandit is not None and now < experiment.end:
        times.append(next_period(experiment.bandit.period_s, now))
    return min((at for at in times if at > now), default=inf)


def next_period(period_s: float, now: float) -> float:
    """Every process knows without asking when periods begin: they are counted from the epoch."""
    return (floor(now / period_s) + 1) * period_s


def takes(experiment: Experiment, unit: str, now: float) -> bool:
    """True if the unit is among those whom the experiment is for now; weights have no part in it."""
    if not experiment.start <= now < experiment.end:
        return False
    if experiment.bucketing == "optimizely":
        first, last = experiment.members(now)
        return first <= optimizely_share(experiment.group_number, unit) < last
    if is_held_out(experiment, unit):
        return False
    first, last = experiment.range
    if experiment.group and not first <= share_in_group(experiment.group, unit) < last:
        return False
    traffic = experiment.traffic(now)
    return traffic >= 1 or (traffic > 0 and share(f"{experiment.seed}/traffic", unit) < traffic)


def is_held_out(experiment: Experiment, unit: str) -> bool:
    """True if the unit is left alone by this experiment, or by all of the namespace."""
    if experiment.bucketing == "optimizely":
        first, last = experiment.range
        return first <= optimizely_share(experiment.group_number, unit) < first + experiment.holdout * (last - first)
    namespace, seed = experiment.namespace, experiment.seed
    if experiment.global_holdout and share(f"{namespace}/holdout", unit) < experiment.global_holdout:
        return True
    return bool(experiment.holdout) and share(f"{seed}/holdout", unit) < experiment.holdout


def _holds(condition: FieldCondition, value: str | None) -> bool:
    is_number = condition.operator == "equals" and not isinstance(condition.value, str)
    raw = number(value) if is_number and value is not None else value
    return raw is not None and OPERATORS[condition.operator](raw, condition.value)
