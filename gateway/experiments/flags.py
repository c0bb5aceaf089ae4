"""Experiments as other protocols ask for them: flags by a key, each of one experiment, whose values are variations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from gateway.ask import Ask
from gateway.auth import allowed
from gateway.caller import Principal
from gateway.errors import Denied
from gateway.experiments.enrol import Enrolment, InForce, StickyArm, placed, takes
from gateway.fields import text_of
from gateway.plan.experiment import Experiment
from gateway.plan.flag import AnyFlag
from gateway.plan.plan import by_weight

Reason = Literal["split", "targeted", "override", "default", "stopped", "static"]


class UnitReport(NamedTuple):
    """A report of another tool: the unit was exposed, or did what a metric counts. `variation` is what it was shown,
    where the tool says so."""

    flag: AnyFlag
    unit: str
    metric: str | None = None
    value: float = 0.0
    variation: str | None = None
    event_id: str | None = None  # one that is sent again counts once


def number_of(value: object) -> float | None:
    """A metric's value as another tool sends it; None for what is no number, or beyond a float."""
    try:
        return None if isinstance(value, bool) or not isinstance(value, int | float) else float(value)
    except OverflowError:
        return None


class Evaluation(NamedTuple):
    """`experiment` is the one that the unit takes part in, or whose override it has."""

    variation: str
    reason: Reason
    experiment: Experiment | None = None


def ask_of(flag: AnyFlag, unit: str, context: Mapping[str, Any]) -> Ask:
    """The question that a request of this unit would be; its context as texts."""
    texts = {name: text_of(value) for name, value in context.items() if isinstance(value, str | int | float)}
    is_user = flag.unit == "user"
    return Ask(
        action=flag.plan.action,
        namespace=flag.plan.namespace,
        recommender=flag.plan.recommender,
        user_id=unit if is_user else None,
        session_id=None if is_user else unit,
        context=texts,
        synthetic=texts.get("syntheticUser") == "true",
        feature=flag.feature,
    )


def evaluation(flag: AnyFlag, unit: str, enrolment: Enrolment | None, now: float) -> Evaluation:
    """`now` in epoch seconds."""
    if enrolment is None:
        return _unenrolled(flag, unit, now)
    reason: Reason = "override"
    if enrolment.counted:
        reason = "targeted" if enrolment.experiment.audience else "split"
    return Evaluation(enrolment.arm.variation, reason, enrolment.experiment)


def _unenrolled(flag: AnyFlag, unit: str, now: float) -> Evaluation:
    """The variation of a unit that no experiment takes."""
    if flag.plan.experiments:
        runs = any(rule.experiment.start <= now < rule.experiment.end for rule in flag.rules)
        return Evaluation(flag.default, "default" if runs else "stopped")
    drawn = by_weight(flag.plan, unit).name
    return Evaluation(drawn, "split" if len(flag.plan.variations) > 1 else "static")


def exposure(report: UnitReport, at: float, sticky: StickyArm, in_force: InForce) -> Enrolment | None:
    """The arm that the unit was shown, at an epoch second; None for one that takes no part, or none that counts. The
    tool has evaluated who is of the audience."""
    for rule in report.flag.rules:
        experiment, unit = rule.experiment, report.unit
        if unit in experiment.overrides:
            return None
        if not takes(experiment, unit, at):
            continue
        allocation = in_force(experiment, at)
        if report.variation is not None:
            return Enrolment(experiment, unit, allocation.by_variation[report.variation], allocation=allocation.name)
        return placed(experiment, unit, sticky(experiment, unit), allocation)
    return None


def may_see(flag: AnyFlag, principal: Principal, unit: str | None, action: str | None = None) -> bool:
    """True if a caller may ask for this unit, or do the `action` for it; None: for no unit in particular."""
    try:
        allowed(principal, flag.plan.namespace, action or flag.plan.action, unit)
    except Denied:
        return False
    return True
